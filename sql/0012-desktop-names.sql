-- The name in the DNS that leads clients to a desktop's RDP; NULL: there are none. No two have the same.
ALTER TABLE desktops ADD COLUMN dns_name TEXT;
CREATE UNIQUE INDEX desktops_dns_name ON desktops (dns_name) WHERE dns_name IS NOT NULL;

-- What the guest's present certificate says: for which of these names it is, and when it ends. Former ones lasted 825
-- days and are not older than their desktops.
ALTER TABLE desktops ADD COLUMN certificate_name TEXT;
ALTER TABLE desktops ADD COLUMN certificate_expires INTEGER NOT NULL DEFAULT 0;
UPDATE desktops SET certificate_expires = created + 825 * 86400000 WHERE certificate IS NOT NULL;
