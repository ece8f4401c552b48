-- Networks over several hosts, isolation of desktops from each other, and how a network is on each host.
ALTER TABLE networks ADD COLUMN IF NOT EXISTS vni BIGINT NOT NULL DEFAULT 0;
ALTER TABLE networks ADD COLUMN IF NOT EXISTS isolated BIGINT NOT NULL DEFAULT 0;

CREATE OR REPLACE VIEW network_view AS
SELECT n.*,
       (SELECT COUNT(*) FROM addresses a WHERE a.network_id = n.id) AS addresses_used,
       0 AS addresses_total,
       (SELECT COUNT(*) FROM pools p WHERE p.network_id = n.id) AS pools
FROM networks n;

CREATE TABLE IF NOT EXISTS network_hosts (
    id VARCHAR(64) NOT NULL,
    network_id VARCHAR(64) NOT NULL,
    host_id VARCHAR(64) NOT NULL,
    state VARCHAR(64) NOT NULL CHECK (state IN ('ok', 'missing', 'drift', 'unreachable')),
    error MEDIUMTEXT,
    repaired MEDIUMTEXT,
    checked BIGINT NOT NULL DEFAULT 0,
    repaired_at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (id),
    UNIQUE KEY host_id (network_id, host_id),
    FOREIGN KEY (host_id) REFERENCES hosts (id) ON DELETE CASCADE,
    FOREIGN KEY (network_id) REFERENCES networks (id) ON DELETE CASCADE
);

CREATE OR REPLACE VIEW network_host_view AS
SELECT x.*, n.name AS network_name, h.name AS host_name
FROM network_hosts x JOIN networks n ON n.id = x.network_id JOIN hosts h ON h.id = x.host_id;
