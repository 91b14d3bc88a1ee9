-- Two more roles.
ALTER TABLE users ADD COLUMN operator INTEGER NOT NULL DEFAULT 0 CHECK (operator IN (0, 1));
ALTER TABLE users ADD COLUMN auditor INTEGER NOT NULL DEFAULT 0 CHECK (auditor IN (0, 1));

-- The requests for one resource, newest first.
CREATE INDEX request_resource ON requests (resource_id, id);

-- What administrators unlocked for others, without a request.
CREATE INDEX audit_unlocked ON audit (subject ->> 'user', subject ->> 'resource')
    WHERE action = 'resource.unlocked';
