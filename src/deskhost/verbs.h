// SPDX-License-Identifier: Apache-2.0
// deskhost's fixed verbs: a request of one JSON line in, progress lines and one answer out.
#pragma once

#include "deskhost/host-config.h"
#include "storage/storage.h"

// Handles one request line; writes all answers to fd (a connected socket) and watches it: the
// client's end of writing cancels import and verify. from_gate: deskgate asks, for which there are
// few verbs. Any thread.
void yd_verbs_handle(const YdHostConfig *config, YdStorage *storage, int fd, gboolean from_gate,
                     const char *line);

// Writes {"ok":false,…}.
void yd_verbs_refuse(int fd, const GError *error);
