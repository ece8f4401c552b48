-- A host's state as it is (also suspect, down, fenced) beside the one that people want (up, maintenance), and since when.
ALTER TABLE hosts ADD COLUMN IF NOT EXISTS wanted VARCHAR(64) CHECK (wanted IN ('up', 'maintenance'));
ALTER TABLE hosts ADD COLUMN IF NOT EXISTS since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE hosts MODIFY COLUMN state VARCHAR(64) NOT NULL DEFAULT 'joining'
    CHECK (state IN ('joining', 'up', 'suspect', 'down', 'fenced', 'maintenance'));
UPDATE hosts SET wanted = CASE state WHEN 'maintenance' THEN 'maintenance' ELSE 'up' END, since = changed,
    state = CASE state WHEN 'down' THEN 'suspect' ELSE state END WHERE wanted IS NULL;
CREATE OR REPLACE VIEW host_view AS
SELECT h.*,
       (SELECT COUNT(*) FROM desktops d WHERE d.host_id = h.id) AS desktops,
       (SELECT COUNT(*) FROM desktops d WHERE d.host_id = h.id
            AND d.state IN ('starting', 'preparing', 'ready', 'paused', 'stopping')) AS desktops_running
FROM hosts h;
