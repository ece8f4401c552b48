-- A host's state as it is (also suspect, down, fenced) beside the one that people want (up, maintenance), and since when.
ALTER TABLE hosts ADD COLUMN wanted TEXT CHECK (wanted IN ('up', 'maintenance'));
ALTER TABLE hosts ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hosts ADD COLUMN now_state TEXT NOT NULL DEFAULT 'joining'
    CHECK (now_state IN ('joining', 'up', 'suspect', 'down', 'fenced', 'maintenance'));
UPDATE hosts SET now_state = CASE state WHEN 'down' THEN 'suspect' ELSE state END,
    wanted = CASE state WHEN 'maintenance' THEN 'maintenance' ELSE 'up' END, since = changed;
DROP VIEW host_view;
ALTER TABLE hosts DROP COLUMN state;
ALTER TABLE hosts RENAME COLUMN now_state TO state;
CREATE VIEW host_view AS
SELECT h.*,
       (SELECT COUNT(*) FROM desktops d WHERE d.host_id = h.id) AS desktops,
       (SELECT COUNT(*) FROM desktops d WHERE d.host_id = h.id
            AND d.state IN ('starting', 'preparing', 'ready', 'paused', 'stopping')) AS desktops_running
FROM hosts h;
