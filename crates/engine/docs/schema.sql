-- The database as it is after every migration. A test holds this file against it.

-- Accounts the user added. Their secrets are in the keyring, under secret_name.
-- proxy: hosts in the order to try, a space between; ca_file: authorities in place of the platform's;
-- instance: this phone's own URN (RFC 5626).
CREATE TABLE account (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT NOT NULL,
    user         TEXT NOT NULL,
    domain       TEXT NOT NULL,
    proxy        TEXT,
    provider_url TEXT,
    sandbox      INTEGER NOT NULL,
    secret_name  TEXT NOT NULL,
    transport    TEXT NOT NULL DEFAULT 'auto',
    ca_file      TEXT,
    instance     TEXT,
    outbound     INTEGER NOT NULL DEFAULT 1,
    media        TEXT -- how its calls sound and travel, as one JSON document without secrets
) STRICT;

-- An account's rented numbers, in the provider's order, as last read.
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

-- What an account can spend, as last read (at: microseconds since 1970), and the limits of a top-up.
CREATE TABLE balance (
    account  INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    amount   TEXT NOT NULL,
    currency TEXT NOT NULL,
    at       INTEGER NOT NULL,
    least    TEXT,
    most     TEXT
) STRICT;

-- What a number costs in use and how it goes on, as last read. trial_until: microseconds since 1970, days:
-- YYYY-MM-DD; restrictions: the provider's words, a line each.
CREATE TABLE number_terms (
    account          INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    remote_id        TEXT NOT NULL,
    kind             TEXT,
    ordered_on       TEXT,
    expires_on       TEXT,
    restorable_until TEXT,
    auto_renew       INTEGER,
    caller_id        INTEGER,
    trial_until      INTEGER,
    sms_left         INTEGER,
    calls_left       INTEGER,
    next_amount      TEXT,
    next_currency    TEXT,
    minute_amount    TEXT,
    minute_currency  TEXT,
    sms_amount       TEXT,
    sms_currency     TEXT,
    restrictions     TEXT NOT NULL,
    PRIMARY KEY (account, remote_id)
) STRICT;

-- The rules an account lives under, as far as its provider tells them (at: microseconds since 1970).
-- ahead: by how many microseconds the provider's clock is ahead of this computer's; the lists: words, a space between.
CREATE TABLE rules (
    account           INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    at                INTEGER NOT NULL,
    ahead             INTEGER NOT NULL,
    zone              TEXT,
    unpaid            TEXT,
    per_second        INTEGER,
    per_hour          INTEGER,
    per_day           INTEGER,
    sms_window        TEXT,
    sms_scope         TEXT,
    sms_priced        TEXT,
    longest_text      INTEGER,
    no_calls_to       TEXT NOT NULL,
    no_sms_to         TEXT NOT NULL,
    documents_missing TEXT NOT NULL
) STRICT;

-- What the provider said of targets (at: microseconds since 1970), the latest few hundred of each account.
-- number: the account's number it was asked with, empty without.
CREATE TABLE rate (
    account       INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    target        TEXT NOT NULL,
    number        TEXT NOT NULL,
    at            INTEGER NOT NULL,
    country       TEXT,
    name          TEXT,
    call_state    TEXT NOT NULL,
    call_code     TEXT,
    call_detail   TEXT,
    call_amount   TEXT,
    call_currency TEXT,
    sms_state     TEXT NOT NULL,
    sms_code      TEXT,
    sms_detail    TEXT,
    sms_amount    TEXT,
    sms_currency  TEXT,
    shown         TEXT NOT NULL,
    shown_number  TEXT,
    PRIMARY KEY (account, target, number)
) STRICT;

-- What costs money or asks for it back, kept until the provider has answered (at: microseconds since 1970).
-- kind: order, restore or refund; subject: an offer's id, or that of the number, order or top-up it is about.
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

-- An account's place in its provider's feed. Changes only in the transaction that keeps the rows up to there.
CREATE TABLE cursor (
    account INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    place   TEXT NOT NULL
) STRICT;

-- How far an account's past has been read, while some is left: the page to read next (none for the newest), the rows so
-- far and in all, where known. What is dated up to `until` is no news.
CREATE TABLE history (
    account   INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    page      TEXT,
    rows_read INTEGER NOT NULL,
    rows_all  INTEGER,
    until     INTEGER NOT NULL
) STRICT;

-- Conversations: one account, one of its numbers (empty when unknown), one peer as it came.
CREATE TABLE thread (
    id      INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    number  TEXT NOT NULL,
    peer    TEXT NOT NULL,
    removed_until INTEGER, -- what happened up to then was removed; its past may come to light later
    removed_there INTEGER NOT NULL DEFAULT 0, -- and its messages at the provider too
    UNIQUE (account, number, peer)
) STRICT;

-- Messages that the provider is to delete ('waiting'), has deleted ('gone') or never will ('refused'): all of an account
-- go when the last one is answered.
CREATE TABLE deletion (
    account   INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    remote_id TEXT NOT NULL,
    state     TEXT NOT NULL,
    PRIMARY KEY (account, remote_id)
) STRICT;

-- What was typed in a conversation and not sent.
CREATE TABLE draft (
    thread INTEGER PRIMARY KEY REFERENCES thread (id) ON DELETE CASCADE,
    text   TEXT NOT NULL
) STRICT;

-- Rows of Recent Activity; what they are about is in message, call or ledger. remote_id is NULL until the provider
-- knows the row. A lower or equal version is ignored. A deleted row stays as a tombstone so that it can't come back
-- with an older version. unread is the read mark.
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
    aside     INTEGER NOT NULL DEFAULT 0, -- nobody was told of it yet
    UNIQUE (account, kind, remote_id)
) STRICT;
CREATE INDEX activity_newest ON activity (at DESC, id DESC) WHERE deleted = 0;
CREATE INDEX activity_of_thread ON activity (thread, at DESC, id DESC) WHERE deleted = 0;
CREATE INDEX activity_unread ON activity (unread) WHERE unread = 1;
CREATE INDEX activity_calls ON activity (account, at) WHERE kind = 'call' AND deleted = 0;
CREATE INDEX activity_aside ON activity (aside) WHERE aside = 1;

-- SMS. state: received queued sending sent delivered failed unknown. send_key is our Idempotency-Key.
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

-- Calls. sip_call_id joins what SIP saw to the provider's log. outcome: answered missed declined busy unanswered failed.
CREATE TABLE call (
    activity         INTEGER PRIMARY KEY REFERENCES activity (id) ON DELETE CASCADE,
    sip_call_id      TEXT,
    incoming         INTEGER NOT NULL,
    outcome          TEXT NOT NULL,
    duration_seconds INTEGER NOT NULL,
    price_amount     TEXT,
    price_currency   TEXT,
    recording        TEXT, -- path of its file on this computer
    seen_at      INTEGER, -- when it rang as SIP saw it, where SIP saw it
    seen_outcome TEXT,
    seen_seconds INTEGER
) STRICT;
CREATE INDEX call_by_sip_call_id ON call (sip_call_id) WHERE sip_call_id IS NOT NULL;

-- How money moved, as the provider tells it. Amounts are exact decimals.
CREATE TABLE ledger (
    activity    INTEGER PRIMARY KEY REFERENCES activity (id) ON DELETE CASCADE,
    kind        TEXT NOT NULL,
    amount      TEXT NOT NULL,
    currency    TEXT NOT NULL,
    balance     TEXT NOT NULL,
    description TEXT NOT NULL,
    reference   TEXT
) STRICT;

-- Times of which a provider keeps nothing any more, and in which nobody asked it. The activity row's time is the end.
CREATE TABLE gap (
    activity INTEGER PRIMARY KEY REFERENCES activity (id) ON DELETE CASCADE,
    since    INTEGER NOT NULL
) STRICT;

-- SMS whose outcome is not known yet. state: queued sending unknown. A row here exists before anything is sent.
CREATE TABLE outbox (
    activity INTEGER PRIMARY KEY REFERENCES activity (id) ON DELETE CASCADE,
    account  INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    send_key TEXT NOT NULL UNIQUE,
    state    TEXT NOT NULL,
    left_at   INTEGER, -- when its request left, by the provider's clock
    leaves_at INTEGER  -- while it is queued: when it leaves, by ours
) STRICT;

-- Top-ups that were asked for and have not ended. Gone when the ledger shows the money, or it was declined.
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

-- One JSON document named 'settings'.
CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- Where the words of messages are, without the messages. Cyrillic ё and й are kept as е and и; the triggers keep it
-- in the transactions that change messages.
CREATE VIRTUAL TABLE search USING fts5(
    text, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3'
);
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

-- Somebody with a name; `uid` is the vCard's, `folded` name and note as a search compares them.
CREATE TABLE contact (
    id     INTEGER PRIMARY KEY,
    uid    TEXT NOT NULL UNIQUE,
    name   TEXT NOT NULL,
    note   TEXT NOT NULL,
    folded TEXT NOT NULL,
    favourite INTEGER NOT NULL DEFAULT 0 -- its calls ring while everybody else's don't
) STRICT;

-- A number is one person's.
CREATE TABLE contact_number (
    number  TEXT PRIMARY KEY,
    contact INTEGER NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    label   TEXT
) STRICT;
CREATE INDEX contact_number_of ON contact_number (contact);

-- Address books at servers, which are read and never written to.
CREATE TABLE address_book (
    id          INTEGER PRIMARY KEY,
    url         TEXT NOT NULL,
    user        TEXT NOT NULL,
    name        TEXT NOT NULL,
    secret_name TEXT NOT NULL, -- of the password, in the keyring
    token       TEXT, -- from where changes are told (RFC 6578)
    ctag        TEXT, -- the book's mark, where changes are not told
    synced_at   INTEGER,
    UNIQUE (url, user)
) STRICT;

-- Their cards: contact is NULL for one without a number, or whose contact was removed here; base is the card as it came last.
CREATE TABLE address_card (
    book    INTEGER NOT NULL REFERENCES address_book (id) ON DELETE CASCADE,
    href    TEXT NOT NULL,
    etag    TEXT NOT NULL,
    contact INTEGER REFERENCES contact (id) ON DELETE SET NULL,
    base    TEXT,
    PRIMARY KEY (book, href)
) STRICT;
CREATE INDEX address_card_contact ON address_card (contact);

-- Whose calls and SMS are kept aside.
CREATE TABLE blocked (
    number TEXT PRIMARY KEY,
    spam   INTEGER NOT NULL,
    at     INTEGER NOT NULL
) STRICT;
