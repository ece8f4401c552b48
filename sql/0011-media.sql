-- The media library: installation images (ISO files) that were sent by administrators.
CREATE TABLE media (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL COLLATE NOCASE UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('uploading', 'checking', 'ready', 'failed')),
    size_bytes INTEGER NOT NULL CHECK (size_bytes > 0),
    received_bytes INTEGER NOT NULL DEFAULT 0,
    sha256 TEXT,
    checksum TEXT,
    label TEXT,
    bootable INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    version INTEGER NOT NULL
);
