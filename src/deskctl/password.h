// SPDX-License-Identifier: Apache-2.0
// Log-in, log-out and the change of one's password.
#pragma once

#include "deskctl/body.h"
#include "deskctl/table.h"

gboolean ctl_run_login(Ctl *ctl, GError **error);
gboolean ctl_run_logout(Ctl *ctl, GError **error);
gboolean ctl_run_password(Ctl *ctl, GError **error);
