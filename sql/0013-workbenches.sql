-- Templates that are installed from a medium. A workbench is a desktop of no pool and no person: it has a disk of its own,
-- which becomes version 1 of its template.
ALTER TABLE templates ADD COLUMN os_type TEXT;
ALTER TABLE templates ADD COLUMN devices TEXT CHECK (devices IN ('virtio', 'standard'));
ALTER TABLE templates ADD COLUMN tpm INTEGER NOT NULL DEFAULT 0;

ALTER TABLE desktops ADD COLUMN template_id TEXT REFERENCES templates (id);
ALTER TABLE desktops ADD COLUMN media_id TEXT REFERENCES media (id);
ALTER TABLE desktops ADD COLUMN drivers_id TEXT REFERENCES media (id);
ALTER TABLE desktops ADD COLUMN agent_seen INTEGER NOT NULL DEFAULT 0;
CREATE INDEX desktops_template ON desktops (template_id) WHERE template_id IS NOT NULL;

DROP VIEW template_view;
CREATE VIEW template_view AS
SELECT t.*,
       (SELECT COUNT(*) FROM template_versions v WHERE v.template_id = t.id) AS versions,
       (SELECT COUNT(*) FROM template_versions v JOIN desktops d ON d.template_version_id = v.id
            WHERE v.template_id = t.id) AS desktops,
       (SELECT COALESCE(MAX(v.number), 0) FROM template_versions v
            WHERE v.template_id = t.id AND v.state = 'ready') AS newest,
       (SELECT MIN(d.id) FROM desktops d WHERE d.template_id = t.id) AS workbench_id
FROM templates t;

DROP VIEW desktop_view;
CREATE VIEW desktop_view AS
SELECT d.*, p.name AS pool_name, u.username, u.name AS user_name, h.name AS host_name,
       t.name AS template_name, t.access, t.os, t.firmware, t.devices, t.tpm, v.number AS template_number,
       a.network_id, a.ip, a.mac,
       (SELECT GROUP_CONCAT(m.department_id) FROM memberships m WHERE m.user_id = d.user_id)
           AS department_ids,
       (SELECT COUNT(*) FROM connections c WHERE c.desktop_id = d.id AND c.state = 'open')
           AS open_sessions
FROM desktops d
    LEFT JOIN pools p ON p.id = d.pool_id
    LEFT JOIN users u ON u.id = d.user_id
    LEFT JOIN hosts h ON h.id = d.host_id
    LEFT JOIN template_versions v ON v.id = d.template_version_id
    LEFT JOIN templates t ON t.id = COALESCE(d.template_id, v.template_id)
    LEFT JOIN addresses a ON a.desktop_id = d.id;
