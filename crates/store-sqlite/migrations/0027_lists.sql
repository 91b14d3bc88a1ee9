-- When somebody was last seen in sessions that have ended; one that runs says it itself.
ALTER TABLE users ADD COLUMN last_seen INTEGER;

-- When the certificate ends that a gateway got last.
ALTER TABLE gateways ADD COLUMN certificate_until INTEGER;

-- The connections that go on.
CREATE INDEX connection_open ON connections (gateway_id) WHERE ended_at IS NULL;

-- The unlocks that were approved, for summaries.
CREATE INDEX request_unlock ON requests (user_id, resource_id)
    WHERE state = 'approved' AND terms ->> 'purpose' = 'unlock';
