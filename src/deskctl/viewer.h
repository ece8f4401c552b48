// SPDX-License-Identifier: Apache-2.0
// Starts the person's client for a connection: xfreerdp for RDP, remote-viewer for SPICE.
#pragma once

#include "deskctl/ctl.h"

// Whether --open, --size and --fullscreen make sense together; CTL_USAGE.
gboolean ctl_viewer_check(Ctl *ctl, GError **error);

// Starts the client with the answer's file and waits until it ends. Neither the password nor the
// ticket is ever on its command line: the file is private and goes away, the password goes by its
// standard input.
gboolean ctl_viewer_open(Ctl *ctl, const json_t *answer, GError **error);

// The arguments for xfreerdp (owned, g_strfreev). verify: the certificate has to be for the name in
// the file, of a CA that the client trusts. Else fingerprint: its SHA-256 in hex, NULL unknown.
// size "WxH" or NULL. Pure.
char **
ctl_viewer_rdp_args(const char *program, const char *file, const char *username, gboolean verify,
                    const char *fingerprint, const char *size, gboolean fullscreen);
