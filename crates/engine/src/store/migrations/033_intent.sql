CREATE TABLE intent (
    send_key        TEXT PRIMARY KEY,
    account         INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    at              INTEGER NOT NULL,
    kind            TEXT NOT NULL,
    subject         TEXT NOT NULL,
    quantity        INTEGER,
    months          INTEGER,
    trial           INTEGER,
    amount          TEXT,
    currency        TEXT,
    reason          TEXT,
    explanation     TEXT,
    payment_details TEXT
) STRICT;
