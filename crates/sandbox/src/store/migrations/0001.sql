-- Amounts are decimals written as text: SQLite's own numbers would round them.
-- Times are milliseconds since 1970-01-01 UTC, days are YYYY-MM-DD.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    id            INTEGER PRIMARY KEY,
    public_id     TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    profile       TEXT NOT NULL,
    currency      TEXT NOT NULL,
    token         TEXT NOT NULL UNIQUE,
    sip_user      TEXT NOT NULL UNIQUE,
    sip_password  TEXT NOT NULL,
    seq           INTEGER NOT NULL DEFAULT 0,
    oldest_cursor INTEGER NOT NULL DEFAULT 0,
    -- 1 once a client was there since the sandbox was last started
    visited       INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE numbers (
    id              TEXT PRIMARY KEY,
    account         INTEGER NOT NULL REFERENCES accounts (id),
    e164            TEXT NOT NULL,
    country         TEXT NOT NULL,
    city            TEXT,
    label           TEXT,
    kind            TEXT NOT NULL,
    calls           INTEGER NOT NULL,
    sms             INTEGER NOT NULL,
    monthly_fee     TEXT NOT NULL,
    incoming_minute TEXT NOT NULL,
    sms_price       TEXT,
    ordered_on      TEXT NOT NULL,
    renews_on       TEXT,
    state           TEXT NOT NULL
) STRICT;
-- A number can be rented out again once nobody has it.
CREATE UNIQUE INDEX numbers_e164 ON numbers (e164) WHERE state <> 'deleted';
CREATE INDEX numbers_account ON numbers (account);

CREATE TABLE messages (
    position        INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT NOT NULL UNIQUE,
    account         INTEGER NOT NULL REFERENCES accounts (id),
    version         INTEGER NOT NULL,
    direction       TEXT NOT NULL,
    number          TEXT NOT NULL,
    peer            TEXT NOT NULL,
    text            TEXT NOT NULL,
    state           TEXT NOT NULL,
    failure         TEXT,
    at_ms           INTEGER NOT NULL,
    price           TEXT,
    idempotency_key TEXT
) STRICT;
CREATE INDEX messages_account ON messages (account, at_ms);
CREATE UNIQUE INDEX messages_key ON messages (account, idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE TABLE calls (
    position         INTEGER PRIMARY KEY AUTOINCREMENT,
    id               TEXT NOT NULL UNIQUE,
    account          INTEGER NOT NULL REFERENCES accounts (id),
    version          INTEGER NOT NULL,
    sip_call_id      TEXT,
    direction        TEXT NOT NULL,
    number           TEXT NOT NULL,
    peer             TEXT NOT NULL,
    at_ms            INTEGER NOT NULL,
    duration_seconds INTEGER NOT NULL,
    outcome          TEXT NOT NULL,
    price            TEXT
) STRICT;
CREATE INDEX calls_account ON calls (account, at_ms);

CREATE TABLE transactions (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    id            TEXT NOT NULL UNIQUE,
    account       INTEGER NOT NULL REFERENCES accounts (id),
    version       INTEGER NOT NULL,
    type          TEXT NOT NULL,
    amount        TEXT NOT NULL,
    balance_after TEXT NOT NULL,
    at_ms         INTEGER NOT NULL,
    description   TEXT NOT NULL,
    reference     TEXT
) STRICT;
CREATE INDEX transactions_account ON transactions (account, at_ms);

CREATE TABLE topups (
    id         TEXT PRIMARY KEY,
    account    INTEGER NOT NULL REFERENCES accounts (id),
    state      TEXT NOT NULL,
    amount     TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a client asked for under a key, so that asking again does nothing again.
CREATE TABLE idempotency (
    account INTEGER NOT NULL REFERENCES accounts (id),
    scope   TEXT NOT NULL,
    key     TEXT NOT NULL,
    request TEXT NOT NULL,
    result  TEXT NOT NULL,
    PRIMARY KEY (account, scope, key)
) STRICT, WITHOUT ROWID;

-- The feed: each object once, at the place of its latest change.
CREATE TABLE changes (
    account INTEGER NOT NULL REFERENCES accounts (id),
    seq     INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    id      TEXT NOT NULL,
    version INTEGER NOT NULL,
    op      TEXT NOT NULL,
    PRIMARY KEY (account, kind, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX changes_seq ON changes (account, seq);

-- What is due later, done in the order of its time even after a restart.
CREATE TABLE agenda (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    due_ms   INTEGER NOT NULL,
    action   TEXT NOT NULL
) STRICT;
CREATE INDEX agenda_due ON agenda (due_ms, position);
