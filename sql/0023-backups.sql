-- Backups: moments of desktops' and personal disks, and of the product itself, in a folder of the host. No references:
-- their rows outlive what they are of. point: the moment is still inside the image, and the next backup reads only
-- what changed since.
CREATE TABLE backups (
    id TEXT NOT NULL PRIMARY KEY,
    what TEXT NOT NULL CHECK (what IN ('product', 'desktop', 'personal-disk')),
    object_id TEXT,
    object_name TEXT,
    desktop_id TEXT,
    pool_id TEXT,
    kind TEXT NOT NULL DEFAULT 'full' CHECK (kind IN ('full', 'incremental')),
    origin TEXT NOT NULL CHECK (origin IN ('nightly', 'manual', 'before-restore')),
    state TEXT NOT NULL CHECK (state IN ('making', 'ready', 'failed', 'damaged', 'deleting')),
    image TEXT,
    base TEXT,
    previous_id TEXT,
    point INTEGER NOT NULL DEFAULT 0,
    frozen INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    held_bytes INTEGER NOT NULL DEFAULT 0,
    stored_bytes INTEGER NOT NULL DEFAULT 0,
    checksum TEXT,
    taken INTEGER NOT NULL DEFAULT 0,
    ended INTEGER NOT NULL DEFAULT 0,
    verified INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    version INTEGER NOT NULL
);
CREATE INDEX backups_object ON backups (object_id);
CREATE INDEX backups_taken ON backups (taken);

CREATE VIEW backup_view AS
SELECT b.*, p.name AS pool_name
FROM backups b
    LEFT JOIN pools p ON p.id = b.pool_id;
