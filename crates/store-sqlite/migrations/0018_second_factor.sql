-- When the person of a session last proved who they are: dangerous acts ask for it to be recent.
ALTER TABLE sessions ADD COLUMN proved_at INTEGER NOT NULL DEFAULT 0;
UPDATE sessions SET proved_at = created_at;

-- Who has a second factor. The secret is sealed by a key that is no row. `last_step` is the newest step of
-- 30 seconds whose code was taken: none is taken twice.
CREATE TABLE second_factors (
    user_id INTEGER PRIMARY KEY REFERENCES users (id),
    secret BLOB NOT NULL,
    since INTEGER NOT NULL,
    last_step INTEGER NOT NULL
) STRICT;

-- What lets somebody in once, in place of a code.
CREATE TABLE recovery_codes (
    user_id INTEGER NOT NULL REFERENCES second_factors (user_id) ON DELETE CASCADE,
    code BLOB NOT NULL CHECK (length(code) = 32),
    PRIMARY KEY (user_id, code)
) STRICT, WITHOUT ROWID;

-- Of whom the organisation requires a second factor.
CREATE TABLE sign_in_settings (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    two_step_for TEXT NOT NULL CHECK (two_step_for IN ('none', 'roles'))
) STRICT;
INSERT INTO sign_in_settings (id, two_step_for) VALUES (1, 'none');
