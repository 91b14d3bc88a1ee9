-- Which controller this is: an exported file says so, since its ids name other things elsewhere.
ALTER TABLE organisation ADD COLUMN installation TEXT NOT NULL DEFAULT '';
UPDATE organisation SET installation = lower(hex(randomblob(16)));
