-- The grant that a request would extend. A denial of more time is no denial of access: the history of
-- a person and a resource leaves it out.
ALTER TABLE requests ADD COLUMN extends INTEGER REFERENCES grants (id)
    CHECK (extends IS (terms ->> '$.purpose.extension'));
