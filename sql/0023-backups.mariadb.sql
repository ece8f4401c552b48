-- As 0023-backups.sql.
CREATE TABLE IF NOT EXISTS backups (
    id VARCHAR(64) NOT NULL,
    what VARCHAR(64) NOT NULL CHECK (what IN ('product', 'desktop', 'personal-disk')),
    object_id VARCHAR(64),
    object_name MEDIUMTEXT,
    desktop_id VARCHAR(64),
    pool_id VARCHAR(64),
    kind VARCHAR(64) NOT NULL DEFAULT 'full' CHECK (kind IN ('full', 'incremental')),
    origin VARCHAR(64) NOT NULL CHECK (origin IN ('nightly', 'manual', 'before-restore')),
    state VARCHAR(64) NOT NULL CHECK (state IN ('making', 'ready', 'failed', 'damaged', 'deleting')),
    image MEDIUMTEXT,
    base MEDIUMTEXT,
    previous_id VARCHAR(64),
    point BIGINT NOT NULL DEFAULT 0,
    frozen BIGINT NOT NULL DEFAULT 0,
    bytes BIGINT NOT NULL DEFAULT 0,
    held_bytes BIGINT NOT NULL DEFAULT 0,
    stored_bytes BIGINT NOT NULL DEFAULT 0,
    checksum MEDIUMTEXT,
    taken BIGINT NOT NULL DEFAULT 0,
    ended BIGINT NOT NULL DEFAULT 0,
    verified BIGINT NOT NULL DEFAULT 0,
    error MEDIUMTEXT,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (id),
    KEY backups_object (object_id),
    KEY backups_taken (taken)
);
CREATE OR REPLACE VIEW backup_view AS
SELECT b.*, p.name AS pool_name
FROM backups b
    LEFT JOIN pools p ON p.id = b.pool_id;
