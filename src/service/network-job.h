// SPDX-License-Identifier: Apache-2.0
// The jobs that make and remove a network on the hosts; listed in jobs-table.c.
#pragma once

#include "service/jobs.h"

extern const YdJobKind yd_job_kind_network_create; // args {"fresh": bool}
extern const YdJobKind yd_job_kind_network_delete;
