-- What the gate measures on each session's network path, and what it is worth (docs/experience.md).
ALTER TABLE connections ADD COLUMN min_rtt_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN jitter_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN loss_ppm INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN queue_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN rate INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN server_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN first_byte_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN first_picture_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN score INTEGER NOT NULL DEFAULT -1;
ALTER TABLE connections ADD COLUMN score_reason TEXT;
