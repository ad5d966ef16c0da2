CREATE VIRTUAL TABLE search USING fts5(
    text, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);
INSERT INTO search (rowid, text)
    SELECT activity, replace(replace(replace(replace(text, 'ё', 'е'), 'Ё', 'Е'), 'й', 'и'), 'Й', 'И') FROM message;
CREATE TRIGGER search_message_added AFTER INSERT ON message BEGIN
    INSERT INTO search (rowid, text) VALUES (new.activity,
        replace(replace(replace(replace(new.text, 'ё', 'е'), 'Ё', 'Е'), 'й', 'и'), 'Й', 'И'));
END;
CREATE TRIGGER search_message_changed AFTER UPDATE OF text ON message WHEN old.text IS NOT new.text BEGIN
    UPDATE search SET text =
        replace(replace(replace(replace(new.text, 'ё', 'е'), 'Ё', 'Е'), 'й', 'и'), 'Й', 'И') WHERE rowid = old.activity;
END;
CREATE TRIGGER search_message_removed AFTER DELETE ON message BEGIN
    DELETE FROM search WHERE rowid = old.activity;
END;
CREATE TABLE contact (
    id     INTEGER PRIMARY KEY,
    uid    TEXT NOT NULL UNIQUE,
    name   TEXT NOT NULL,
    note   TEXT NOT NULL,
    folded TEXT NOT NULL
) STRICT;
CREATE TABLE contact_number (
    number  TEXT PRIMARY KEY,
    contact INTEGER NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    label   TEXT
) STRICT;
CREATE INDEX contact_number_of ON contact_number (contact);
CREATE TABLE blocked (
    number TEXT PRIMARY KEY,
    spam   INTEGER NOT NULL,
    at     INTEGER NOT NULL
) STRICT;
