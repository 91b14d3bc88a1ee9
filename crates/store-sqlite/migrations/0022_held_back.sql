-- What a change does not give its maker yet (rule 6). `earlier` is what the assignment gave them before, as
-- JSON; NULL where it gave them nothing.
CREATE TABLE held_back (
    user_id INTEGER NOT NULL REFERENCES users (id),
    assignment_id INTEGER NOT NULL REFERENCES assignments (id),
    until INTEGER NOT NULL,
    earlier TEXT CHECK (earlier IS NULL OR json_type(earlier) = 'object'),
    PRIMARY KEY (user_id, assignment_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX held_back_until ON held_back (until);

-- Whoever remains the only administrator by their own doing is not free at once.
ALTER TABLE organisation ADD COLUMN admin_went_at INTEGER;
