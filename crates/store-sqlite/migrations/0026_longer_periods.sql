-- Access may last 365 days where the organisation says so; what the requester chooses, 7 days. The checks
-- alone change, and no row: SQLite's documented way for that writes the schema itself, so that nothing that
-- refers to these tables is touched. Its version changes by the table that comes and goes: every process that
-- has the database open reads the schema again.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (period_seconds BETWEEN 60 AND 604800)',
    'CHECK (period_seconds BETWEEN 60 AND iif(period = ''preset'', 31536000, 604800))')
    WHERE type = 'table' AND name IN ('resources', 'assignments');
UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (asked_seconds BETWEEN 60 AND 604800)',
    'CHECK (asked_seconds BETWEEN 60 AND 31536000)')
    WHERE type = 'table' AND name = 'requests';
PRAGMA writable_schema = RESET;
CREATE TABLE schema_changed (id INTEGER) STRICT;
DROP TABLE schema_changed;
