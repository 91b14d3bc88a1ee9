-- Groups whose members review what nobody else can.
CREATE TABLE fallback_reviewers (
    group_id INTEGER PRIMARY KEY REFERENCES groups (id)
) STRICT;
