// SPDX-License-Identifier: Apache-2.0
// The list of nouns, in the order of the help.
#include "deskctl/nouns.h"

const CtlNoun *const ctl_nouns[] = {
    &ctl_noun_top,
    &ctl_noun_desktop,
    &ctl_noun_disk,
    &ctl_noun_restore_point,
    &ctl_noun_backup,
    &ctl_noun_session,
    &ctl_noun_user,
    &ctl_noun_department,
    &ctl_noun_pool,
    &ctl_noun_rollout,
    &ctl_noun_template,
    &ctl_noun_media,
    &ctl_noun_network,
    &ctl_noun_host,
    &ctl_noun_gate,
    &ctl_noun_job,
    &ctl_noun_audit,
    &ctl_noun_settings,
    NULL,
};
