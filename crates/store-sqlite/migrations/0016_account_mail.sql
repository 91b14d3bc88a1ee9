-- Mail about somebody's account belongs to no resource.
CREATE TABLE mails_new (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    at INTEGER NOT NULL,
    resource_id INTEGER REFERENCES resources (id),
    resource_name TEXT NOT NULL,
    content TEXT NOT NULL,
    next_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    failed_since INTEGER,
    failure TEXT NOT NULL DEFAULT '',
    dead INTEGER NOT NULL DEFAULT 0 CHECK (dead IN (0, 1))
) STRICT;
INSERT INTO mails_new SELECT * FROM mails;
-- Ids are never used again, also where all mails are sent.
DELETE FROM sqlite_sequence WHERE name = 'mails_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'mails_new', seq FROM sqlite_sequence WHERE name = 'mails';
DROP TABLE mails;
ALTER TABLE mails_new RENAME TO mails;
CREATE INDEX mail_of_user ON mails (user_id, id) WHERE dead = 0;
CREATE INDEX mail_at ON mails (at) WHERE dead = 0;
CREATE INDEX mail_dead ON mails (id) WHERE dead = 1;

-- Links that set a password and were shown to the administrator who made them, since they could not go to
-- the account's own mail: the account approves nothing of that administrator for a while (rule 6).
CREATE TABLE shown_links (
    user_id INTEGER NOT NULL REFERENCES users (id),
    shown_to INTEGER NOT NULL REFERENCES users (id),
    at INTEGER NOT NULL,
    PRIMARY KEY (user_id, shown_to)
) STRICT, WITHOUT ROWID;
