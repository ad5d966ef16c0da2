CREATE TABLE history (
    account   INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    page      TEXT,
    rows_read INTEGER NOT NULL,
    rows_all  INTEGER,
    until     INTEGER NOT NULL
) STRICT;
