CREATE TABLE address_book (
    id          INTEGER PRIMARY KEY,
    url         TEXT NOT NULL,
    user        TEXT NOT NULL,
    name        TEXT NOT NULL,
    secret_name TEXT NOT NULL,
    token       TEXT,
    ctag        TEXT,
    synced_at   INTEGER,
    UNIQUE (url, user)
) STRICT;
CREATE TABLE address_card (
    book    INTEGER NOT NULL REFERENCES address_book (id) ON DELETE CASCADE,
    href    TEXT NOT NULL,
    etag    TEXT NOT NULL,
    contact INTEGER REFERENCES contact (id) ON DELETE SET NULL,
    base    TEXT,
    PRIMARY KEY (book, href)
) STRICT;
CREATE INDEX address_card_contact ON address_card (contact);
