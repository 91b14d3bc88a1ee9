-- Where the count of unused days starts under auto-lock, where nothing was used or unlocked: when the
-- user joined the group, or when the assignment first came to auto-lock, whatever is later. What stands in
-- unused_counts before this counts as an unlock.
ALTER TABLE memberships ADD COLUMN since INTEGER;
UPDATE memberships SET since = 0;
CREATE INDEX membership_new ON memberships (group_id) WHERE since IS NULL;

ALTER TABLE assignments ADD COLUMN auto_locks_since INTEGER;
UPDATE assignments SET auto_locks_since = 0
    WHERE removed = 0 AND coalesce(mode, (SELECT r.mode FROM resources r WHERE r.id = resource_id)) = 'auto_lock';
CREATE INDEX assignment_new ON assignments (id) WHERE removed = 0 AND auto_locks_since IS NULL AND mode = 'auto_lock';
CREATE INDEX resource_auto_locks ON resources (id) WHERE removed = 0 AND mode = 'auto_lock';
