-- What OAuth's device flow calls a device is a code that waits for consent.
ALTER TABLE devices RENAME TO device_codes;

-- A device has ended when its session has, or when it has none any more. Its row stays for history.
CREATE TABLE devices (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    session_id INTEGER UNIQUE REFERENCES sessions (id) ON DELETE SET NULL,
    name TEXT NOT NULL,
    key TEXT NOT NULL CHECK (length(key) = 64),
    created_at INTEGER NOT NULL,
    renewed_at INTEGER NOT NULL
) STRICT;

CREATE INDEX devices_user ON devices (user_id, id) WHERE session_id IS NOT NULL;

CREATE TABLE gateways (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL CHECK (name <> ''),
    network_id INTEGER NOT NULL REFERENCES networks (id),
    address TEXT NOT NULL CHECK (address <> ''),
    token BLOB UNIQUE CHECK (length(token) = 32),
    token_expires_at INTEGER CHECK ((token IS NULL) = (token_expires_at IS NULL)),
    credential BLOB UNIQUE CHECK (length(credential) = 32),
    key TEXT CHECK ((key IS NULL) = (credential IS NULL)),
    removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1))
) STRICT;

CREATE UNIQUE INDEX gateway_name ON gateways (name) WHERE removed = 0;
CREATE INDEX gateway_network ON gateways (network_id) WHERE removed = 0;
