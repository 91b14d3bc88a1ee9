-- How mail is sent, and how that goes: one row, or none. The password is sealed by a key that is no row.
CREATE TABLE mail_settings (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    security TEXT NOT NULL CHECK (security IN ('starttls', 'tls', 'clear')),
    login TEXT,
    password BLOB,
    sender TEXT NOT NULL,
    sender_name TEXT NOT NULL,
    authorities TEXT NOT NULL,
    sent_at INTEGER,
    said TEXT NOT NULL DEFAULT '',
    trouble_since INTEGER,
    trouble_attempts INTEGER,
    trouble_next_at INTEGER
) STRICT;

-- The outbox: written with what it tells of, and deleted once it is sent. Ids are never used again: they
-- are part of what a mail is known by.
CREATE TABLE mails (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    at INTEGER NOT NULL,
    resource_id INTEGER NOT NULL REFERENCES resources (id),
    resource_name TEXT NOT NULL,
    content TEXT NOT NULL,
    next_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    failed_since INTEGER,
    failure TEXT NOT NULL DEFAULT '',
    dead INTEGER NOT NULL DEFAULT 0 CHECK (dead IN (0, 1))
) STRICT;
CREATE INDEX mail_of_user ON mails (user_id, id) WHERE dead = 0;
CREATE INDEX mail_at ON mails (at) WHERE dead = 0;
CREATE INDEX mail_dead ON mails (id) WHERE dead = 1;

-- The kinds of mail that somebody does not want.
CREATE TABLE unwanted_mail (
    user_id INTEGER NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL,
    PRIMARY KEY (user_id, kind)
) STRICT, WITHOUT ROWID;
