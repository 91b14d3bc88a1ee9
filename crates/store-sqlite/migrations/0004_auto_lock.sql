-- Where the count of unused days starts under auto-lock, for a user and a resource: when it was
-- first assigned, or when it was last unlocked. Uses are in last_uses.
CREATE TABLE unused_counts (
    user_id INTEGER NOT NULL REFERENCES users (id),
    resource_id INTEGER NOT NULL REFERENCES resources (id),
    starts_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, resource_id)
) STRICT, WITHOUT ROWID;
