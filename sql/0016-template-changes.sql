-- Versions that are made from versions: where they come from, and the sealed files they consist of.

-- SQLite cannot change a check; the views that name the column come back below.
DROP VIEW template_view;
DROP VIEW template_version_view;
ALTER TABLE template_versions RENAME COLUMN state TO old_state;
ALTER TABLE template_versions ADD COLUMN state TEXT NOT NULL DEFAULT 'failed'
    CHECK (state IN ('importing', 'checking', 'ready', 'failed', 'deleting'));
UPDATE template_versions SET state = old_state;
ALTER TABLE template_versions DROP COLUMN old_state;

ALTER TABLE template_versions ADD COLUMN parent_id TEXT REFERENCES template_versions (id) ON DELETE SET NULL;
ALTER TABLE template_versions ADD COLUMN author TEXT; -- username, as it was then
ALTER TABLE template_versions ADD COLUMN depth INTEGER NOT NULL DEFAULT 1;
CREATE INDEX template_versions_parent ON template_versions (parent_id) WHERE parent_id IS NOT NULL;

-- What a sealed file was when it was sealed. Files of versions that were flattened or deleted stay as long as another
-- image is built on them: retired says since when.
CREATE TABLE sealed_images (
    image TEXT NOT NULL PRIMARY KEY,
    base TEXT, -- the image that it is built on
    template_id TEXT REFERENCES templates (id) ON DELETE SET NULL,
    version_id TEXT REFERENCES template_versions (id) ON DELETE SET NULL,
    size_bytes INTEGER NOT NULL,
    mtime INTEGER NOT NULL, -- ms
    header TEXT NOT NULL,   -- SHA-256 of its first 64 KiB, hex
    checksum TEXT,          -- SHA-256 of all of it, hex; NULL: not read yet
    checked INTEGER NOT NULL DEFAULT 0,
    damage TEXT,
    retired INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX sealed_images_version ON sealed_images (version_id);

-- Bytes that files take on disk, read now and then.
CREATE TABLE disk_use (
    image TEXT NOT NULL PRIMARY KEY,
    bytes INTEGER NOT NULL
) WITHOUT ROWID;

CREATE VIEW template_view AS
SELECT t.*,
       (SELECT COUNT(*) FROM template_versions v WHERE v.template_id = t.id) AS versions,
       (SELECT COUNT(*) FROM template_versions v JOIN desktops d ON d.template_version_id = v.id
            WHERE v.template_id = t.id AND d.template_id IS NULL) AS desktops,
       (SELECT COALESCE(MAX(v.number), 0) FROM template_versions v
            WHERE v.template_id = t.id AND v.state = 'ready') AS newest,
       (SELECT MIN(d.id) FROM desktops d WHERE d.template_id = t.id) AS workbench_id,
       (SELECT COUNT(*) FROM desktops d WHERE d.template_id = t.id) AS workbenches,
       (SELECT COALESCE(SUM(u.bytes), 0) FROM sealed_images i JOIN disk_use u ON u.image = i.image
            WHERE i.template_id = t.id) AS disk_bytes,
       (SELECT COALESCE(SUM(u.bytes), 0) FROM desktops d JOIN disk_use u ON u.image = d.image
            LEFT JOIN template_versions v ON v.id = d.template_version_id
            WHERE COALESCE(d.template_id, v.template_id) = t.id) AS desktops_bytes
FROM templates t;

CREATE VIEW template_version_view AS
SELECT v.*, t.name AS template_name, t.os, t.firmware, t.access, o.number AS parent_number,
       (SELECT COUNT(*) FROM pools p WHERE p.template_version_id = v.id) AS pools,
       (SELECT COUNT(*) FROM desktops d WHERE d.template_version_id = v.id AND d.template_id IS NULL)
           AS desktops,
       (SELECT COUNT(*) FROM desktops d WHERE d.template_version_id = v.id
            AND d.template_id IS NOT NULL) AS workbenches,
       (SELECT GROUP_CONCAT(i.damage, '; ') FROM sealed_images i
            WHERE i.version_id = v.id AND i.damage IS NOT NULL) AS damage,
       (SELECT i.checked FROM sealed_images i WHERE i.image = v.image) AS checked,
       (SELECT COALESCE(SUM(u.bytes), 0) FROM sealed_images i JOIN disk_use u ON u.image = i.image
            WHERE i.version_id = v.id) AS disk_bytes,
       (SELECT COALESCE(SUM(u.bytes), 0) FROM desktops d JOIN disk_use u ON u.image = d.image
            WHERE d.template_version_id = v.id) AS desktops_bytes
FROM template_versions v JOIN templates t ON t.id = v.template_id
    LEFT JOIN template_versions o ON o.id = v.parent_id;

DROP VIEW desktop_view;
CREATE VIEW desktop_view AS
SELECT d.*, p.name AS pool_name, u.username, u.name AS user_name, h.name AS host_name,
       t.name AS template_name, t.access, t.os, t.firmware, t.devices, t.tpm, v.number AS template_number,
       a.network_id, a.ip, a.mac,
       (SELECT GROUP_CONCAT(m.department_id) FROM memberships m WHERE m.user_id = d.user_id)
           AS department_ids,
       (SELECT COUNT(*) FROM connections c WHERE c.desktop_id = d.id AND c.state = 'open')
           AS open_sessions,
       COALESCE(s.bytes, 0) AS disk_bytes
FROM desktops d
    LEFT JOIN pools p ON p.id = d.pool_id
    LEFT JOIN users u ON u.id = d.user_id
    LEFT JOIN hosts h ON h.id = d.host_id
    LEFT JOIN template_versions v ON v.id = d.template_version_id
    LEFT JOIN templates t ON t.id = COALESCE(d.template_id, v.template_id)
    LEFT JOIN addresses a ON a.desktop_id = d.id
    LEFT JOIN disk_use s ON s.image = d.image;
