-- Restore points: moments of a desktop's disks, kept inside the disks' own files under the point's id. image is the file
-- of the system disk that has it: a roll-out may put that aside and bring it back.
CREATE TABLE restore_points (
    id TEXT NOT NULL PRIMARY KEY,
    desktop_id TEXT NOT NULL REFERENCES desktops (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('nightly', 'manual', 'before-restore')),
    state TEXT NOT NULL CHECK (state IN ('making', 'ready', 'failed', 'deleting')),
    note TEXT,
    image TEXT,
    personal_disk_id TEXT REFERENCES personal_disks (id) ON DELETE SET NULL,
    frozen INTEGER NOT NULL DEFAULT 0,
    taken INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    version INTEGER NOT NULL
);
CREATE INDEX restore_points_desktop ON restore_points (desktop_id);
CREATE INDEX restore_points_disk ON restore_points (personal_disk_id) WHERE personal_disk_id IS NOT NULL;

CREATE VIEW restore_point_view AS
SELECT r.*, (r.image IS NOT NULL AND r.image = d.image) AS system, d.name AS desktop_name, d.user_id, u.username
FROM restore_points r
    JOIN desktops d ON d.id = r.desktop_id
    LEFT JOIN users u ON u.id = d.user_id;
