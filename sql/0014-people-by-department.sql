-- A person's departments by id too, so that people are found by them.
DROP VIEW user_view;
CREATE VIEW user_view AS
SELECT u.*,
       (SELECT GROUP_CONCAT(name, ', ') FROM (SELECT d.name FROM memberships m JOIN departments d
            ON d.id = m.department_id WHERE m.user_id = u.id ORDER BY d.name)) AS department_names,
       (SELECT GROUP_CONCAT(m.department_id) FROM memberships m WHERE m.user_id = u.id)
           AS department_ids,
       (SELECT COALESCE(MAX(l.last_used), 0) FROM logins l WHERE l.user_id = u.id) AS last_seen,
       (SELECT COUNT(*) FROM connections c WHERE c.user_id = u.id AND c.state = 'open')
           AS open_sessions
FROM users u;
