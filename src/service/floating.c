// SPDX-License-Identifier: Apache-2.0
// Giving out and taking back the desktops of floating pools.
#include "service/floating.h"

#include <string.h>

#include "base/id.h"
#include "service/change.h"
#include "service/connection.h"
#include "service/desktop-private.h"
#include "store/store-connect.h"
#include "store/store-desktops.h"
#include "store/store-floating.h"

gboolean
yd_pool_is_floating(const YdPool *pool)
{
    return pool && g_strcmp0(pool->kind, "floating") == 0;
}

// --- making ---

// "<pool>-<n>" with the lowest number that no desktop of the pool has.
static char *
next_name(YdStore *store, const YdPool *pool, GError **error)
{
    g_autoptr(GPtrArray) rows = yd_store_all(store, &yd_desktop_type, "pool_id", pool->id, error);
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    if (!rows)
        return NULL;
    for (guint i = 0; i < rows->len; i++)
        g_hash_table_add(names, ((YdDesktop *)g_ptr_array_index(rows, i))->name);
    for (guint n = 1;; n++) {
        g_autofree char *name = g_strdup_printf("%s-%u", pool->name, n);
        if (!g_hash_table_contains(names, name))
            return g_steal_pointer(&name);
    }
}

static YdJob *
make(YdService *service, YdStore *store, const YdActor *actor, const YdPool *pool,
     const YdTemplateVersion *version, const YdUser *user, YdDesktop **ret_desktop, GError **error)
{
    g_autofree char *name = next_name(store, pool, error);
    if (!name)
        return NULL;
    return yd_desk_create(service, store, actor, pool, version, pool->network_id, user, name, NULL,
                          ret_desktop, error);
}

YdJob *
yd_floating_make(YdService *service, YdStore *store, const YdPool *pool,
                 const YdTemplateVersion *version, GError **error)
{
    return make(service, store, &yd_actor_system, pool, version, NULL, NULL, error);
}

// --- taking back ---

// In the transaction under way.
static gboolean
give_back(YdService *service, YdStore *store, YdDesktop *desktop, const char *reason,
          GError **error)
{
    g_autofree char *details = yd_change_note("username", desktop->username);
    if (!yd_connection_cut_desktop(service, desktop->id, reason, NULL, error))
        return FALSE;
    yd_set_string(&desktop->user_id, NULL);
    yd_set_string(&desktop->wanted, "off");
    if (desktop->taken == 0)
        desktop->taken = yd_now_ms();
    g_autoptr(YdJob) job = yd_job_submit(service, &yd_actor_system, "desktop-rebuild", desktop->id,
                                         desktop->name, NULL, NULL, error);
    return job && yd_store_update(store, &yd_desktop_type, desktop, error) &&
           yd_store_secret_delete(store, desktop->id, error) &&
           yd_service_audit(service, &yd_actor_system, "desktop.give-back", "desktop", desktop->id,
                            desktop->name, details, error);
}

gboolean
yd_floating_release(YdService *service, const char *desktop_id, gint64 taken, const char *reason,
                    gboolean anyway, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = store ? yd_desk_begin(store, desktop_id, &tx, error) : NULL;
    if (!desktop)
        return FALSE;
    if (!desktop->user_id || desktop->taken != taken)
        return TRUE;
    g_autoptr(GPtrArray) live = yd_store_live_connections(store, desktop_id, NULL, NULL, error);
    if (!live)
        return FALSE;
    for (guint i = 0; i < live->len; i++) {
        const YdConnection *connection = g_ptr_array_index(live, i);
        if (!anyway && strcmp(connection->state, "dropped") != 0)
            return TRUE;
    }
    return give_back(service, store, desktop, reason, error) && yd_store_tx_commit(&tx, error);
}

// --- giving out ---

// What the person has and can go on with; one that they switched off, or that failed, is given
// back.
static gboolean
present_one(YdService *service, YdStore *store, const YdPool *pool, const YdUser *user,
            YdDesktop **ret_desktop, GError **error)
{
    GError *local = NULL;
    g_autoptr(YdDesktop) desktop = yd_store_desktop_of(store, pool->id, user->id, &local);
    if (local) {
        g_propagate_error(error, local);
        return FALSE;
    }
    if (!desktop)
        return TRUE;
    gboolean was_used = desktop->started > desktop->taken || desktop->ready_at > desktop->taken;
    if (yd_desk_is(desktop, YD_DESKTOP_FAILED) ||
        (yd_desk_is(desktop, YD_DESKTOP_OFF) && was_used)) {
        g_autoptr(YdJob) job = yd_store_job_live(store, desktop->id, NULL, &local);
        if (local) {
            g_propagate_error(error, local);
            return FALSE;
        }
        if (!job)
            return give_back(service, store, desktop, "the desktop was switched off", error);
    }
    *ret_desktop = g_steal_pointer(&desktop);
    return TRUE;
}

static gboolean
take_spare(YdStore *store, const YdPool *pool, const YdUser *user, YdDesktop **ret_desktop,
           GError **error)
{
    GError *local = NULL;
    g_autoptr(YdDesktop) desktop = yd_store_spare(store, pool->id, &local);
    if (local) {
        g_propagate_error(error, local);
        return FALSE;
    }
    if (!desktop)
        return TRUE;
    yd_set_string(&desktop->user_id, user->id);
    desktop->taken = yd_now_ms();
    if (!yd_store_secret_delete(store, desktop->id, error) ||
        !yd_store_update(store, &yd_desktop_type, desktop, error))
        return FALSE;
    *ret_desktop = yd_store_get(store, &yd_desktop_type, desktop->id, error);
    return *ret_desktop != NULL;
}

gboolean
yd_floating_take(YdService *service, YdStore *store, const YdActor *actor, const YdPool *pool,
                 const YdTemplateVersion *version, const YdUser *user, YdDesktop **ret_desktop,
                 YdJob **ret_job, GError **error)
{
    g_autoptr(YdDesktop) desktop = NULL;
    *ret_job = NULL;
    if (!present_one(service, store, pool, user, &desktop, error))
        return FALSE;
    if (desktop) {
        *ret_desktop = g_steal_pointer(&desktop);
        return TRUE;
    }
    if (!take_spare(store, pool, user, &desktop, error))
        return FALSE;
    if (!desktop && pool->max_desktops > 0 && pool->desktops >= pool->max_desktops) {
        g_set_error(error, YD_ERROR, YD_ERROR_LIMIT,
                    "all %" G_GINT64_FORMAT " desktops of \"%s\" are in use; try again when "
                    "somebody has logged off",
                    pool->desktops, pool->name);
        return FALSE;
    }
    if (!desktop) {
        *ret_job = make(service, store, actor, pool, version, user, &desktop, error);
        if (!*ret_job)
            return FALSE;
    }
    if (!yd_service_audit(service, actor, "desktop.take", "desktop", desktop->id, desktop->name,
                          NULL, error)) {
        g_clear_pointer(ret_job, yd_job_free);
        return FALSE;
    }
    *ret_desktop = g_steal_pointer(&desktop);
    return TRUE;
}
