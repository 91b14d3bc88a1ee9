-- Whether a link was shown, or only the address chosen that links go to: what an account gains whose link
-- its maker was shown does not count for a day (rule 6). What is there already ends within a day.
ALTER TABLE shown_links ADD COLUMN is_shown INTEGER NOT NULL DEFAULT 0 CHECK (is_shown IN (0, 1));
