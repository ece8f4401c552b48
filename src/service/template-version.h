// SPDX-License-Identifier: Apache-2.0
// New versions of templates, shared by import, workbench and check.
#pragma once

#include <jansson.h>

#include "service/jobs.h"

// The next version of a template in state "importing", with the name of its image; not inserted
// yet. Right before the insert, in one transaction. Owned.
YdTemplateVersion *yd_template_version_next(YdStore *store, const char *template_id,
                                            const char *notes, GError **error);

// The version that the job is about; owned.
YdTemplateVersion *yd_template_version_of(YdJobRun *run, GError **error);

// Whether it can be used; else STATE.
gboolean yd_template_version_check_ready(const YdTemplateVersion *version, GError **error);

// Stores that the version is ready, with the facts of the job's result ({"checksum", "size_bytes",
// "virtual_bytes"}). The only place where a version becomes ready.
gboolean yd_template_version_ready(YdStore *store, const char *version_id, const json_t *facts,
                                   GError **error);
