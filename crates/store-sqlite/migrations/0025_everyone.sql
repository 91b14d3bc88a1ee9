-- The built-in group of every account (decision 0028), so that assignments can refer to it. Nobody is stored as a
-- member of it. Ids of kept groups begin at 1.

-- A group kept by hand that has its name, in any case, gives way: what it gave to whom stays the same.
CREATE TABLE giving_way AS
    SELECT row_number() OVER (ORDER BY id) AS nth, id, name AS before, (
        WITH RECURSIVE numbered (i, name) AS (
            SELECT 1, g.name || ' (listed)'
            UNION ALL SELECT i + 1, g.name || ' (listed ' || (i + 1) || ')' FROM numbered
                WHERE EXISTS (SELECT 1 FROM groups o WHERE o.removed = 0 AND o.name = numbered.name)
        )
        SELECT name FROM numbered ORDER BY i DESC LIMIT 1
    ) AS after
    FROM groups g WHERE removed = 0 AND lower(name) = 'everyone';

UPDATE groups SET name = (SELECT after FROM giving_way w WHERE w.id = groups.id)
    WHERE id IN (SELECT id FROM giving_way);

-- Later than all before it, whatever the clock says.
CREATE TABLE giving_way_after AS
    SELECT coalesce(max(seq), 0) AS seq,
        max(coalesce(max(at), 0), CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)) AS at
    FROM audit;
INSERT INTO audit (seq, at, action, subject, detail)
    SELECT a.seq + w.nth, a.at, 'group.changed',
        json_object('subject', 'organisation', 'entity', json_object('kind', 'group', 'id', w.id)),
        json_object('before', w.before, 'after', w.after)
    FROM giving_way w, giving_way_after a ORDER BY w.nth;
INSERT INTO change_log (seq, at, subject)
    SELECT seq, at, subject FROM audit WHERE seq > (SELECT seq FROM giving_way_after);
DROP TABLE giving_way_after;
DROP TABLE giving_way;

INSERT INTO groups (id, name) VALUES (-1, 'Everyone');

-- Since when somebody is in it, for its count of unused days.
ALTER TABLE users ADD COLUMN since INTEGER;
UPDATE users SET since = 0;
CREATE INDEX user_new ON users (id) WHERE since IS NULL;
