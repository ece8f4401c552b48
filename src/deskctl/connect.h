// SPDX-License-Identifier: Apache-2.0
// deskctl desktop connect: asks for a connection, waits while the desktop is made ready, then
// writes the client's file, starts the client, or shows what to type.
#pragma once

#include "deskctl/ctl.h"

extern const CtlOption ctl_connect_options[];

gboolean ctl_run_connect(Ctl *ctl, GError **error);
