-- What a person's disks take: those of their desktops, and their personal ones.
DROP VIEW user_view;
CREATE VIEW user_view AS
SELECT u.*,
       (SELECT GROUP_CONCAT(name, ', ') FROM (SELECT d.name FROM memberships m JOIN departments d
            ON d.id = m.department_id WHERE m.user_id = u.id ORDER BY d.name)) AS department_names,
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

DROP VIEW personal_disk_view;
CREATE VIEW personal_disk_view AS
SELECT k.*, COALESCE(u.username, k.owner) || '@' || p.name AS name, p.name AS pool_name,
       COALESCE(u.username, k.owner) AS username, u.name AS user_name,
       d.name AS desktop_name, d.state AS desktop_state,
       (SELECT s.bytes FROM disk_use s WHERE s.image = k.image) AS disk_bytes
FROM personal_disks k
    JOIN pools p ON p.id = k.pool_id
    LEFT JOIN users u ON u.id = k.user_id
    LEFT JOIN desktops d ON d.id = k.desktop_id;
