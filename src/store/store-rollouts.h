// SPDX-License-Identifier: Apache-2.0
// Queries about roll-outs. See store.h for threads and errors.
#pragma once

#include "store/store.h"

// The roll-out of that pool in which something still happens; NULL without an error when there is
// none.
YdRollout *yd_store_rollout_live(YdStore *store, const char *pool_id, GError **error);

// The pool's newest roll-out, also an ended one; NULL without an error when there is none.
YdRollout *yd_store_rollout_newest(YdStore *store, const char *pool_id, GError **error);

// All in which something still happens (of YdRollout).
GPtrArray *yd_store_rollouts_live(YdStore *store, GError **error);

// The desktop's row in the newest roll-out that it is part of; NULL without an error when in none.
YdRolloutDesktop *yd_store_rollout_desktop(YdStore *store, const char *desktop_id, GError **error);

// Rows with a file that is to go: left_image; kept_image when the roll-out's keep_until is over at
// now or the desktop is gone (of YdRolloutDesktop).
GPtrArray *yd_store_rollout_files(YdStore *store, gint64 now, GError **error);

// Whether a desktop or a roll-out knows that file.
gboolean
yd_store_image_known(YdStore *store, const char *image, gboolean *ret_known, GError **error);

// Whether a living roll-out goes from or to the version, or keeps system disks on it.
gboolean
yd_store_version_rolls(YdStore *store, const char *version_id, gboolean *ret_rolls, GError **error);

// The highest number of a ready version of the template and its id; NULL without an error: none.
YdTemplateVersion *yd_store_newest_version(YdStore *store, const char *template_id, GError **error);

// Pools that follow their template (of YdPool).
GPtrArray *yd_store_pools_following(YdStore *store, GError **error);
