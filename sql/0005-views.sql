-- What records are read from: joined names, and counts as subqueries for each row that is shown.

CREATE VIEW user_view AS
SELECT u.*,
       (SELECT GROUP_CONCAT(name, ', ') FROM (SELECT d.name FROM memberships m JOIN departments d
            ON d.id = m.department_id WHERE m.user_id = u.id ORDER BY d.name)) AS department_names,
       (SELECT COALESCE(MAX(l.last_used), 0) FROM logins l WHERE l.user_id = u.id) AS last_seen,
       (SELECT COUNT(*) FROM connections c WHERE c.user_id = u.id AND c.state = 'open')
           AS open_sessions
FROM users u;

CREATE VIEW department_view AS
SELECT d.*, n.name AS network_name,
       (SELECT COUNT(*) FROM memberships m WHERE m.department_id = d.id) AS members,
       (SELECT COUNT(*) FROM department_managers g WHERE g.department_id = d.id) AS managers
FROM departments d LEFT JOIN networks n ON n.id = d.network_id;

CREATE VIEW membership_view AS
SELECT m.*, d.name AS department_name, u.username, u.name AS user_name, u.role
FROM memberships m JOIN departments d ON d.id = m.department_id JOIN users u ON u.id = m.user_id;

CREATE VIEW managership_view AS
SELECT m.*, d.name AS department_name, u.username, u.name AS user_name, u.role
FROM department_managers m JOIN departments d ON d.id = m.department_id
    JOIN users u ON u.id = m.user_id;

CREATE VIEW login_view AS
SELECT l.*, u.username, u.role, u.enabled AS user_enabled, u.must_change
FROM logins l JOIN users u ON u.id = l.user_id;

CREATE VIEW template_view AS
SELECT t.*,
       (SELECT COUNT(*) FROM template_versions v WHERE v.template_id = t.id) AS versions,
       (SELECT COUNT(*) FROM template_versions v JOIN desktops d ON d.template_version_id = v.id
            WHERE v.template_id = t.id) AS desktops,
       (SELECT COALESCE(MAX(v.number), 0) FROM template_versions v
            WHERE v.template_id = t.id AND v.state = 'ready') AS newest
FROM templates t;

CREATE VIEW template_version_view AS
SELECT v.*, t.name AS template_name, t.os, t.firmware, t.access,
       (SELECT COUNT(*) FROM pools p WHERE p.template_version_id = v.id) AS pools,
       (SELECT COUNT(*) FROM desktops d WHERE d.template_version_id = v.id) AS desktops
FROM template_versions v JOIN templates t ON t.id = v.template_id;

-- addresses_total is computed from the range by the store.
CREATE VIEW network_view AS
SELECT n.*,
       (SELECT COUNT(*) FROM addresses a WHERE a.network_id = n.id) AS addresses_used,
       0 AS addresses_total,
       (SELECT COUNT(*) FROM pools p WHERE p.network_id = n.id) AS pools
FROM networks n;

CREATE VIEW address_view AS
SELECT a.*, n.name AS network_name, d.name AS desktop_name
FROM addresses a JOIN networks n ON n.id = a.network_id JOIN desktops d ON d.id = a.desktop_id;

CREATE VIEW pool_view AS
SELECT p.*, v.template_id, t.name AS template_name, n.name AS network_name, t.access, t.os,
       v.number AS template_number,
       (SELECT COUNT(*) FROM desktops d WHERE d.pool_id = p.id) AS desktops,
       (SELECT COUNT(*) FROM desktops d WHERE d.pool_id = p.id AND d.state = 'ready')
           AS desktops_ready
FROM pools p JOIN template_versions v ON v.id = p.template_version_id
    JOIN templates t ON t.id = v.template_id JOIN networks n ON n.id = p.network_id;

CREATE VIEW entitlement_view AS
SELECT e.*, p.name AS pool_name, d.name AS department_name, u.username
FROM entitlements e JOIN pools p ON p.id = e.pool_id
    LEFT JOIN departments d ON d.id = e.department_id LEFT JOIN users u ON u.id = e.user_id;

CREATE VIEW host_view AS
SELECT h.*,
       (SELECT COUNT(*) FROM desktops d WHERE d.host_id = h.id) AS desktops,
       (SELECT COUNT(*) FROM desktops d WHERE d.host_id = h.id
            AND d.state IN ('starting', 'preparing', 'ready', 'stopping')) AS desktops_running
FROM hosts h;

CREATE VIEW desktop_view AS
SELECT d.*, p.name AS pool_name, u.username, u.name AS user_name, h.name AS host_name,
       t.name AS template_name, t.access, t.os, v.number AS template_number,
       a.network_id, a.ip, a.mac,
       (SELECT GROUP_CONCAT(m.department_id) FROM memberships m WHERE m.user_id = d.user_id)
           AS department_ids,
       (SELECT COUNT(*) FROM connections c WHERE c.desktop_id = d.id AND c.state = 'open')
           AS open_sessions
FROM desktops d
    LEFT JOIN pools p ON p.id = d.pool_id
    LEFT JOIN users u ON u.id = d.user_id
    LEFT JOIN hosts h ON h.id = d.host_id
    LEFT JOIN template_versions v ON v.id = d.template_version_id
    LEFT JOIN templates t ON t.id = v.template_id
    LEFT JOIN addresses a ON a.desktop_id = d.id;

CREATE VIEW connection_view AS
SELECT c.*, d.name AS desktop_name, u.username, p.name AS pool_name,
       (SELECT GROUP_CONCAT(m.department_id) FROM memberships m WHERE m.user_id = c.user_id)
           AS department_ids
FROM connections c
    LEFT JOIN desktops d ON d.id = c.desktop_id
    LEFT JOIN users u ON u.id = c.user_id
    LEFT JOIN pools p ON p.id = d.pool_id;

CREATE VIEW job_view AS
SELECT j.*, u.username FROM jobs j LEFT JOIN users u ON u.id = j.user_id;
