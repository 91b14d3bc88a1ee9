-- The access periods that the organisation offers, as JSON; NULL for those that every organisation begins with.
ALTER TABLE organisation ADD COLUMN periods TEXT CHECK (periods IS NULL OR json_type(periods) = 'object');
