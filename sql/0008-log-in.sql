-- Whether an RDP server's log-in succeeded, as the guest itself says; NULL where nobody asks.
ALTER TABLE connections ADD COLUMN log_in TEXT
    CHECK (log_in IN ('waiting', 'in', 'failed', 'unknown'));
