-- Who decides on a reviewer's behalf while they are away, until that time is over (rule 6). `started` once
-- its beginning was recorded.
CREATE TABLE deputies (
    principal_id INTEGER PRIMARY KEY REFERENCES users (id),
    deputy_id INTEGER NOT NULL REFERENCES users (id),
    from_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    named_by INTEGER NOT NULL REFERENCES users (id),
    started INTEGER NOT NULL DEFAULT 0 CHECK (started IN (0, 1)),
    CHECK (from_at < until_at),
    CHECK (principal_id <> deputy_id)
) STRICT;
CREATE INDEX deputies_of ON deputies (deputy_id);

-- Whom an administrator asked to decide a request, beside those who may.
CREATE TABLE asked_reviewers (
    request_id INTEGER NOT NULL REFERENCES requests (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    PRIMARY KEY (request_id, user_id)
) STRICT, WITHOUT ROWID;
