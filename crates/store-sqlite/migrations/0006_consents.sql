-- A consent counts as long as the browser session runs in which it was given. Nobody knows that of
-- codes that wait now: their clients ask once more. (No session has the id 0.)
ALTER TABLE codes ADD COLUMN consented_in INTEGER NOT NULL DEFAULT 0;
ALTER TABLE device_codes ADD COLUMN consented_in INTEGER;
DELETE FROM device_codes WHERE user_id IS NOT NULL;
