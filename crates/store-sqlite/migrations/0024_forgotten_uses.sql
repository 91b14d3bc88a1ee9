-- Connections that started in such a span restart no count of unused days: what opened the resource was
-- taken back (rule 12).
CREATE TABLE forgotten_uses (
    user_id INTEGER NOT NULL REFERENCES users (id),
    resource_id INTEGER NOT NULL REFERENCES resources (id),
    from_at INTEGER NOT NULL,
    to_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, resource_id, from_at)
) STRICT, WITHOUT ROWID;
