-- When a session ends by itself: 7 days after its last visit and 30 days after its start for browsers,
-- 30 and 90 days for all others, in milliseconds.
ALTER TABLE sessions ADD COLUMN ends_at INTEGER NOT NULL DEFAULT 0;
UPDATE sessions SET ends_at = CASE kind
    WHEN 'browser' THEN min(last_seen + 604800000, created_at + 2592000000)
    ELSE min(last_seen + 2592000000, created_at + 7776000000)
END;
DROP INDEX session_created;
CREATE INDEX session_end ON sessions (ends_at);
