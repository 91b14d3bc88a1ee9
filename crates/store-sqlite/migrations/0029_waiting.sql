-- The requests that wait, newest first: few among many.
CREATE INDEX request_waiting ON requests (id) WHERE state = 'pending';
