CREATE TABLE account (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT NOT NULL,
    user         TEXT NOT NULL,
    domain       TEXT NOT NULL,
    proxy        TEXT,
    provider_url TEXT,
    sandbox      INTEGER NOT NULL,
    secret_name  TEXT NOT NULL
) STRICT;

CREATE TABLE number (
    account        INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    position       INTEGER NOT NULL,
    remote_id      TEXT NOT NULL,
    e164           TEXT NOT NULL,
    country        TEXT NOT NULL,
    city           TEXT,
    label          TEXT,
    calls          INTEGER NOT NULL,
    sms            INTEGER NOT NULL,
    fee_amount     TEXT,
    fee_currency   TEXT,
    renews_on      TEXT,
    state          TEXT NOT NULL,
    PRIMARY KEY (account, position)
) STRICT;

CREATE TABLE balance (
    account  INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    amount   TEXT NOT NULL,
    currency TEXT NOT NULL,
    at       INTEGER NOT NULL,
    least    TEXT,
    most     TEXT
) STRICT;

CREATE TABLE cursor (
    account INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    place   TEXT NOT NULL
) STRICT;

CREATE TABLE thread (
    id      INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    number  TEXT NOT NULL,
    peer    TEXT NOT NULL,
    UNIQUE (account, number, peer)
) STRICT;

CREATE TABLE draft (
    thread INTEGER PRIMARY KEY REFERENCES thread (id) ON DELETE CASCADE,
    text   TEXT NOT NULL
) STRICT;

CREATE TABLE activity (
    id        INTEGER PRIMARY KEY,
    account   INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    kind      TEXT NOT NULL,
    remote_id TEXT,
    version   INTEGER NOT NULL,
    thread    INTEGER REFERENCES thread (id),
    number    TEXT NOT NULL,
    peer      TEXT NOT NULL,
    at        INTEGER NOT NULL,
    unread    INTEGER NOT NULL,
    deleted   INTEGER NOT NULL,
    UNIQUE (account, kind, remote_id)
) STRICT;
CREATE INDEX activity_newest ON activity (at DESC, id DESC) WHERE deleted = 0;
CREATE INDEX activity_of_thread ON activity (thread, at DESC, id DESC) WHERE deleted = 0;
CREATE INDEX activity_unread ON activity (unread) WHERE unread = 1;

CREATE TABLE message (
    activity       INTEGER PRIMARY KEY REFERENCES activity (id) ON DELETE CASCADE,
    incoming       INTEGER NOT NULL,
    text           TEXT NOT NULL,
    state          TEXT NOT NULL,
    error_code     TEXT,
    error_detail   TEXT,
    price_amount   TEXT,
    price_currency TEXT,
    send_key       TEXT
) STRICT;
CREATE INDEX message_by_key ON message (send_key) WHERE send_key IS NOT NULL;

CREATE TABLE call (
    activity         INTEGER PRIMARY KEY REFERENCES activity (id) ON DELETE CASCADE,
    sip_call_id      TEXT,
    incoming         INTEGER NOT NULL,
    outcome          TEXT NOT NULL,
    duration_seconds INTEGER NOT NULL,
    price_amount     TEXT,
    price_currency   TEXT
) STRICT;
CREATE INDEX call_by_sip_call_id ON call (sip_call_id) WHERE sip_call_id IS NOT NULL;

CREATE TABLE ledger (
    activity    INTEGER PRIMARY KEY REFERENCES activity (id) ON DELETE CASCADE,
    kind        TEXT NOT NULL,
    amount      TEXT NOT NULL,
    currency    TEXT NOT NULL,
    balance     TEXT NOT NULL,
    description TEXT NOT NULL,
    reference   TEXT
) STRICT;

CREATE TABLE outbox (
    activity INTEGER PRIMARY KEY REFERENCES activity (id) ON DELETE CASCADE,
    account  INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    send_key TEXT NOT NULL UNIQUE,
    state    TEXT NOT NULL
) STRICT;

CREATE TABLE topup (
    send_key  TEXT PRIMARY KEY,
    account   INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    remote_id TEXT,
    amount    TEXT NOT NULL,
    currency  TEXT NOT NULL,
    state     TEXT NOT NULL,
    url       TEXT,
    at        INTEGER NOT NULL
) STRICT;

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
