-- Connections through gateways. The id is the gateway's own: a report may come twice.
CREATE TABLE connections (
    gateway_id INTEGER NOT NULL REFERENCES gateways (id),
    id TEXT NOT NULL CHECK (length(id) = 32),
    user_id INTEGER NOT NULL REFERENCES users (id),
    device_id INTEGER NOT NULL REFERENCES devices (id),
    resource_id INTEGER NOT NULL REFERENCES resources (id),
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    why TEXT CHECK ((why IS NULL) = (ended_at IS NULL)),
    sent INTEGER NOT NULL DEFAULT 0 CHECK (sent >= 0),
    received INTEGER NOT NULL DEFAULT 0 CHECK (received >= 0),
    PRIMARY KEY (gateway_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX connection_use ON connections (user_id, resource_id, started_at);

-- The newest start or end of a user's connections to a resource.
CREATE TABLE last_uses (
    user_id INTEGER NOT NULL REFERENCES users (id),
    resource_id INTEGER NOT NULL REFERENCES resources (id),
    at INTEGER NOT NULL,
    PRIMARY KEY (user_id, resource_id)
) STRICT, WITHOUT ROWID;
