ALTER TABLE call ADD COLUMN seen_at INTEGER;
ALTER TABLE call ADD COLUMN seen_outcome TEXT;
ALTER TABLE call ADD COLUMN seen_seconds INTEGER;
UPDATE call SET seen_at = a.at, seen_outcome = call.outcome, seen_seconds = call.duration_seconds
FROM activity a WHERE a.id = call.activity AND a.remote_id IS NULL;
CREATE INDEX activity_calls ON activity (account, at) WHERE kind = 'call' AND deleted = 0;
