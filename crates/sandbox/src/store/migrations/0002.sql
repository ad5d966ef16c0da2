-- Numbers live by the billing clock, money has two sides.

ALTER TABLE accounts ADD COLUMN sms_per_second INTEGER;
ALTER TABLE accounts ADD COLUMN sms_per_hour INTEGER;
ALTER TABLE accounts ADD COLUMN sms_per_day INTEGER;
ALTER TABLE accounts ADD COLUMN auto_topup_threshold TEXT;
ALTER TABLE accounts ADD COLUMN auto_topup_amount TEXT;
-- 1 once a payment was made whose method can be used again
ALTER TABLE accounts ADD COLUMN payment_method INTEGER NOT NULL DEFAULT 0;

ALTER TABLE numbers ADD COLUMN product TEXT NOT NULL DEFAULT '';
ALTER TABLE numbers ADD COLUMN purpose TEXT NOT NULL DEFAULT 'rental';
ALTER TABLE numbers ADD COLUMN auto_renew INTEGER NOT NULL DEFAULT 1;
ALTER TABLE numbers ADD COLUMN order_id TEXT;
ALTER TABLE numbers ADD COLUMN ends_ms INTEGER;
ALTER TABLE numbers ADD COLUMN sms_left INTEGER;
ALTER TABLE numbers ADD COLUMN calls_left INTEGER;
ALTER TABLE numbers ADD COLUMN service TEXT;
ALTER TABLE numbers ADD COLUMN disposal TEXT;
ALTER TABLE numbers ADD COLUMN trouble TEXT;
ALTER TABLE numbers ADD COLUMN clients_fault INTEGER NOT NULL DEFAULT 0;
ALTER TABLE numbers ADD COLUMN replacement INTEGER NOT NULL DEFAULT 0;
ALTER TABLE numbers ADD COLUMN mended_ms INTEGER;
ALTER TABLE numbers ADD COLUMN reported_ms INTEGER;
CREATE INDEX numbers_order ON numbers (order_id) WHERE order_id IS NOT NULL;

ALTER TABLE topups ADD COLUMN automatic INTEGER NOT NULL DEFAULT 0;

ALTER TABLE transactions ADD COLUMN cashback_after TEXT NOT NULL DEFAULT '0';

-- Both sides of each transaction: the amounts of one add up to zero.
CREATE TABLE entries (
    transaction_id TEXT NOT NULL,
    ledger         TEXT NOT NULL,
    amount         TEXT NOT NULL,
    PRIMARY KEY (transaction_id, ledger)
) STRICT, WITHOUT ROWID;
INSERT INTO entries (transaction_id, ledger, amount)
    SELECT id, 'customer:' || account || ':money', amount FROM transactions;
INSERT INTO entries (transaction_id, ledger, amount)
    SELECT id,
           CASE type WHEN 'top_up' THEN 'payments' WHEN 'cashback' THEN 'cashback' WHEN 'refund' THEN 'refunds'
                     WHEN 'adjustment' THEN 'adjustments' ELSE 'income:' || type END,
           CASE WHEN amount LIKE '-%' THEN substr(amount, 2) ELSE '-' || amount END
    FROM transactions;

-- Prices that were changed since the catalogue was made.
CREATE TABLE prices (
    product     TEXT PRIMARY KEY,
    monthly_fee TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE orders (
    position         INTEGER PRIMARY KEY AUTOINCREMENT,
    id               TEXT NOT NULL UNIQUE,
    account          INTEGER NOT NULL REFERENCES accounts (id),
    product          TEXT NOT NULL,
    purpose          TEXT NOT NULL,
    count            INTEGER NOT NULL,
    months           INTEGER NOT NULL,
    service          TEXT,
    discount_percent TEXT NOT NULL,
    total            TEXT NOT NULL,
    cashback         TEXT NOT NULL,
    at_ms            INTEGER NOT NULL
) STRICT;
CREATE INDEX orders_account ON orders (account, position);

-- Which number was issued for which service: never twice.
CREATE TABLE issued (
    e164    TEXT NOT NULL,
    service TEXT NOT NULL,
    PRIMARY KEY (e164, service)
) STRICT, WITHOUT ROWID;

CREATE TABLE notices (
    position  INTEGER PRIMARY KEY AUTOINCREMENT,
    id        TEXT NOT NULL UNIQUE,
    account   INTEGER NOT NULL REFERENCES accounts (id),
    kind      TEXT NOT NULL,
    number    TEXT,
    at_ms     INTEGER NOT NULL,
    text      TEXT NOT NULL,
    reference TEXT
) STRICT;
CREATE INDEX notices_account ON notices (account, at_ms);

CREATE TABLE documents (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    account  INTEGER NOT NULL REFERENCES accounts (id),
    kind     TEXT NOT NULL,
    state    TEXT NOT NULL,
    reason   TEXT,
    content  TEXT NOT NULL,
    at_ms    INTEGER NOT NULL
) STRICT;
CREATE INDEX documents_account ON documents (account, position);

CREATE TABLE refunds (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    account  INTEGER NOT NULL REFERENCES accounts (id),
    service  TEXT NOT NULL,
    reason   TEXT NOT NULL,
    asked    TEXT NOT NULL,
    state    TEXT NOT NULL,
    ground   TEXT,
    way      TEXT,
    granted  TEXT,
    at_ms    INTEGER NOT NULL,
    due_ms   INTEGER
) STRICT;
CREATE INDEX refunds_account ON refunds (account, position);

-- Participant minutes of conferences not yet invoiced or already so.
CREATE TABLE conference_minutes (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    account    INTEGER NOT NULL REFERENCES accounts (id),
    conference TEXT NOT NULL,
    minutes    INTEGER NOT NULL,
    at_ms      INTEGER NOT NULL,
    invoice    TEXT
) STRICT;
CREATE INDEX conference_minutes_open ON conference_minutes (account) WHERE invoice IS NULL;

CREATE TABLE invoices (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    account  INTEGER NOT NULL REFERENCES accounts (id),
    month    TEXT NOT NULL,
    minutes  INTEGER NOT NULL,
    total    TEXT NOT NULL,
    at_ms    INTEGER NOT NULL
) STRICT;
CREATE INDEX invoices_account ON invoices (account, position);

-- Tokens that may do less than the account's own.
CREATE TABLE tokens (
    token   TEXT PRIMARY KEY,
    id      TEXT NOT NULL UNIQUE,
    account INTEGER NOT NULL REFERENCES accounts (id),
    label   TEXT NOT NULL,
    scopes  TEXT NOT NULL,
    at_ms   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The demonstration's customers have shown their papers.
INSERT INTO documents (id, account, kind, state, content, at_ms)
    SELECT 'doc_' || public_id || '_p', id, 'passport', 'approved', 'image/jpeg', 0 FROM accounts
    UNION ALL
    SELECT 'doc_' || public_id || '_a', id, 'registration_address', 'approved', 'Demo', 0 FROM accounts;
