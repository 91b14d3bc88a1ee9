-- What a reviewer's decision replaced, as long as it may be taken back (rule 12).
CREATE TABLE undoables (
    request_id INTEGER PRIMARY KEY REFERENCES requests (id),
    decided_by INTEGER NOT NULL REFERENCES users (id),
    at INTEGER NOT NULL,
    replaced TEXT NOT NULL
) STRICT;
CREATE INDEX undoable_at ON undoables (at);
