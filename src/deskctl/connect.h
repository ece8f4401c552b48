// SPDX-License-Identifier: Apache-2.0
// deskctl desktop connect: asks for a connection, waits while the desktop is made ready, then
// writes the client's file, starts the client, or shows what to type.
#pragma once

#include "deskctl/ctl.h"

extern const CtlOption ctl_connect_options[];

gboolean ctl_run_connect(Ctl *ctl, GError **error);

// Shows the screen of a desktop (its id) by SPICE in remote-viewer, as --open of the verbs that
// make a workbench wants it.
gboolean ctl_open_screen(Ctl *ctl, const char *id, GError **error);
