-- Which users signed in in a browser before, and when last.
CREATE TABLE known_browsers (
    browser BLOB NOT NULL CHECK (length(browser) = 32),
    user_id INTEGER NOT NULL REFERENCES users (id),
    at INTEGER NOT NULL,
    PRIMARY KEY (browser, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX known_browser_user ON known_browsers (user_id);
CREATE INDEX known_browser_at ON known_browsers (at);
