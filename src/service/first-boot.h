// SPDX-License-Identifier: Apache-2.0
// The script that makes a fresh guest a desktop of its own: hostname, machine-id, SSH and RDP keys,
// certificate, account. It is sent to /bin/sh -s through the guest agent and works with busybox's
// and Debian's tools. Pure text; who sends it is desktop-start-job.c.
#pragma once

#include <glib.h>

#include "base/error.h"

typedef struct {
    const char *desktop_id, *hostname;
    const char *username; // account, at most 32 characters of a-z 0-9 . _ -; NULL: none yet
    gint64 uid;
    const char *certificate, *key; // PEM
    const char *session;           // "light" | "xfce" for /etc/default/vdi-session
} YdFirstBoot;

// The script, to be wiped after use (it holds the key); owned. INVALID when the account's name is
// none that a guest can have. It prints what failed. With YUNDESK_ROOT in its environment it works
// below that folder: for tests.
char *yd_first_boot_script(const YdFirstBoot *what, GError **error);

// Only the account, for a guest that was prepared without one; makes nothing that is there. hash:
// of the password that it gets (crypt(5)), NULL: it keeps what it has. Owned.
char *
yd_first_boot_account_script(const char *username, gint64 uid, const char *hash, GError **error);

// Only the certificate and its key, for a guest that was prepared before; likewise. A guest without
// xrdp keeps none.
char *yd_first_boot_certificate_script(const char *certificate, const char *key);

// A short script that prints the desktop id that the guest was prepared for, or nothing.
const char *yd_first_boot_check(void);

// A host name that is made from the desktop's name and id: a-z, 0-9 and -, at most 32; owned.
char *yd_first_boot_hostname(const char *desktop_name, const char *desktop_id);
