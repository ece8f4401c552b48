-- What desktops are made of: template images, networks, hosts.

CREATE TABLE templates (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL COLLATE NOCASE UNIQUE,
    description TEXT,
    os TEXT NOT NULL CHECK (os IN ('linux', 'windows', 'other')),
    firmware TEXT NOT NULL CHECK (firmware IN ('bios', 'uefi')),
    access TEXT NOT NULL CHECK (access IN ('rdp', 'spice')),
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    version INTEGER NOT NULL
);

CREATE TABLE template_versions (
    id TEXT NOT NULL PRIMARY KEY,
    template_id TEXT NOT NULL REFERENCES templates (id),
    number INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('importing', 'ready', 'failed', 'deleting')),
    image TEXT UNIQUE,
    format TEXT,
    checksum TEXT,
    notes TEXT,
    size_bytes INTEGER NOT NULL DEFAULT 0,
    virtual_bytes INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    version INTEGER NOT NULL,
    UNIQUE (template_id, number)
);

CREATE TABLE networks (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL COLLATE NOCASE UNIQUE,
    mode TEXT NOT NULL CHECK (mode IN ('nat')),
    cidr TEXT NOT NULL,
    gateway TEXT NOT NULL,
    range_first TEXT NOT NULL,
    range_last TEXT NOT NULL,
    vlan INTEGER NOT NULL DEFAULT 0,
    bridge TEXT UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('new', 'active', 'failed')),
    error TEXT,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    version INTEGER NOT NULL
);

CREATE TABLE hosts (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL COLLATE NOCASE UNIQUE,
    uri TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('up', 'down', 'maintenance')),
    accel TEXT,
    accel_reason TEXT,
    cpu_model TEXT,
    error TEXT,
    cpus INTEGER NOT NULL DEFAULT 0,
    memory_mib INTEGER NOT NULL DEFAULT 0,
    memory_free_mib INTEGER NOT NULL DEFAULT 0,
    reserve_mib INTEGER NOT NULL DEFAULT 0,
    load REAL NOT NULL DEFAULT 0,
    vcpu_ratio REAL NOT NULL DEFAULT 0,
    storage_bytes INTEGER NOT NULL DEFAULT 0,
    storage_free_bytes INTEGER NOT NULL DEFAULT 0,
    seen INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    version INTEGER NOT NULL
);
