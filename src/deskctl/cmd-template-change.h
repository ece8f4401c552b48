// SPDX-License-Identifier: Apache-2.0
// Commands of the noun template that change one: workbenches and what is done with versions.
#pragma once

#include "deskctl/ctl.h"

extern const CtlOption ctl_change_options[], ctl_publish_options[], ctl_workbench_options[],
    ctl_note_options[];
extern const CtlColumn ctl_workbench_columns[], ctl_user_columns[];

// --open of the verbs that make a workbench: CTL_USAGE where it can't be; and the end of such a
// verb, answer (NULL: the request has failed) being its job: says done, and shows the screen.
gboolean ctl_check_open(Ctl *ctl, GError **error);
gboolean ctl_tell_workbench(Ctl *ctl, const json_t *answer, const char *done, GError **error);

gboolean ctl_run_template_change(Ctl *ctl, GError **error);
gboolean ctl_run_template_workbenches(Ctl *ctl, GError **error);
gboolean ctl_run_template_publish(Ctl *ctl, GError **error);
gboolean ctl_run_template_keep(Ctl *ctl, GError **error);
gboolean ctl_run_template_resume(Ctl *ctl, GError **error);
gboolean ctl_run_template_discard(Ctl *ctl, GError **error);
gboolean ctl_run_template_users(Ctl *ctl, GError **error);
gboolean ctl_run_template_note(Ctl *ctl, GError **error);
// check, verify, flatten: POST /template-versions/{id}/VERB
gboolean ctl_run_template_version_act(Ctl *ctl, GError **error);
