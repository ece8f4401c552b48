// SPDX-License-Identifier: Apache-2.0
// How a desktop gets going: as a clone of its version's RAM image where that is possible (the pool
// wants it, the disk is fresh, everything fits), else from its disk. A clone that fails on the way
// becomes a cold start by itself, and the job's result says why: {"start": "instant" | "cold",
// "start_reason": "…"}. For the steps of a start only.
//
// Which disk a desktop has is in its row (ram_image: its overlay lies on that image's frozen disk),
// so whatever is killed in between, memory and disk of different moments never meet.
#pragma once

#include "service/desktop-private.h"

// Chooses, and derives the disk on what was chosen. There already: TRUE.
gboolean yd_clone_disk(YdJobRun *run, YdDesk *desk, GError **error);

// Launches what was chosen.
gboolean yd_clone_launch(YdJobRun *run, YdDesk *desk, GError **error);

// Whether this start is that of a clone, so far.
gboolean yd_clone_is(YdJobRun *run, const YdDesktop *desktop);

// The agent answers (or, why not NULL, does not): makes the clone a machine of its own, or falls
// back. *ret_again: it boots from its disk now, ask its agent again.
gboolean yd_clone_awake(YdJobRun *run, const YdDesktop *desktop, const GError *why,
                        gboolean *ret_again, GError **error);
