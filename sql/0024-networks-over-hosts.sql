-- Networks over several hosts, isolation of desktops from each other, and how a network is on each host.
ALTER TABLE networks ADD COLUMN vni INTEGER NOT NULL DEFAULT 0;
ALTER TABLE networks ADD COLUMN isolated INTEGER NOT NULL DEFAULT 0;

CREATE TABLE network_hosts (
    id TEXT NOT NULL PRIMARY KEY,
    network_id TEXT NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
    host_id TEXT NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
    state TEXT NOT NULL CHECK (state IN ('ok', 'missing', 'drift', 'unreachable')),
    error TEXT,
    repaired TEXT,
    checked INTEGER NOT NULL DEFAULT 0,
    repaired_at INTEGER NOT NULL DEFAULT 0,
    UNIQUE (network_id, host_id)
);

CREATE VIEW network_host_view AS
SELECT x.*, n.name AS network_name, h.name AS host_name
FROM network_hosts x JOIN networks n ON n.id = x.network_id JOIN hosts h ON h.id = x.host_id;
