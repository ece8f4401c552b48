-- Personal disks: one for each person and pool, beside the system disk of their desktop. A row outlives its person (hence
-- no reference and the name in it): only an administrator takes files away.
ALTER TABLE pools ADD COLUMN personal_disk_gib INTEGER NOT NULL DEFAULT 0 CHECK (personal_disk_gib >= 0);

CREATE TABLE personal_disks (
    id TEXT NOT NULL PRIMARY KEY,
    pool_id TEXT NOT NULL REFERENCES pools (id),
    user_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    image TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('new', 'ready', 'deleting')),
    size_gib INTEGER NOT NULL CHECK (size_gib > 0),
    formatted INTEGER NOT NULL DEFAULT 0,
    desktop_id TEXT REFERENCES desktops (id) ON DELETE SET NULL,
    error TEXT,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    version INTEGER NOT NULL
);
CREATE UNIQUE INDEX personal_disks_owner ON personal_disks (user_id, pool_id);
CREATE INDEX personal_disks_pool ON personal_disks (pool_id);
CREATE INDEX personal_disks_desktop ON personal_disks (desktop_id) WHERE desktop_id IS NOT NULL;

CREATE VIEW personal_disk_view AS
SELECT k.*, COALESCE(u.username, k.owner) || '@' || p.name AS name, p.name AS pool_name,
       COALESCE(u.username, k.owner) AS username, u.name AS user_name,
       d.name AS desktop_name, d.state AS desktop_state
FROM personal_disks k
    JOIN pools p ON p.id = k.pool_id
    LEFT JOIN users u ON u.id = k.user_id
    LEFT JOIN desktops d ON d.id = k.desktop_id;

DROP VIEW desktop_view;
CREATE VIEW desktop_view AS
SELECT d.*, p.name AS pool_name, u.username, u.name AS user_name, h.name AS host_name,
       t.name AS template_name, t.access, t.os, t.firmware, t.devices, t.tpm, v.number AS template_number,
       a.network_id, a.ip, a.mac,
       (SELECT GROUP_CONCAT(m.department_id) FROM memberships m WHERE m.user_id = d.user_id)
           AS department_ids,
       (SELECT COUNT(*) FROM connections c WHERE c.desktop_id = d.id AND c.state = 'open')
           AS open_sessions,
       COALESCE(s.bytes, 0) AS disk_bytes,
       (SELECT k.id FROM personal_disks k WHERE k.user_id = d.user_id AND k.pool_id = d.pool_id)
           AS personal_disk_id,
       COALESCE((SELECT k.size_gib FROM personal_disks k WHERE k.user_id = d.user_id AND k.pool_id = d.pool_id),
                CASE WHEN d.user_id IS NOT NULL THEN p.personal_disk_gib END, 0) AS personal_disk_gib
FROM desktops d
    LEFT JOIN pools p ON p.id = d.pool_id
    LEFT JOIN users u ON u.id = d.user_id
    LEFT JOIN hosts h ON h.id = d.host_id
    LEFT JOIN template_versions v ON v.id = d.template_version_id
    LEFT JOIN templates t ON t.id = COALESCE(d.template_id, v.template_id)
    LEFT JOIN addresses a ON a.desktop_id = d.id
    LEFT JOIN disk_use s ON s.image = d.image;
