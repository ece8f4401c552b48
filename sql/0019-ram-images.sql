-- A version may carry a RAM image, from which fresh desktops of pools that want it start at once.
ALTER TABLE template_versions ADD COLUMN ram_image TEXT;
ALTER TABLE template_versions ADD COLUMN ram_vcpus INTEGER NOT NULL DEFAULT 0;
ALTER TABLE template_versions ADD COLUMN ram_memory_mib INTEGER NOT NULL DEFAULT 0;
ALTER TABLE template_versions ADD COLUMN ram_made INTEGER NOT NULL DEFAULT 0;
ALTER TABLE template_versions ADD COLUMN ram_error TEXT;
ALTER TABLE pools ADD COLUMN instant INTEGER NOT NULL DEFAULT 0;
ALTER TABLE desktops ADD COLUMN ram_image TEXT;
