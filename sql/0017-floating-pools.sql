-- Floating pools: whoever connects gets any spare desktop, and its disk is made afresh afterwards. taken is when a
-- desktop was given to a person; it is 0 only while nobody has had its present disk.
ALTER TABLE pools ADD COLUMN kind TEXT CHECK (kind IN ('dedicated', 'floating'));
ALTER TABLE pools ADD COLUMN min_ready INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pools ADD COLUMN warm INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pools ADD COLUMN power TEXT;
UPDATE pools SET kind = 'dedicated';
ALTER TABLE desktops ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;

DROP VIEW pool_view;
CREATE VIEW pool_view AS
SELECT p.*, v.template_id, t.name AS template_name, n.name AS network_name, t.access, t.os,
       v.number AS template_number,
       (SELECT COUNT(*) FROM desktops d WHERE d.pool_id = p.id) AS desktops,
       (SELECT COUNT(*) FROM desktops d WHERE d.pool_id = p.id AND d.state = 'ready')
           AS desktops_ready,
       (SELECT COUNT(*) FROM desktops d WHERE d.pool_id = p.id AND d.taken > 0) AS desktops_used,
       (SELECT COUNT(*) FROM desktops d WHERE d.pool_id = p.id AND d.taken = 0 AND d.user_id IS NULL
            AND d.state = 'paused') AS desktops_warm
FROM pools p JOIN template_versions v ON v.id = p.template_version_id
    JOIN templates t ON t.id = v.template_id JOIN networks n ON n.id = p.network_id;

DROP VIEW host_view;
CREATE VIEW host_view AS
SELECT h.*,
       (SELECT COUNT(*) FROM desktops d WHERE d.host_id = h.id) AS desktops,
       (SELECT COUNT(*) FROM desktops d WHERE d.host_id = h.id
            AND d.state IN ('starting', 'preparing', 'ready', 'paused', 'stopping')) AS desktops_running
FROM hosts h;
