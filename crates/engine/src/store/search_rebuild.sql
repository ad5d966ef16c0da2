DELETE FROM search;
INSERT INTO search (rowid, text)
    SELECT activity, replace(replace(replace(replace(text, 'ё', 'е'), 'Ё', 'Е'), 'й', 'и'), 'Й', 'И') FROM message;
