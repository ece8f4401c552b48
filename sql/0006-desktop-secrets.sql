-- The living one-time password of a desktop's account, sealed by a key outside the database. It is
-- used again while a session of its owner lives in the guest.
CREATE TABLE desktop_secrets (
    desktop_id TEXT NOT NULL PRIMARY KEY REFERENCES desktops (id) ON DELETE CASCADE,
    sealed TEXT NOT NULL,
    changed INTEGER NOT NULL
);
