// SPDX-License-Identifier: Apache-2.0
// Every noun of deskctl; each is defined in its cmd-<noun>.c.
#pragma once

#include "deskctl/command.h"

extern const CtlNoun ctl_noun_top, ctl_noun_user, ctl_noun_department, ctl_noun_template,
    ctl_noun_network, ctl_noun_pool, ctl_noun_desktop, ctl_noun_session, ctl_noun_host,
    ctl_noun_gate, ctl_noun_job, ctl_noun_media, ctl_noun_audit, ctl_noun_settings,
    ctl_noun_rollout, ctl_noun_disk, ctl_noun_restore_point, ctl_noun_backup;
