-- What the resource was called when it was asked for: who does not see it any more learns no later name.
ALTER TABLE requests ADD COLUMN resource_name TEXT NOT NULL DEFAULT '';
UPDATE requests SET resource_name =
    coalesce((SELECT name FROM resources WHERE resources.id = requests.resource_id), '');
