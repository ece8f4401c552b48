-- Who gets which desktops, and the desktops themselves.

CREATE TABLE pools (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL COLLATE NOCASE UNIQUE,
    description TEXT,
    template_version_id TEXT NOT NULL REFERENCES template_versions (id),
    network_id TEXT NOT NULL REFERENCES networks (id),
    vcpus INTEGER NOT NULL CHECK (vcpus > 0),
    memory_mib INTEGER NOT NULL CHECK (memory_mib > 0),
    disk_gib INTEGER NOT NULL DEFAULT 0,
    max_desktops INTEGER NOT NULL DEFAULT 0,
    policy TEXT,
    enabled INTEGER NOT NULL,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    version INTEGER NOT NULL
);
CREATE INDEX pools_template_version ON pools (template_version_id);
CREATE INDEX pools_network ON pools (network_id);

CREATE TABLE entitlements (
    id TEXT NOT NULL PRIMARY KEY,
    pool_id TEXT NOT NULL REFERENCES pools (id) ON DELETE CASCADE,
    department_id TEXT REFERENCES departments (id) ON DELETE CASCADE,
    user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    created INTEGER NOT NULL,
    UNIQUE (pool_id, department_id),
    UNIQUE (pool_id, user_id),
    CHECK ((department_id IS NULL) <> (user_id IS NULL))
);
CREATE INDEX entitlements_department ON entitlements (department_id, pool_id);
CREATE INDEX entitlements_user ON entitlements (user_id, pool_id);

CREATE TABLE desktops (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL COLLATE NOCASE UNIQUE,
    pool_id TEXT REFERENCES pools (id),
    user_id TEXT REFERENCES users (id),
    template_version_id TEXT REFERENCES template_versions (id),
    host_id TEXT REFERENCES hosts (id),
    state TEXT NOT NULL,
    wanted TEXT NOT NULL CHECK (wanted IN ('on', 'off')),
    uuid TEXT UNIQUE,
    image TEXT UNIQUE,
    error TEXT,
    vcpus INTEGER NOT NULL CHECK (vcpus > 0),
    memory_mib INTEGER NOT NULL CHECK (memory_mib > 0),
    disk_gib INTEGER NOT NULL DEFAULT 0,
    next_vcpus INTEGER NOT NULL DEFAULT 0,
    next_memory_mib INTEGER NOT NULL DEFAULT 0,
    next_disk_gib INTEGER NOT NULL DEFAULT 0,
    started INTEGER NOT NULL DEFAULT 0,
    ready_at INTEGER NOT NULL DEFAULT 0,
    certificate TEXT,
    placement TEXT,
    prepared INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    version INTEGER NOT NULL,
    UNIQUE (pool_id, user_id)
);
CREATE INDEX desktops_user ON desktops (user_id, id);
CREATE INDEX desktops_host ON desktops (host_id, state);
CREATE INDEX desktops_state ON desktops (state, id);
CREATE INDEX desktops_template_version ON desktops (template_version_id);
CREATE INDEX desktops_changed ON desktops (changed, id);
CREATE INDEX desktops_created ON desktops (created, id);

-- One address for a desktop; its MAC is computed from it.
CREATE TABLE addresses (
    id TEXT NOT NULL PRIMARY KEY,
    network_id TEXT NOT NULL REFERENCES networks (id),
    desktop_id TEXT NOT NULL UNIQUE REFERENCES desktops (id) ON DELETE CASCADE,
    ip TEXT NOT NULL,
    mac TEXT NOT NULL,
    ip_number INTEGER NOT NULL,
    created INTEGER NOT NULL,
    UNIQUE (network_id, ip_number)
);

-- History too: rows outlive their desktops, people and log-ins, hence no references.
CREATE TABLE connections (
    id TEXT NOT NULL PRIMARY KEY,
    desktop_id TEXT NOT NULL,
    user_id TEXT,
    login_id TEXT,
    protocol TEXT NOT NULL CHECK (protocol IN ('rdp', 'spice', 'console', 'rdp-web')),
    ticket_hash TEXT NOT NULL UNIQUE,
    gate TEXT,
    client_address TEXT,
    source TEXT NOT NULL CHECK (source IN ('exact', 'net', 'none')),
    state TEXT NOT NULL CHECK (state IN ('new', 'open', 'dropped', 'ended')),
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    first_used INTEGER NOT NULL DEFAULT 0,
    last_seen INTEGER NOT NULL DEFAULT 0,
    ended INTEGER NOT NULL DEFAULT 0,
    sockets INTEGER NOT NULL DEFAULT 0,
    redeems INTEGER NOT NULL DEFAULT 0,
    bytes_up INTEGER NOT NULL DEFAULT 0,
    bytes_down INTEGER NOT NULL DEFAULT 0,
    rtt_us INTEGER NOT NULL DEFAULT 0,
    reason TEXT
);
CREATE INDEX connections_desktop ON connections (desktop_id, state);
CREATE INDEX connections_user ON connections (user_id, state);
CREATE INDEX connections_state ON connections (state, id);
CREATE INDEX connections_login ON connections (login_id);
