// SPDX-License-Identifier: Apache-2.0
// Queries about roll-outs: which lives, which files of theirs are to go.
#include "store/store-rollouts.h"

#include "store/store-private.h"

#define LIVES "state NOT IN ('done', 'rolled-back', 'failed')"

YdRollout *
yd_store_rollout_live(YdStore *store, const char *pool_id, GError **error)
{
    return yd_store_read_one(
        &yd_rollout_type,
        yd_store_select(store, error, &yd_rollout_type, "pool_id = ? AND " LIVES, "t", pool_id),
        error);
}

YdRollout *
yd_store_rollout_newest(YdStore *store, const char *pool_id, GError **error)
{
    return yd_store_read_one(&yd_rollout_type,
                             yd_store_select(store, error, &yd_rollout_type,
                                             "pool_id = ? ORDER BY id DESC LIMIT 1", "t", pool_id),
                             error);
}

GPtrArray *
yd_store_rollouts_live(YdStore *store, GError **error)
{
    g_autoptr(YdStatement) rows =
        yd_store_select(store, error, &yd_rollout_type, LIVES " ORDER BY id", "");
    return rows ? yd_store_read_rows(&yd_rollout_type, rows, error) : NULL;
}

YdRolloutDesktop *
yd_store_rollout_desktop(YdStore *store, const char *desktop_id, GError **error)
{
    return yd_store_read_one(&yd_rollout_desktop_type,
                             yd_store_select(store, error, &yd_rollout_desktop_type,
                                             "desktop_id = ? ORDER BY id DESC LIMIT 1", "t",
                                             desktop_id),
                             error);
}

GPtrArray *
yd_store_rollout_files(YdStore *store, gint64 now, GError **error)
{
    g_autoptr(YdStatement) rows = yd_store_select(
        store, error, &yd_rollout_desktop_type,
        "left_image IS NOT NULL OR (kept_image IS NOT NULL AND (desktop_name IS NULL OR EXISTS "
        "(SELECT 1 FROM rollouts r WHERE r.id = rollout_id AND r.keep_until > 0 AND r.keep_until "
        "<= ?))) ORDER BY id",
        "i", now);
    return rows ? yd_store_read_rows(&yd_rollout_desktop_type, rows, error) : NULL;
}

gboolean
yd_store_image_known(YdStore *store, const char *image, gboolean *ret_known, GError **error)
{
    gint64 n = 0;
    if (!yd_store_read_int(
            yd_sql_query(
                store->sql, error,
                "SELECT (SELECT COUNT(*) FROM desktops WHERE image = ?) + (SELECT COUNT(*) "
                "FROM rollout_desktops WHERE kept_image = ? OR left_image = ?)",
                "ttt", image, image, image),
            &n, error))
        return FALSE;
    *ret_known = n > 0;
    return TRUE;
}

gboolean
yd_store_version_rolls(YdStore *store, const char *version_id, gboolean *ret_rolls, GError **error)
{
    gint64 n = 0;
    if (!yd_store_read_int(
            yd_sql_query(store->sql, error,
                         "SELECT (SELECT COUNT(*) FROM rollouts WHERE " LIVES
                         " AND (from_version_id = ? OR to_version_id = ?)) + (SELECT COUNT(*) FROM "
                         "rollout_desktops WHERE kept_image IS NOT NULL AND from_version_id = ?)",
                         "ttt", version_id, version_id, version_id),
            &n, error))
        return FALSE;
    *ret_rolls = n > 0;
    return TRUE;
}

YdTemplateVersion *
yd_store_newest_version(YdStore *store, const char *template_id, GError **error)
{
    return yd_store_read_one(
        &yd_template_version_type,
        yd_store_select(store, error, &yd_template_version_type,
                        "template_id = ? AND state = 'ready' ORDER BY number DESC LIMIT 1", "t",
                        template_id),
        error);
}

GPtrArray *
yd_store_pools_following(YdStore *store, GError **error)
{
    g_autoptr(YdStatement) rows = yd_store_select(store, error, &yd_pool_type,
                                                  "follow IN ('newest', 'staged') ORDER BY id", "");
    return rows ? yd_store_read_rows(&yd_pool_type, rows, error) : NULL;
}
