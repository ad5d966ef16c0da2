CREATE TABLE deletion (
    account   INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    remote_id TEXT NOT NULL,
    state     TEXT NOT NULL,
    PRIMARY KEY (account, remote_id)
) STRICT;
ALTER TABLE thread ADD COLUMN removed_until INTEGER;
ALTER TABLE thread ADD COLUMN removed_there INTEGER NOT NULL DEFAULT 0;
