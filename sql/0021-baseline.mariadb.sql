-- The schema of the steps 1 to 21, for MariaDB. How the two dialects differ, and how a later step gets its twin, stands in
-- docs/internals/store.md. Each statement may be run twice: there is no transaction around a change of a schema here.

CREATE TABLE IF NOT EXISTS templates (
    id VARCHAR(64) NOT NULL,
    name VARCHAR(255) COLLATE utf8mb4_uca1400_nopad_as_ci NOT NULL,
    description MEDIUMTEXT,
    os VARCHAR(64) NOT NULL CHECK (os IN ('linux', 'windows', 'other')),
    firmware VARCHAR(64) NOT NULL CHECK (firmware IN ('bios', 'uefi')),
    access VARCHAR(64) NOT NULL CHECK (access IN ('rdp', 'spice')),
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    version BIGINT NOT NULL,
    os_type MEDIUMTEXT,
    devices VARCHAR(64) CHECK (devices IN ('virtio', 'standard')),
    tpm BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (id),
    UNIQUE KEY name (name)
);

CREATE TABLE IF NOT EXISTS template_versions (
    id VARCHAR(64) NOT NULL,
    template_id VARCHAR(64) NOT NULL,
    number BIGINT NOT NULL,
    image VARCHAR(255),
    format MEDIUMTEXT,
    checksum MEDIUMTEXT,
    notes MEDIUMTEXT,
    size_bytes BIGINT NOT NULL DEFAULT 0,
    virtual_bytes BIGINT NOT NULL DEFAULT 0,
    error MEDIUMTEXT,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    version BIGINT NOT NULL,
    state VARCHAR(64) NOT NULL DEFAULT 'failed' CHECK (state IN ('importing', 'checking', 'ready', 'failed', 'deleting')),
    parent_id VARCHAR(64),
    author MEDIUMTEXT,
    depth BIGINT NOT NULL DEFAULT 1,
    ram_image MEDIUMTEXT,
    ram_vcpus BIGINT NOT NULL DEFAULT 0,
    ram_memory_mib BIGINT NOT NULL DEFAULT 0,
    ram_made BIGINT NOT NULL DEFAULT 0,
    ram_error MEDIUMTEXT,
    PRIMARY KEY (id),
    UNIQUE KEY image (image),
    UNIQUE KEY number (template_id, number),
    KEY template_versions_parent (parent_id),
    FOREIGN KEY (parent_id) REFERENCES template_versions (id) ON DELETE SET NULL,
    FOREIGN KEY (template_id) REFERENCES templates (id)
);

CREATE TABLE IF NOT EXISTS networks (
    id VARCHAR(64) NOT NULL,
    name VARCHAR(255) COLLATE utf8mb4_uca1400_nopad_as_ci NOT NULL,
    mode VARCHAR(64) NOT NULL CHECK (mode IN ('nat')),
    cidr MEDIUMTEXT NOT NULL,
    gateway MEDIUMTEXT NOT NULL,
    range_first MEDIUMTEXT NOT NULL,
    range_last MEDIUMTEXT NOT NULL,
    vlan BIGINT NOT NULL DEFAULT 0,
    bridge VARCHAR(255),
    state VARCHAR(64) NOT NULL CHECK (state IN ('new', 'active', 'failed')),
    error MEDIUMTEXT,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY name (name),
    UNIQUE KEY bridge (bridge)
);

CREATE TABLE IF NOT EXISTS hosts (
    id VARCHAR(64) NOT NULL,
    name VARCHAR(255) COLLATE utf8mb4_uca1400_nopad_as_ci NOT NULL,
    uri VARCHAR(255) NOT NULL,
    state VARCHAR(64) NOT NULL CHECK (state IN ('up', 'down', 'maintenance')),
    accel MEDIUMTEXT,
    accel_reason MEDIUMTEXT,
    cpu_model MEDIUMTEXT,
    error MEDIUMTEXT,
    cpus BIGINT NOT NULL DEFAULT 0,
    memory_mib BIGINT NOT NULL DEFAULT 0,
    memory_free_mib BIGINT NOT NULL DEFAULT 0,
    reserve_mib BIGINT NOT NULL DEFAULT 0,
    "load" DOUBLE NOT NULL DEFAULT 0,
    vcpu_ratio DOUBLE NOT NULL DEFAULT 0,
    storage_bytes BIGINT NOT NULL DEFAULT 0,
    storage_free_bytes BIGINT NOT NULL DEFAULT 0,
    seen BIGINT NOT NULL DEFAULT 0,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY name (name),
    UNIQUE KEY uri (uri)
);

CREATE TABLE IF NOT EXISTS users (
    id VARCHAR(64) NOT NULL,
    username VARCHAR(255) NOT NULL,
    number VARCHAR(255),
    name VARCHAR(255) COLLATE utf8mb4_uca1400_nopad_as_ci,
    email VARCHAR(255) COLLATE utf8mb4_uca1400_nopad_as_ci,
    role VARCHAR(64) NOT NULL CHECK (role IN ('admin', 'manager', 'user')),
    password MEDIUMTEXT,
    enabled BIGINT NOT NULL,
    must_change BIGINT NOT NULL DEFAULT 0,
    failed_logins BIGINT NOT NULL DEFAULT 0,
    locked_until BIGINT NOT NULL DEFAULT 0,
    uid BIGINT NOT NULL,
    language MEDIUMTEXT,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    last_login BIGINT NOT NULL DEFAULT 0,
    version BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY username (username),
    UNIQUE KEY number (number),
    UNIQUE KEY uid (uid),
    KEY users_name (name, id)
);

CREATE TABLE IF NOT EXISTS departments (
    id VARCHAR(64) NOT NULL,
    number VARCHAR(255),
    name VARCHAR(255) COLLATE utf8mb4_uca1400_nopad_as_ci NOT NULL,
    unit MEDIUMTEXT,
    founded BIGINT NOT NULL DEFAULT 0,
    network_id VARCHAR(64),
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY number (number),
    KEY departments_network (network_id),
    FOREIGN KEY (network_id) REFERENCES networks (id)
);

CREATE TABLE IF NOT EXISTS memberships (
    id VARCHAR(64) NOT NULL,
    department_id VARCHAR(64) NOT NULL,
    user_id VARCHAR(64) NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY user_id (department_id, user_id),
    KEY memberships_user (user_id, department_id),
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    FOREIGN KEY (department_id) REFERENCES departments (id) ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS department_managers (
    id VARCHAR(64) NOT NULL,
    department_id VARCHAR(64) NOT NULL,
    user_id VARCHAR(64) NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY user_id (department_id, user_id),
    KEY department_managers_user (user_id, department_id),
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    FOREIGN KEY (department_id) REFERENCES departments (id) ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS logins (
    id VARCHAR(64) NOT NULL,
    user_id VARCHAR(64) NOT NULL,
    token_hash VARCHAR(255) NOT NULL,
    csrf_hash MEDIUMTEXT,
    kind VARCHAR(64) NOT NULL CHECK (kind IN ('cookie', 'bearer')),
    address MEDIUMTEXT,
    agent MEDIUMTEXT,
    created BIGINT NOT NULL,
    last_used BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY token_hash (token_hash),
    KEY logins_user (user_id, last_used),
    KEY logins_expires (expires),
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS counters (
    name VARCHAR(255) NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE IF NOT EXISTS pools (
    id VARCHAR(64) NOT NULL,
    name VARCHAR(255) COLLATE utf8mb4_uca1400_nopad_as_ci NOT NULL,
    description MEDIUMTEXT,
    template_version_id VARCHAR(64) NOT NULL,
    network_id VARCHAR(64) NOT NULL,
    vcpus BIGINT NOT NULL CHECK (vcpus > 0),
    memory_mib BIGINT NOT NULL CHECK (memory_mib > 0),
    disk_gib BIGINT NOT NULL DEFAULT 0,
    max_desktops BIGINT NOT NULL DEFAULT 0,
    policy MEDIUMTEXT,
    enabled BIGINT NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    version BIGINT NOT NULL,
    follow VARCHAR(64) DEFAULT 'pinned' CHECK (follow IN ('pinned', 'newest', 'staged')),
    rollout MEDIUMTEXT,
    kind VARCHAR(64) CHECK (kind IN ('dedicated', 'floating')),
    min_ready BIGINT NOT NULL DEFAULT 0,
    warm BIGINT NOT NULL DEFAULT 0,
    power MEDIUMTEXT,
    personal_disk_gib BIGINT NOT NULL DEFAULT 0 CHECK (personal_disk_gib >= 0),
    instant BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (id),
    UNIQUE KEY name (name),
    KEY pools_template_version (template_version_id),
    KEY pools_network (network_id),
    FOREIGN KEY (network_id) REFERENCES networks (id),
    FOREIGN KEY (template_version_id) REFERENCES template_versions (id)
);

CREATE TABLE IF NOT EXISTS entitlements (
    id VARCHAR(64) NOT NULL,
    pool_id VARCHAR(64) NOT NULL,
    department_id VARCHAR(64),
    user_id VARCHAR(64),
    created BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY department_id (pool_id, department_id),
    UNIQUE KEY user_id (pool_id, user_id),
    KEY entitlements_department (department_id, pool_id),
    KEY entitlements_user (user_id, pool_id),
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    FOREIGN KEY (department_id) REFERENCES departments (id) ON DELETE CASCADE,
    FOREIGN KEY (pool_id) REFERENCES pools (id) ON DELETE CASCADE,
    CHECK ((department_id IS NULL) <> (user_id IS NULL))
);

CREATE TABLE IF NOT EXISTS connections (
    id VARCHAR(64) NOT NULL,
    desktop_id VARCHAR(64) NOT NULL,
    user_id VARCHAR(64),
    login_id VARCHAR(64),
    protocol VARCHAR(64) NOT NULL CHECK (protocol IN ('rdp', 'spice', 'console', 'rdp-web')),
    ticket_hash VARCHAR(255) NOT NULL,
    gate MEDIUMTEXT,
    client_address MEDIUMTEXT,
    source VARCHAR(64) NOT NULL CHECK (source IN ('exact', 'net', 'none')),
    state VARCHAR(64) NOT NULL CHECK (state IN ('new', 'open', 'dropped', 'ended')),
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    first_used BIGINT NOT NULL DEFAULT 0,
    last_seen BIGINT NOT NULL DEFAULT 0,
    ended BIGINT NOT NULL DEFAULT 0,
    sockets BIGINT NOT NULL DEFAULT 0,
    redeems BIGINT NOT NULL DEFAULT 0,
    bytes_up BIGINT NOT NULL DEFAULT 0,
    bytes_down BIGINT NOT NULL DEFAULT 0,
    rtt_us BIGINT NOT NULL DEFAULT 0,
    reason MEDIUMTEXT,
    min_rtt_us BIGINT NOT NULL DEFAULT 0,
    jitter_us BIGINT NOT NULL DEFAULT 0,
    loss_ppm BIGINT NOT NULL DEFAULT 0,
    lost BIGINT NOT NULL DEFAULT 0,
    queue_us BIGINT NOT NULL DEFAULT 0,
    rate BIGINT NOT NULL DEFAULT 0,
    server_us BIGINT NOT NULL DEFAULT 0,
    first_byte_ms BIGINT NOT NULL DEFAULT 0,
    first_picture_ms BIGINT NOT NULL DEFAULT 0,
    score BIGINT NOT NULL DEFAULT -1,
    score_reason MEDIUMTEXT,
    log_in VARCHAR(64) CHECK (log_in IN ('waiting', 'in', 'failed', 'unknown')),
    fixed_port BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (id),
    UNIQUE KEY ticket_hash (ticket_hash),
    KEY connections_desktop (desktop_id, state),
    KEY connections_user (user_id, state),
    KEY connections_state (state, id),
    KEY connections_login (login_id),
    KEY connections_ended (ended, first_used, user_id),
    KEY connections_fixed_port (state, fixed_port)
);

CREATE TABLE IF NOT EXISTS jobs (
    id VARCHAR(64) NOT NULL,
    kind VARCHAR(64) NOT NULL,
    object_kind MEDIUMTEXT,
    object_id VARCHAR(64),
    object_name MEDIUMTEXT,
    user_id VARCHAR(64),
    state VARCHAR(64) NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    step MEDIUMTEXT,
    step_number BIGINT NOT NULL DEFAULT 0,
    steps BIGINT NOT NULL DEFAULT 0,
    progress BIGINT NOT NULL DEFAULT 0,
    args MEDIUMTEXT,
    result MEDIUMTEXT,
    parent_id VARCHAR(64),
    error_code MEDIUMTEXT,
    error MEDIUMTEXT,
    attempts BIGINT NOT NULL DEFAULT 0,
    created BIGINT NOT NULL,
    started BIGINT NOT NULL DEFAULT 0,
    ended BIGINT NOT NULL DEFAULT 0,
    changed BIGINT NOT NULL,
    worker MEDIUMTEXT,
    lease BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (id),
    KEY jobs_state (state, id),
    KEY jobs_object (object_id, state),
    KEY jobs_parent (parent_id),
    KEY jobs_user (user_id, id),
    KEY jobs_ended (ended, kind, state)
);

CREATE TABLE IF NOT EXISTS events (
    seq BIGINT NOT NULL AUTO_INCREMENT,
    kind VARCHAR(64) NOT NULL CHECK (kind IN ('created', 'changed', 'deleted')),
    noun MEDIUMTEXT NOT NULL,
    object_id MEDIUMTEXT,
    user_id MEDIUMTEXT,
    department_ids MEDIUMTEXT,
    created BIGINT NOT NULL,
    PRIMARY KEY (seq),
    KEY events_created (created)
);

CREATE TABLE IF NOT EXISTS audit (
    id VARCHAR(64) NOT NULL,
    time BIGINT NOT NULL,
    user_id VARCHAR(64),
    username MEDIUMTEXT,
    address MEDIUMTEXT,
    request_id MEDIUMTEXT,
    act MEDIUMTEXT NOT NULL,
    object_kind MEDIUMTEXT,
    object_id VARCHAR(64),
    object_name MEDIUMTEXT,
    outcome MEDIUMTEXT NOT NULL,
    details MEDIUMTEXT,
    PRIMARY KEY (id),
    KEY audit_time (time, id),
    KEY audit_object (object_id, id),
    KEY audit_user (user_id, id)
);

CREATE TABLE IF NOT EXISTS settings (
    name VARCHAR(255) NOT NULL,
    value MEDIUMTEXT NOT NULL,
    changed BIGINT NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE IF NOT EXISTS idempotency (
    user_id VARCHAR(64) NOT NULL,
    request_key VARCHAR(255) NOT NULL,
    request_hash MEDIUMTEXT NOT NULL,
    status BIGINT NOT NULL,
    body MEDIUMTEXT,
    created BIGINT NOT NULL,
    PRIMARY KEY (user_id, request_key),
    KEY idempotency_created (created)
);

CREATE TABLE IF NOT EXISTS media (
    id VARCHAR(64) NOT NULL,
    name VARCHAR(255) COLLATE utf8mb4_uca1400_nopad_as_ci NOT NULL,
    state VARCHAR(64) NOT NULL CHECK (state IN ('uploading', 'checking', 'ready', 'failed')),
    size_bytes BIGINT NOT NULL CHECK (size_bytes > 0),
    received_bytes BIGINT NOT NULL DEFAULT 0,
    sha256 MEDIUMTEXT,
    checksum MEDIUMTEXT,
    label MEDIUMTEXT,
    bootable BIGINT NOT NULL DEFAULT 0,
    error MEDIUMTEXT,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY name (name)
);

CREATE TABLE IF NOT EXISTS rollouts (
    id VARCHAR(64) NOT NULL,
    pool_id VARCHAR(64) NOT NULL,
    from_version_id MEDIUMTEXT NOT NULL,
    to_version_id MEDIUMTEXT NOT NULL,
    from_number BIGINT NOT NULL,
    to_number BIGINT NOT NULL,
    mode VARCHAR(64) NOT NULL CHECK (mode IN ('all', 'staged', 'newest')),
    plan MEDIUMTEXT,
    state VARCHAR(64) NOT NULL CHECK (state IN ('checking', 'staged', 'rolling', 'paused', 'going-back', 'done', 'rolled-back', 'failed')),
    resumes MEDIUMTEXT,
    forgiven BIGINT NOT NULL DEFAULT 0,
    gate MEDIUMTEXT,
    reason MEDIUMTEXT,
    user_id MEDIUMTEXT,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    ended BIGINT NOT NULL DEFAULT 0,
    keep_until BIGINT NOT NULL DEFAULT 0,
    version BIGINT NOT NULL,
    -- One at a time for each pool.
    live_pool_id VARCHAR(64) AS (IF(state IN ('done', 'rolled-back', 'failed'), NULL, pool_id)) VIRTUAL INVISIBLE,
    PRIMARY KEY (id),
    UNIQUE KEY pool_id (live_pool_id),
    KEY rollouts_pool (pool_id, id),
    FOREIGN KEY (pool_id) REFERENCES pools (id) ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS rollout_desktops (
    id VARCHAR(64) NOT NULL,
    rollout_id VARCHAR(64) NOT NULL,
    desktop_id VARCHAR(64) NOT NULL,
    from_version_id MEDIUMTEXT NOT NULL,
    stage VARCHAR(64) NOT NULL CHECK (stage IN ('first', 'rest')),
    state VARCHAR(64) NOT NULL CHECK (state IN ('waiting', 'moved', 'healthy', 'failed', 'back', 'gone')),
    kept_image MEDIUMTEXT,
    kept MEDIUMTEXT,
    left_image MEDIUMTEXT,
    moved BIGINT NOT NULL DEFAULT 0,
    tried BIGINT NOT NULL DEFAULT 0,
    error MEDIUMTEXT,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY desktop_id (rollout_id, desktop_id),
    KEY rollout_desktops_desktop (desktop_id, id),
    FOREIGN KEY (rollout_id) REFERENCES rollouts (id) ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS sealed_images (
    image VARCHAR(255) NOT NULL,
    base MEDIUMTEXT,
    template_id VARCHAR(64),
    version_id VARCHAR(64),
    size_bytes BIGINT NOT NULL,
    mtime BIGINT NOT NULL,
    header MEDIUMTEXT NOT NULL,
    checksum MEDIUMTEXT,
    checked BIGINT NOT NULL DEFAULT 0,
    damage MEDIUMTEXT,
    retired BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (image),
    KEY sealed_images_version (version_id),
    FOREIGN KEY (version_id) REFERENCES template_versions (id) ON DELETE SET NULL,
    FOREIGN KEY (template_id) REFERENCES templates (id) ON DELETE SET NULL
);

CREATE TABLE IF NOT EXISTS disk_use (
    image VARCHAR(255) NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (image)
);

CREATE TABLE IF NOT EXISTS desktops (
    id VARCHAR(64) NOT NULL,
    name VARCHAR(255) COLLATE utf8mb4_uca1400_nopad_as_ci NOT NULL,
    pool_id VARCHAR(64),
    user_id VARCHAR(64),
    template_version_id VARCHAR(64),
    host_id VARCHAR(64),
    state VARCHAR(64) NOT NULL,
    wanted VARCHAR(64) NOT NULL CHECK (wanted IN ('on', 'off')),
    uuid VARCHAR(255),
    image VARCHAR(255),
    error MEDIUMTEXT,
    vcpus BIGINT NOT NULL CHECK (vcpus > 0),
    memory_mib BIGINT NOT NULL CHECK (memory_mib > 0),
    disk_gib BIGINT NOT NULL DEFAULT 0,
    next_vcpus BIGINT NOT NULL DEFAULT 0,
    next_memory_mib BIGINT NOT NULL DEFAULT 0,
    next_disk_gib BIGINT NOT NULL DEFAULT 0,
    started BIGINT NOT NULL DEFAULT 0,
    ready_at BIGINT NOT NULL DEFAULT 0,
    certificate MEDIUMTEXT,
    placement MEDIUMTEXT,
    prepared BIGINT NOT NULL DEFAULT 0,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    version BIGINT NOT NULL,
    fixed_port BIGINT NOT NULL DEFAULT 0,
    dns_name VARCHAR(255),
    certificate_name MEDIUMTEXT,
    certificate_expires BIGINT NOT NULL DEFAULT 0,
    template_id VARCHAR(64),
    media_id VARCHAR(64),
    drivers_id VARCHAR(64),
    agent_seen BIGINT NOT NULL DEFAULT 0,
    target_version_id VARCHAR(64),
    taken BIGINT NOT NULL DEFAULT 0,
    ram_image MEDIUMTEXT,
    fixed_port_taken BIGINT AS (IF(fixed_port > 0, fixed_port, NULL)) VIRTUAL INVISIBLE, -- no two have the same port
    PRIMARY KEY (id),
    UNIQUE KEY name (name),
    UNIQUE KEY uuid (uuid),
    UNIQUE KEY image (image),
    UNIQUE KEY user_id (pool_id, user_id),
    UNIQUE KEY fixed_port (fixed_port_taken),
    UNIQUE KEY dns_name (dns_name),
    KEY desktops_user (user_id, id),
    KEY desktops_host (host_id, state),
    KEY desktops_state (state, id),
    KEY desktops_template_version (template_version_id),
    KEY desktops_changed (changed, id),
    KEY desktops_created (created, id),
    KEY desktops_template (template_id),
    KEY desktops_target_version (target_version_id),
    FOREIGN KEY (drivers_id) REFERENCES media (id),
    FOREIGN KEY (media_id) REFERENCES media (id),
    FOREIGN KEY (template_id) REFERENCES templates (id),
    FOREIGN KEY (host_id) REFERENCES hosts (id),
    FOREIGN KEY (template_version_id) REFERENCES template_versions (id),
    FOREIGN KEY (user_id) REFERENCES users (id),
    FOREIGN KEY (pool_id) REFERENCES pools (id)
);

CREATE TABLE IF NOT EXISTS addresses (
    id VARCHAR(64) NOT NULL,
    network_id VARCHAR(64) NOT NULL,
    desktop_id VARCHAR(64) NOT NULL,
    ip MEDIUMTEXT NOT NULL,
    mac MEDIUMTEXT NOT NULL,
    ip_number BIGINT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY desktop_id (desktop_id),
    UNIQUE KEY ip_number (network_id, ip_number),
    FOREIGN KEY (desktop_id) REFERENCES desktops (id) ON DELETE CASCADE,
    FOREIGN KEY (network_id) REFERENCES networks (id)
);

CREATE TABLE IF NOT EXISTS desktop_secrets (
    desktop_id VARCHAR(64) NOT NULL,
    sealed MEDIUMTEXT NOT NULL,
    changed BIGINT NOT NULL,
    PRIMARY KEY (desktop_id),
    FOREIGN KEY (desktop_id) REFERENCES desktops (id) ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS personal_disks (
    id VARCHAR(64) NOT NULL,
    pool_id VARCHAR(64) NOT NULL,
    user_id VARCHAR(64) NOT NULL,
    owner MEDIUMTEXT NOT NULL,
    image VARCHAR(255) NOT NULL,
    state VARCHAR(64) NOT NULL CHECK (state IN ('new', 'ready', 'deleting')),
    size_gib BIGINT NOT NULL CHECK (size_gib > 0),
    formatted BIGINT NOT NULL DEFAULT 0,
    desktop_id VARCHAR(64),
    error MEDIUMTEXT,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY image (image),
    UNIQUE KEY pool_id (user_id, pool_id),
    KEY personal_disks_pool (pool_id),
    KEY personal_disks_desktop (desktop_id),
    FOREIGN KEY (desktop_id) REFERENCES desktops (id) ON DELETE SET NULL,
    FOREIGN KEY (pool_id) REFERENCES pools (id)
);

CREATE TABLE IF NOT EXISTS restore_points (
    id VARCHAR(64) NOT NULL,
    desktop_id VARCHAR(64) NOT NULL,
    kind VARCHAR(64) NOT NULL CHECK (kind IN ('nightly', 'manual', 'before-restore')),
    state VARCHAR(64) NOT NULL CHECK (state IN ('making', 'ready', 'failed', 'deleting')),
    note MEDIUMTEXT,
    image MEDIUMTEXT,
    personal_disk_id VARCHAR(64),
    frozen BIGINT NOT NULL DEFAULT 0,
    taken BIGINT NOT NULL DEFAULT 0,
    error MEDIUMTEXT,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (id),
    KEY restore_points_desktop (desktop_id),
    KEY restore_points_disk (personal_disk_id),
    FOREIGN KEY (personal_disk_id) REFERENCES personal_disks (id) ON DELETE SET NULL,
    FOREIGN KEY (desktop_id) REFERENCES desktops (id) ON DELETE CASCADE
);

INSERT IGNORE INTO counters (name, value) VALUES ('uid', 20000);

CREATE OR REPLACE TRIGGER audit_no_update BEFORE UPDATE ON audit FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'audit rows are never changed';
CREATE OR REPLACE TRIGGER audit_no_delete BEFORE DELETE ON audit FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'audit rows are never deleted';

CREATE OR REPLACE VIEW department_view AS
SELECT d.*, n.name AS network_name,
       (SELECT COUNT(*) FROM memberships m WHERE m.department_id = d.id) AS members,
       (SELECT COUNT(*) FROM department_managers g WHERE g.department_id = d.id) AS managers
FROM departments d LEFT JOIN networks n ON n.id = d.network_id;

CREATE OR REPLACE VIEW membership_view AS
SELECT m.*, d.name AS department_name, u.username, u.name AS user_name, u.role
FROM memberships m JOIN departments d ON d.id = m.department_id JOIN users u ON u.id = m.user_id;

CREATE OR REPLACE VIEW managership_view AS
SELECT m.*, d.name AS department_name, u.username, u.name AS user_name, u.role
FROM department_managers m JOIN departments d ON d.id = m.department_id
    JOIN users u ON u.id = m.user_id;

CREATE OR REPLACE VIEW login_view AS
SELECT l.*, u.username, u.role, u.enabled AS user_enabled, u.must_change
FROM logins l JOIN users u ON u.id = l.user_id;

CREATE OR REPLACE VIEW network_view AS
SELECT n.*,
       (SELECT COUNT(*) FROM addresses a WHERE a.network_id = n.id) AS addresses_used,
       0 AS addresses_total,
       (SELECT COUNT(*) FROM pools p WHERE p.network_id = n.id) AS pools
FROM networks n;

CREATE OR REPLACE VIEW address_view AS
SELECT a.*, n.name AS network_name, d.name AS desktop_name
FROM addresses a JOIN networks n ON n.id = a.network_id JOIN desktops d ON d.id = a.desktop_id;

CREATE OR REPLACE VIEW entitlement_view AS
SELECT e.*, p.name AS pool_name, d.name AS department_name, u.username
FROM entitlements e JOIN pools p ON p.id = e.pool_id
    LEFT JOIN departments d ON d.id = e.department_id LEFT JOIN users u ON u.id = e.user_id;

CREATE OR REPLACE VIEW connection_view AS
SELECT c.*, d.name AS desktop_name, u.username, p.name AS pool_name,
       (SELECT GROUP_CONCAT(m.department_id) FROM memberships m WHERE m.user_id = c.user_id)
           AS department_ids
FROM connections c
    LEFT JOIN desktops d ON d.id = c.desktop_id
    LEFT JOIN users u ON u.id = c.user_id
    LEFT JOIN pools p ON p.id = d.pool_id;

CREATE OR REPLACE VIEW job_view AS
SELECT j.*, u.username FROM jobs j LEFT JOIN users u ON u.id = j.user_id;

CREATE OR REPLACE VIEW rollout_view AS
SELECT r.*, p.name AS pool_name, t.name AS template_name, u.username,
       (SELECT COUNT(*) FROM rollout_desktops x WHERE x.rollout_id = r.id AND x.state <> 'gone') AS total,
       (SELECT COUNT(*) FROM rollout_desktops x WHERE x.rollout_id = r.id
            AND x.state IN ('moved', 'healthy', 'failed')) AS moved,
       (SELECT COUNT(*) FROM rollout_desktops x WHERE x.rollout_id = r.id AND x.state = 'healthy') AS healthy,
       (SELECT COUNT(*) FROM rollout_desktops x WHERE x.rollout_id = r.id AND x.state = 'failed') AS failed,
       (SELECT COUNT(*) FROM rollout_desktops x WHERE x.rollout_id = r.id AND x.kept_image IS NOT NULL) AS kept
FROM rollouts r JOIN pools p ON p.id = r.pool_id
    LEFT JOIN template_versions v ON v.id = p.template_version_id
    LEFT JOIN templates t ON t.id = v.template_id
    LEFT JOIN users u ON u.id = r.user_id;

CREATE OR REPLACE VIEW rollout_desktop_view AS
SELECT x.*, d.name AS desktop_name, d.state AS desktop_state, u.username, u.name AS user_name,
       (SELECT COUNT(*) FROM connections c WHERE c.desktop_id = x.desktop_id AND c.state = 'open') AS open_sessions
FROM rollout_desktops x LEFT JOIN desktops d ON d.id = x.desktop_id LEFT JOIN users u ON u.id = d.user_id;

CREATE OR REPLACE VIEW template_view AS
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

CREATE OR REPLACE VIEW template_version_view AS
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

CREATE OR REPLACE VIEW pool_view AS
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

CREATE OR REPLACE VIEW host_view AS
SELECT h.*,
       (SELECT COUNT(*) FROM desktops d WHERE d.host_id = h.id) AS desktops,
       (SELECT COUNT(*) FROM desktops d WHERE d.host_id = h.id
            AND d.state IN ('starting', 'preparing', 'ready', 'paused', 'stopping')) AS desktops_running
FROM hosts h;

CREATE OR REPLACE VIEW desktop_view AS
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

CREATE OR REPLACE VIEW restore_point_view AS
SELECT r.*, (r.image IS NOT NULL AND r.image = d.image) AS system, d.name AS desktop_name, d.user_id, u.username
FROM restore_points r
    JOIN desktops d ON d.id = r.desktop_id
    LEFT JOIN users u ON u.id = d.user_id;

CREATE OR REPLACE VIEW user_view AS
SELECT u.*,
       (SELECT GROUP_CONCAT(d.name ORDER BY d.name SEPARATOR ', ') FROM memberships m JOIN departments d
            ON d.id = m.department_id WHERE m.user_id = u.id) AS department_names,
       (SELECT GROUP_CONCAT(m.department_id) FROM memberships m WHERE m.user_id = u.id)
           AS department_ids,
       (SELECT COALESCE(MAX(l.last_used), 0) FROM logins l WHERE l.user_id = u.id) AS last_seen,
       (SELECT COUNT(*) FROM connections c WHERE c.user_id = u.id AND c.state = 'open')
           AS open_sessions,
       (SELECT COALESCE(SUM(s.bytes), 0) FROM desktops d JOIN disk_use s ON s.image = d.image
            WHERE d.user_id = u.id)
       + (SELECT COALESCE(SUM(s.bytes), 0) FROM personal_disks k JOIN disk_use s ON s.image = k.image
            WHERE k.user_id = u.id) AS disk_bytes
FROM users u;

CREATE OR REPLACE VIEW personal_disk_view AS
SELECT k.*, COALESCE(u.username, k.owner) || '@' || p.name AS name, p.name AS pool_name,
       COALESCE(u.username, k.owner) AS username, u.name AS user_name,
       d.name AS desktop_name, d.state AS desktop_state,
       (SELECT s.bytes FROM disk_use s WHERE s.image = k.image) AS disk_bytes
FROM personal_disks k
    JOIN pools p ON p.id = k.pool_id
    LEFT JOIN users u ON u.id = k.user_id
    LEFT JOIN desktops d ON d.id = k.desktop_id;
