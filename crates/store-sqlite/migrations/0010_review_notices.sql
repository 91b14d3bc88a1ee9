-- Who asked, where a notice asks for a review, and when it is due to be told anew: one who asks and
-- cancels in a loop makes one row for each reviewer, told at most once a minute.
ALTER TABLE notices ADD COLUMN requester_id INTEGER REFERENCES users (id);
ALTER TABLE notices ADD COLUMN again_at INTEGER;
UPDATE notices SET requester_id =
    (SELECT user_id FROM requests WHERE id = json_extract(what, '$.request'))
    WHERE json_extract(what, '$.kind') = 'please_review';
CREATE INDEX notice_of_review ON notices (user_id, resource_id, requester_id)
    WHERE requester_id IS NOT NULL;
CREATE INDEX notice_again ON notices (again_at) WHERE again_at IS NOT NULL;
