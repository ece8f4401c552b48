-- People, their departments and their log-ins.

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    number TEXT UNIQUE,
    name TEXT COLLATE NOCASE,
    email TEXT COLLATE NOCASE,
    role TEXT NOT NULL CHECK (role IN ('admin', 'manager', 'user')),
    password TEXT,
    enabled INTEGER NOT NULL,
    must_change INTEGER NOT NULL DEFAULT 0,
    failed_logins INTEGER NOT NULL DEFAULT 0,
    locked_until INTEGER NOT NULL DEFAULT 0,
    uid INTEGER NOT NULL UNIQUE,
    language TEXT,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    last_login INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL
);
CREATE INDEX users_name ON users (name, id);

CREATE TABLE departments (
    id TEXT NOT NULL PRIMARY KEY,
    number TEXT UNIQUE,
    name TEXT NOT NULL COLLATE NOCASE,
    unit TEXT,
    founded INTEGER NOT NULL DEFAULT 0,
    network_id TEXT REFERENCES networks (id),
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    version INTEGER NOT NULL
);
CREATE INDEX departments_network ON departments (network_id);

CREATE TABLE memberships (
    id TEXT NOT NULL PRIMARY KEY,
    department_id TEXT NOT NULL REFERENCES departments (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created INTEGER NOT NULL,
    UNIQUE (department_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id, department_id);

CREATE TABLE department_managers (
    id TEXT NOT NULL PRIMARY KEY,
    department_id TEXT NOT NULL REFERENCES departments (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created INTEGER NOT NULL,
    UNIQUE (department_id, user_id)
);
CREATE INDEX department_managers_user ON department_managers (user_id, department_id);

CREATE TABLE logins (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash TEXT NOT NULL UNIQUE,
    csrf_hash TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('cookie', 'bearer')),
    address TEXT,
    agent TEXT,
    created INTEGER NOT NULL,
    last_used INTEGER NOT NULL,
    expires INTEGER NOT NULL
);
CREATE INDEX logins_user ON logins (user_id, last_used);
CREATE INDEX logins_expires ON logins (expires);

-- Numbers that are given out once.
CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
);
INSERT INTO counters (name, value) VALUES ('uid', 20000);
