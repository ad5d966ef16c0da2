-- Who has asked for SIP credentials.
CREATE TABLE sip_accounts (
    account   INTEGER PRIMARY KEY REFERENCES accounts (id),
    issued_ms INTEGER NOT NULL
) STRICT;
INSERT INTO sip_accounts (account, issued_ms) SELECT id, 0 FROM accounts;

-- What a number does with calls, as JSON. A number without a row reaches nobody.
CREATE TABLE routing (
    number   TEXT PRIMARY KEY REFERENCES numbers (id),
    settings TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- Numbers of before calls had settings rang the account.
INSERT INTO routing (number, settings)
    SELECT id, '{"forwarding":{"order":"simultaneous","targets":[{"to":"sip"}]}}' FROM numbers;

CREATE TABLE greetings (
    id      TEXT PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    name    TEXT NOT NULL,
    at_ms   INTEGER NOT NULL,
    seconds INTEGER NOT NULL,
    wav     BLOB NOT NULL
) STRICT;
CREATE INDEX greetings_account ON greetings (account);

CREATE TABLE voicemails (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    account  INTEGER NOT NULL REFERENCES accounts (id),
    number   TEXT NOT NULL,
    peer     TEXT NOT NULL,
    at_ms    INTEGER NOT NULL,
    seconds  INTEGER NOT NULL,
    heard    INTEGER NOT NULL DEFAULT 0,
    wav      BLOB NOT NULL
) STRICT;
CREATE INDEX voicemails_account ON voicemails (account);

-- Calls that are charged while they run: what a killed sandbox has to write into the log.
CREATE TABLE running_calls (
    id         TEXT PRIMARY KEY,
    account    INTEGER NOT NULL REFERENCES accounts (id),
    direction  TEXT NOT NULL,
    number     TEXT NOT NULL,
    peer       TEXT NOT NULL,
    at_ms      INTEGER NOT NULL,
    seconds    INTEGER NOT NULL,
    charged    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE conferences (
    position         INTEGER PRIMARY KEY AUTOINCREMENT,
    id               TEXT NOT NULL UNIQUE,
    account          INTEGER NOT NULL REFERENCES accounts (id),
    title            TEXT NOT NULL,
    pin              TEXT NOT NULL UNIQUE,
    organiser_pin    TEXT NOT NULL UNIQUE,
    state            TEXT NOT NULL,
    organiser_joined INTEGER NOT NULL DEFAULT 0,
    at_ms            INTEGER NOT NULL,
    started_ms       INTEGER,
    -- participant minutes that stand on an invoice already
    invoiced         INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX conferences_account ON conferences (account);

CREATE TABLE conference_legs (
    id         TEXT PRIMARY KEY,
    conference TEXT NOT NULL REFERENCES conferences (id),
    line       TEXT NOT NULL,
    peer       TEXT NOT NULL,
    organiser  INTEGER NOT NULL,
    joined_ms  INTEGER NOT NULL,
    left_ms    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX conference_legs_conference ON conference_legs (conference);
