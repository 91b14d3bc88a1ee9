-- Times are whole milliseconds since the Unix epoch, ids are never reused (AUTOINCREMENT), secrets
-- are SHA-256 digests. What is removed keeps its row for history; names are unique among the rest.
-- The rules of access live in the controller; the UNIQUE indexes here are the last line of defence.

CREATE TABLE organisation (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    name TEXT NOT NULL,
    setup_code BLOB CHECK (length(setup_code) = 32)
) STRICT;

INSERT INTO organisation (id, name) VALUES (1, '');

CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    login TEXT NOT NULL CHECK (login <> ''),
    name TEXT NOT NULL,
    email TEXT,
    member INTEGER NOT NULL CHECK (member IN (0, 1)),
    access_reviewer INTEGER NOT NULL CHECK (access_reviewer IN (0, 1)),
    admin INTEGER NOT NULL CHECK (admin IN (0, 1)),
    disabled INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    password_hash TEXT,
    removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1))
) STRICT;

CREATE UNIQUE INDEX user_login ON users (login) WHERE removed = 0;
CREATE INDEX user_reviewer ON users (id) WHERE access_reviewer OR admin;

CREATE TABLE groups (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL CHECK (name <> ''),
    removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1))
) STRICT;

CREATE UNIQUE INDEX group_name ON groups (name) WHERE removed = 0;

CREATE TABLE memberships (
    user_id INTEGER NOT NULL REFERENCES users (id),
    group_id INTEGER NOT NULL REFERENCES groups (id),
    PRIMARY KEY (user_id, group_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX membership_group ON memberships (group_id, user_id);

CREATE TABLE networks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL CHECK (name <> ''),
    removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1))
) STRICT;

CREATE UNIQUE INDEX network_name ON networks (name) WHERE removed = 0;

CREATE TABLE resources (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL CHECK (name <> ''),
    address TEXT NOT NULL,
    ports TEXT NOT NULL,
    alias TEXT,
    network_id INTEGER NOT NULL REFERENCES networks (id),
    tags TEXT NOT NULL CHECK (json_type(tags) = 'array'),
    url TEXT,
    mode TEXT NOT NULL CHECK (mode IN ('standing', 'auto_lock', 'access_request')),
    period TEXT NOT NULL CHECK (period IN ('preset', 'custom')),
    period_seconds INTEGER NOT NULL CHECK (period_seconds BETWEEN 60 AND 604800),
    approval TEXT NOT NULL CHECK (approval IN ('manual', 'automatic')),
    lock_after INTEGER NOT NULL CHECK (lock_after BETWEEN 0 AND 65535),
    removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1))
) STRICT;

CREATE UNIQUE INDEX resource_name ON resources (name) WHERE removed = 0;
CREATE INDEX resource_network ON resources (network_id) WHERE removed = 0;

CREATE TABLE approvers (
    resource_id INTEGER NOT NULL REFERENCES resources (id),
    group_id INTEGER NOT NULL REFERENCES groups (id),
    PRIMARY KEY (resource_id, group_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX approver_group ON approvers (group_id, resource_id);

-- What is NULL in an assignment's settings comes from its resource.
CREATE TABLE assignments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id INTEGER NOT NULL REFERENCES groups (id),
    resource_id INTEGER NOT NULL REFERENCES resources (id),
    until INTEGER,
    mode TEXT CHECK (mode IN ('standing', 'auto_lock', 'access_request')),
    period TEXT CHECK (period IN ('preset', 'custom')),
    period_seconds INTEGER CHECK (period_seconds BETWEEN 60 AND 604800),
    approval TEXT CHECK (approval IN ('manual', 'automatic')),
    lock_after INTEGER CHECK (lock_after BETWEEN 0 AND 65535),
    removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1)),
    CHECK ((period IS NULL) = (period_seconds IS NULL))
) STRICT;

CREATE UNIQUE INDEX assignment_pair ON assignments (group_id, resource_id) WHERE removed = 0;
CREATE INDEX assignment_resource ON assignments (resource_id) WHERE removed = 0;
CREATE INDEX assignment_until ON assignments (until) WHERE removed = 0 AND until IS NOT NULL;

-- `terms` is the snapshot of what was asked under, `detail` the whole state: both as JSON.
CREATE TABLE requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    resource_id INTEGER NOT NULL REFERENCES resources (id),
    assignment_id INTEGER NOT NULL REFERENCES assignments (id),
    terms TEXT NOT NULL CHECK (terms ->> 'assignment' = assignment_id),
    reason TEXT NOT NULL,
    asked_seconds INTEGER NOT NULL CHECK (asked_seconds BETWEEN 60 AND 604800),
    starts_at INTEGER,
    created_at INTEGER NOT NULL,
    lapses_at INTEGER NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('pending', 'approved', 'denied', 'cancelled', 'lapsed')),
    ended_at INTEGER CHECK ((ended_at IS NULL) = (state = 'pending')),
    detail TEXT NOT NULL CHECK (detail ->> 'state' = state)
) STRICT;

CREATE UNIQUE INDEX request_pending ON requests (user_id, resource_id) WHERE state = 'pending';
CREATE INDEX request_pending_resource ON requests (resource_id) WHERE state = 'pending';
CREATE INDEX request_pending_assignment ON requests (assignment_id) WHERE state = 'pending';
CREATE INDEX request_lapse ON requests (lapses_at) WHERE state = 'pending';
CREATE INDEX request_user ON requests (user_id, id);
CREATE INDEX request_user_resource ON requests (user_id, resource_id, id);

CREATE TABLE grants (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id INTEGER NOT NULL REFERENCES requests (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    resource_id INTEGER NOT NULL REFERENCES resources (id),
    assignment_id INTEGER NOT NULL REFERENCES assignments (id),
    starts_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL CHECK (expires_at > starts_at),
    state TEXT NOT NULL
        CHECK (state IN ('scheduled', 'active', 'expired', 'released', 'revoked')),
    ended_at INTEGER CHECK ((ended_at IS NULL) = (state IN ('scheduled', 'active'))),
    revoked_by INTEGER REFERENCES users (id)
        CHECK (revoked_by IS NULL OR state = 'revoked'),
    detail TEXT NOT NULL CHECK (detail ->> 'state' = state)
) STRICT;

CREATE UNIQUE INDEX grant_live ON grants (user_id, resource_id)
    WHERE state IN ('scheduled', 'active');
CREATE INDEX grant_request ON grants (request_id, id);
CREATE INDEX grant_live_resource ON grants (resource_id) WHERE state IN ('scheduled', 'active');
CREATE INDEX grant_live_assignment ON grants (assignment_id)
    WHERE state IN ('scheduled', 'active');
CREATE INDEX grant_start ON grants (starts_at) WHERE state = 'scheduled';
CREATE INDEX grant_expiry ON grants (expires_at) WHERE state IN ('scheduled', 'active');
CREATE INDEX grant_user_resource ON grants (user_id, resource_id, starts_at);
CREATE INDEX grant_revoked ON grants (user_id, resource_id, ended_at)
    WHERE revoked_by IS NOT NULL;

CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    actor INTEGER REFERENCES users (id),
    action TEXT NOT NULL CHECK (action <> ''),
    subject TEXT NOT NULL CHECK (json_valid(subject)),
    detail TEXT NOT NULL CHECK (json_valid(detail))
) STRICT;

-- The audit log's newest part, for the streams; unlike the audit log it is cut off at its old end.
CREATE TABLE change_log (
    seq INTEGER PRIMARY KEY REFERENCES audit (seq),
    at INTEGER NOT NULL,
    subject TEXT NOT NULL CHECK (json_valid(subject))
) STRICT;

CREATE TABLE notices (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    seq INTEGER NOT NULL REFERENCES audit (seq),
    user_id INTEGER NOT NULL REFERENCES users (id),
    at INTEGER NOT NULL,
    resource_id INTEGER NOT NULL REFERENCES resources (id),
    resource_name TEXT NOT NULL,
    what TEXT NOT NULL CHECK (json_valid(what))
) STRICT;

CREATE INDEX notice_user ON notices (user_id, seq, id);

CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL CHECK (kind IN ('browser', 'desktop', 'cli', 'headless')),
    label TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    cookie BLOB UNIQUE CHECK (length(cookie) = 32)
) STRICT;

CREATE INDEX session_user ON sessions (user_id, id);
CREATE INDEX session_created ON sessions (created_at);

CREATE TABLE access_tokens (
    token BLOB PRIMARY KEY CHECK (length(token) = 32),
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX access_token_session ON access_tokens (session_id);
CREATE INDEX access_token_expiry ON access_tokens (expires_at);

CREATE TABLE refresh_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token BLOB NOT NULL UNIQUE CHECK (length(token) = 32),
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    generation INTEGER NOT NULL,
    used INTEGER NOT NULL DEFAULT 0 CHECK (used IN (0, 1))
) STRICT;

CREATE INDEX refresh_token_session ON refresh_tokens (session_id, generation, id);

-- A code outlives its session: a second exchange must still be recognised (RFC 6749, 4.1.2).
CREATE TABLE codes (
    code BLOB PRIMARY KEY CHECK (length(code) = 32),
    user_id INTEGER NOT NULL REFERENCES users (id),
    client_id TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    challenge TEXT NOT NULL,
    label TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    session_id INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX code_user ON codes (user_id);
CREATE INDEX code_expiry ON codes (expires_at);

CREATE TABLE devices (
    device_code BLOB PRIMARY KEY CHECK (length(device_code) = 32),
    user_code TEXT NOT NULL UNIQUE CHECK (user_code <> ''),
    client_id TEXT NOT NULL,
    label TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    polled_at INTEGER,
    user_id INTEGER REFERENCES users (id),
    denied INTEGER NOT NULL CHECK (denied IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE INDEX device_user ON devices (user_id);
CREATE INDEX device_expiry ON devices (expires_at);

CREATE TABLE reset_links (
    link BLOB PRIMARY KEY CHECK (length(link) = 32),
    user_id INTEGER NOT NULL REFERENCES users (id),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX reset_link_user ON reset_links (user_id);
CREATE INDEX reset_link_expiry ON reset_links (expires_at);

CREATE TABLE remembered (
    user_id INTEGER NOT NULL REFERENCES users (id),
    key TEXT NOT NULL,
    call BLOB NOT NULL CHECK (length(call) = 32),
    status INTEGER NOT NULL CHECK (status BETWEEN 100 AND 599),
    body TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (user_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX remembered_at ON remembered (at);
