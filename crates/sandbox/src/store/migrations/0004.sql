-- What its customer has deleted is kept for the limits and the ledger, without its text.
ALTER TABLE messages ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
