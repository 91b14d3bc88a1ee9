-- Whether a resource can be used at all, where people find it, and what they are told of it.
ALTER TABLE resources ADD COLUMN enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1));
ALTER TABLE resources ADD COLUMN visibility TEXT NOT NULL DEFAULT 'shown'
    CHECK (visibility IN ('shown', 'shortcut', 'hidden'));
ALTER TABLE resources ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE resources ADD COLUMN how_to_use TEXT NOT NULL DEFAULT '';
ALTER TABLE resources ADD COLUMN owner_id INTEGER REFERENCES users (id);
