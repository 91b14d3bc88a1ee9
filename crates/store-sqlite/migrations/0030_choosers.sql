-- Who chose the address that links to an account's password go to: the administrator, and whoever could sign in
-- as them then.
CREATE TABLE address_choosers (
    user_id INTEGER NOT NULL REFERENCES users (id),
    chosen_by INTEGER NOT NULL REFERENCES users (id),
    PRIMARY KEY (user_id, chosen_by)
) STRICT, WITHOUT ROWID;

-- Who decided last which server sees those links, and when; likewise.
CREATE TABLE server_choosers (
    chosen_by INTEGER PRIMARY KEY REFERENCES users (id),
    at INTEGER NOT NULL
) STRICT;
