// SPDX-License-Identifier: Apache-2.0
// The jobs that import and remove template versions; listed in jobs-table.c.
#pragma once

#include "service/jobs.h"

extern const YdJobKind yd_job_kind_template_import; // args {"path": text, "upload": token or none}
extern const YdJobKind yd_job_kind_template_version_delete;
