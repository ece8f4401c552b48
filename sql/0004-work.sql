-- Jobs, the outbox of events, the audit log, settings, remembered answers.

CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    object_kind TEXT,
    object_id TEXT,
    object_name TEXT,
    user_id TEXT,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    step TEXT,
    step_number INTEGER NOT NULL DEFAULT 0,
    steps INTEGER NOT NULL DEFAULT 0,
    progress INTEGER NOT NULL DEFAULT 0,
    args TEXT,
    result TEXT,
    parent_id TEXT,
    error_code TEXT,
    error TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL,
    started INTEGER NOT NULL DEFAULT 0,
    ended INTEGER NOT NULL DEFAULT 0,
    changed INTEGER NOT NULL,
    worker TEXT,
    lease INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX jobs_state ON jobs (state, id);
CREATE INDEX jobs_object ON jobs (object_id, state);
CREATE INDEX jobs_parent ON jobs (parent_id);
CREATE INDEX jobs_user ON jobs (user_id, id);

-- AUTOINCREMENT: a number is never given twice, also when rows were pruned.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('created', 'changed', 'deleted')),
    noun TEXT NOT NULL,
    object_id TEXT,
    user_id TEXT,
    department_ids TEXT,
    created INTEGER NOT NULL
);
CREATE INDEX events_created ON events (created);

CREATE TABLE audit (
    id TEXT NOT NULL PRIMARY KEY,
    time INTEGER NOT NULL,
    user_id TEXT,
    username TEXT,
    address TEXT,
    request_id TEXT,
    act TEXT NOT NULL,
    object_kind TEXT,
    object_id TEXT,
    object_name TEXT,
    outcome TEXT NOT NULL,
    details TEXT
);
CREATE INDEX audit_time ON audit (time, id);
CREATE INDEX audit_object ON audit (object_id, id);
CREATE INDEX audit_user ON audit (user_id, id);

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit rows are never changed');
END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit rows are never deleted');
END;

CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,
    changed INTEGER NOT NULL
);

CREATE TABLE idempotency (
    user_id TEXT NOT NULL,
    request_key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT,
    created INTEGER NOT NULL,
    PRIMARY KEY (user_id, request_key)
);
CREATE INDEX idempotency_created ON idempotency (created);
