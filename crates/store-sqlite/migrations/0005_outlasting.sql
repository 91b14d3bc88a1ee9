-- Connections that run go on while the controller is away, up to their permits' own ends.
ALTER TABLE resources ADD COLUMN outlasts_controller INTEGER NOT NULL DEFAULT 0
    CHECK (outlasts_controller IN (0, 1));
