-- Which administrator chose the address that links to an account's password go to.
ALTER TABLE users ADD COLUMN address_chosen_by INTEGER REFERENCES users (id);

-- Who decided last which server sees those links, and when.
ALTER TABLE mail_settings ADD COLUMN server_chosen_by INTEGER REFERENCES users (id);
ALTER TABLE mail_settings ADD COLUMN server_chosen_at INTEGER;
