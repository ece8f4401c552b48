// SPDX-License-Identifier: Apache-2.0
// Commands of restore points that are about single files; cmd-restore-point.c has them in its
// table.
#pragma once

#include "deskctl/ctl.h"

extern const CtlOption ctl_restore_files_options[];
extern const CtlOption ctl_restore_get_options[];

gboolean ctl_run_restore_files(Ctl *ctl, GError **error);
gboolean ctl_run_restore_get(Ctl *ctl, GError **error);
gboolean ctl_run_restore_give(Ctl *ctl, GError **error);
