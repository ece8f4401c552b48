-- How a pool follows its template, and the roll-outs of new versions.
ALTER TABLE pools ADD COLUMN follow TEXT DEFAULT 'pinned' CHECK (follow IN ('pinned', 'newest', 'staged'));
ALTER TABLE pools ADD COLUMN rollout TEXT;

-- Where a desktop moves when it is off, or at its next start; NULL: it stays.
ALTER TABLE desktops ADD COLUMN target_version_id TEXT;
CREATE INDEX desktops_target_version ON desktops (target_version_id) WHERE target_version_id IS NOT NULL;

-- History too: versions may go when nothing is rolled out any more, hence no references to them.
CREATE TABLE rollouts (
    id TEXT NOT NULL PRIMARY KEY,
    pool_id TEXT NOT NULL REFERENCES pools (id) ON DELETE CASCADE,
    from_version_id TEXT NOT NULL,
    to_version_id TEXT NOT NULL,
    from_number INTEGER NOT NULL,
    to_number INTEGER NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('all', 'staged', 'newest')),
    plan TEXT,
    state TEXT NOT NULL CHECK (state IN ('checking', 'staged', 'rolling', 'paused', 'going-back', 'done',
                                         'rolled-back', 'failed')),
    resumes TEXT,
    forgiven INTEGER NOT NULL DEFAULT 0,
    gate TEXT,
    reason TEXT,
    user_id TEXT,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    ended INTEGER NOT NULL DEFAULT 0,
    keep_until INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL
);
-- One at a time for each pool.
CREATE UNIQUE INDEX rollouts_live ON rollouts (pool_id) WHERE state NOT IN ('done', 'rolled-back', 'failed');
CREATE INDEX rollouts_pool ON rollouts (pool_id, id);

-- One desktop in a roll-out. Rows outlive their desktops: their files have to be removed.
CREATE TABLE rollout_desktops (
    id TEXT NOT NULL PRIMARY KEY,
    rollout_id TEXT NOT NULL REFERENCES rollouts (id) ON DELETE CASCADE,
    desktop_id TEXT NOT NULL,
    from_version_id TEXT NOT NULL,
    stage TEXT NOT NULL CHECK (stage IN ('first', 'rest')),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'moved', 'healthy', 'failed', 'back', 'gone')),
    kept_image TEXT,
    kept TEXT,
    left_image TEXT,
    moved INTEGER NOT NULL DEFAULT 0,
    tried INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    version INTEGER NOT NULL,
    UNIQUE (rollout_id, desktop_id)
);
CREATE INDEX rollout_desktops_desktop ON rollout_desktops (desktop_id, id);
CREATE INDEX rollout_desktops_files ON rollout_desktops (id) WHERE kept_image IS NOT NULL OR left_image IS NOT NULL;

CREATE VIEW rollout_view AS
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

CREATE VIEW rollout_desktop_view AS
SELECT x.*, d.name AS desktop_name, d.state AS desktop_state, u.username, u.name AS user_name,
       (SELECT COUNT(*) FROM connections c WHERE c.desktop_id = x.desktop_id AND c.state = 'open') AS open_sessions
FROM rollout_desktops x LEFT JOIN desktops d ON d.id = x.desktop_id LEFT JOIN users u ON u.id = d.user_id;
