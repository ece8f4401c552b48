-- A desktop's own port of the gate, where its pool chose so; 0: none. Given back with the row.
ALTER TABLE desktops ADD COLUMN fixed_port INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX desktops_fixed_port ON desktops (fixed_port) WHERE fixed_port > 0;

-- The port by which a session came; 0: with a ticket.
ALTER TABLE connections ADD COLUMN fixed_port INTEGER NOT NULL DEFAULT 0;
CREATE INDEX connections_fixed_port ON connections (state, fixed_port) WHERE fixed_port > 0;
