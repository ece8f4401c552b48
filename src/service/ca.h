// SPDX-License-Identifier: Apache-2.0
// The product's own certificate authority and keys below state/keys (directory 0750, keys 0640 for
// the gate's and 0600 for the others). OpenSSL 3; P-256, and RSA 2048 for signing .rdp files (mstsc
// wants RSA; each connect makes a signature, 3072 bits take three times as long).
#pragma once

#include "service/service.h"

// Makes what is missing: ca.pem/.key (10 years), gate.pem/.key (398 days, renewed 30 days before
// its end or when names are new), rdp-sign.pem/.key (code signing, 10 years). names:
// NULL-terminated DNS names and addresses of the gate; localhost, 127.0.0.1, ::1 and the host's
// name are always in. A pair rdp-sign.pem/.key that another CA has signed stays as it is.
gboolean yd_ca_ensure(const char *keys_dir, const char *const *names, GError **error);

// Makes a new key for signing .rdp files; the former pair is kept as rdp-sign.old.pem/.key. The
// fingerprints of the new certificate (hex) are owned by the caller. deskd has to be restarted.
gboolean yd_ca_renew_sign(const char *keys_dir, char **ret_sha1, char **ret_sha256, GError **error);

// Likewise link.pem/.key (398 days): what the gate beside deskd shows to other gates as gate_name.
gboolean yd_ca_ensure_link(const char *keys_dir, const char *gate_name, GError **error);

// What a gate on another host needs, written into the folder out (0700): gate.pem/.key for browsers
// (names: its DNS names and addresses), link.pem/.key for other gates, ca.pem; 825 days. A copy of
// link.pem is kept as keys/gates/NAME.pem: the gate is let in as long as it is there.
gboolean yd_ca_issue_gate(const char *keys_dir, const char *name, const char *const *names,
                          const char *out, GError **error);

// What the libvirt and the QEMU of a host need to be reached by the manager and by other hosts:
// out/cacert.pem, servercert.pem/serverkey.pem (for the address) and clientcert.pem/clientkey.pem,
// 825 days, made anew each time. They are of the hosts' own CA, keys/hosts/ca.pem/.key: desktops,
// whose guests are not to be trusted, have certificates of the other one. The manager's own client
// pair is made where it is missing or ends soon: keys/hosts/{cacert,clientcert,clientkey}.pem
// (0750, for ?pkipath=).
gboolean yd_ca_issue_host(const char *keys_dir, const char *name, const char *address,
                          const char *out, GError **error);

#define YD_CA_DESKTOP_DAYS 825

// A fresh P-256 key and certificate for a desktop: "<name>.desk.internal", and its DNS name and
// address where they are not NULL (YD_CA_DESKTOP_DAYS). PEMs and the SHA-256 of the certificate
// (DER, 64 hex digits) are owned by the caller; wipe the key.
gboolean yd_ca_issue_desktop(const char *keys_dir, const char *name, const char *dns_name,
                             const char *address, char **ret_certificate, char **ret_key,
                             char **ret_fingerprint, GError **error);

// PEM of the CA's certificate; owned.
char *yd_ca_certificate(const char *keys_dir, GError **error);

// state/keys of the service; owned.
char *yd_ca_dir(YdService *service);
