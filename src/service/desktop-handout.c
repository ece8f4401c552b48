// SPDX-License-Identifier: Apache-2.0
// Handing out desktops: to one person at their first connect, to many beforehand. Checks who may
// have one and whether there is room in the pool and the network before anything is made.
#include "service/desktop.h"

#include <string.h>

#include "service/desktop-private.h"
#include "service/floating.h"
#include "store/store-desktops.h"

// The pool if desktops can be made of it now, with its version.
static YdPool *
usable_pool(YdStore *store, const char *pool_id, YdTemplateVersion **ret_version, GError **error)
{
    g_autoptr(YdPool) pool = yd_store_get(store, &yd_pool_type, pool_id, error);
    if (!pool)
        return NULL;
    if (!pool->enabled) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "the pool \"%s\" is disabled; enable it first",
                    pool->name);
        return NULL;
    }
    g_autoptr(YdTemplateVersion) version =
        yd_store_get(store, &yd_template_version_type, pool->template_version_id, error);
    if (!version)
        return NULL;
    if (strcmp(version->state, "ready") != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "version %" G_GINT64_FORMAT " of template \"%s\" is %s, not ready",
                    version->number, version->template_name, version->state);
        return NULL;
    }
    *ret_version = g_steal_pointer(&version);
    return g_steal_pointer(&pool);
}

static gboolean
check_limit(const YdPool *pool, gint64 more, GError **error)
{
    if (pool->max_desktops == 0 || pool->desktops + more <= pool->max_desktops)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_LIMIT,
                "the pool \"%s\" may have %" G_GINT64_FORMAT " desktops and has %" G_GINT64_FORMAT
                "; %" G_GINT64_FORMAT " more do not fit",
                pool->name, pool->max_desktops, pool->desktops, more);
    return FALSE;
}

static YdJob *
create_for(YdService *service, YdStore *store, const YdActor *actor, const YdPool *pool,
           const YdTemplateVersion *version, const YdUser *user, const char *parent_id,
           YdDesktop **ret_desktop, GError **error)
{
    g_autofree char *name = g_strdup_printf("%s-%s", pool->name, user->username);
    return yd_desk_create(service, store, actor, pool, version, NULL, user, name, parent_id,
                          ret_desktop, error);
}

static gboolean
check_entitled(YdStore *store, const YdPool *pool, const YdUser *user, GError **error)
{
    gboolean entitled = FALSE;
    if (!yd_store_entitled(store, pool->id, user->id, &entitled, error))
        return FALSE;
    if (!entitled)
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_ENTITLED,
                    "the pool \"%s\" is not given to \"%s\" or one of their departments",
                    pool->name, user->username);
    return entitled;
}

// --- at the first connect ---

gboolean
yd_desktop_derive(YdService *service, const YdActor *actor, const char *pool_id,
                  YdDesktop **ret_desktop, YdJob **ret_job, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    if (!store || !yd_service_allowed(actor, YD_RIGHT_CONNECT, error))
        return FALSE;
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdUser) user = tx ? yd_store_get(store, &yd_user_type, actor->user_id, error) : NULL;
    GError *local = NULL;
    if (!user)
        return FALSE;
    g_autoptr(YdDesktop) there = yd_store_desktop_of(store, pool_id, user->id, &local);
    if (local) {
        g_propagate_error(error, local);
        return FALSE;
    }
    if (there && there->taken == 0) {
        *ret_desktop = g_steal_pointer(&there);
        *ret_job = NULL;
        return TRUE;
    }
    // A pool that is not theirs looks to them as if it did not exist.
    if (!yd_service_may(service, actor, YD_RIGHT_POOLS_READ, &yd_pool_type, pool_id, error))
        return FALSE;
    g_autoptr(YdTemplateVersion) version = NULL;
    g_autoptr(YdPool) pool = usable_pool(store, pool_id, &version, error);
    g_autoptr(YdJob) job = NULL;
    g_autoptr(YdDesktop) desktop = NULL;
    if (!pool || !check_entitled(store, pool, user, error))
        return FALSE;
    if (yd_pool_is_floating(pool))
        return yd_floating_take(service, store, actor, pool, version, user, ret_desktop, ret_job,
                                error) &&
               yd_store_tx_commit(&tx, error);
    if (!check_limit(pool, 1, error))
        return FALSE;
    job = create_for(service, store, actor, pool, version, user, NULL, &desktop, error);
    if (!job ||
        !yd_service_audit(service, actor, "desktop.create", "desktop", desktop->id, desktop->name,
                          NULL, error) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    *ret_desktop = g_steal_pointer(&desktop);
    *ret_job = g_steal_pointer(&job);
    return TRUE;
}

// --- beforehand ---

// The people of a department, by id.
static GPtrArray *
members(YdStore *store, const char *department_id, GError **error)
{
    g_autoptr(GPtrArray) rows =
        yd_store_all(store, &yd_membership_type, "department_id", department_id, error);
    GPtrArray *ids = rows ? g_ptr_array_new_with_free_func(g_free) : NULL;
    for (guint i = 0; rows && i < rows->len; i++)
        g_ptr_array_add(ids, g_strdup(((YdMembership *)g_ptr_array_index(rows, i))->user_id));
    return ids;
}

static GPtrArray *
people(YdService *service, YdStore *store, const YdActor *actor, const char *department_id,
       const char *const *user_ids, GError **error)
{
    if ((department_id != NULL) == (user_ids != NULL)) {
        yd_error_invalid(error, "department_id", "give either a department or a list of users");
        return NULL;
    }
    if (department_id) {
        if (!yd_service_may(service, actor, YD_RIGHT_DESKTOPS_HANDOUT, &yd_department_type,
                            department_id, error))
            return NULL;
        return members(store, department_id, error);
    }
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    for (gsize i = 0; user_ids[i]; i++) {
        if (!yd_service_may(service, actor, YD_RIGHT_DESKTOPS_HANDOUT, &yd_user_type, user_ids[i],
                            error))
            return NULL;
        if (!g_ptr_array_find_with_equal_func(ids, user_ids[i], g_str_equal, NULL))
            g_ptr_array_add(ids, g_strdup(user_ids[i]));
    }
    return g_steal_pointer(&ids);
}

// Those of them who get one now: entitled, enabled, without one. In a department, who is not
// entitled by name or department is an error as well: the pool was not given to it.
static GPtrArray *
takers(YdStore *store, const YdPool *pool, GPtrArray *ids, GError **error)
{
    g_autoptr(GPtrArray) users = g_ptr_array_new_with_free_func((GDestroyNotify)yd_user_free);
    for (guint i = 0; i < ids->len; i++) {
        GError *local = NULL;
        g_autoptr(YdUser) user =
            yd_store_get(store, &yd_user_type, g_ptr_array_index(ids, i), error);
        if (!user || !check_entitled(store, pool, user, error))
            return NULL;
        g_autoptr(YdDesktop) there = yd_store_desktop_of(store, pool->id, user->id, &local);
        if (local) {
            g_propagate_error(error, local);
            return NULL;
        }
        if (!there && user->enabled)
            g_ptr_array_add(users, g_steal_pointer(&user));
    }
    return g_steal_pointer(&users);
}

// Whether each network has addresses for those who will be in it.
static gboolean
check_addresses(YdStore *store, const YdPool *pool, GPtrArray *users, GError **error)
{
    g_autoptr(GHashTable) need = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < users->len; i++) {
        const YdUser *user = g_ptr_array_index(users, i);
        char *id = yd_store_network_for(store, pool->id, user->id, error);
        if (!id)
            return FALSE;
        guint n = GPOINTER_TO_UINT(g_hash_table_lookup(need, id)) + 1;
        g_hash_table_replace(need, id, GUINT_TO_POINTER(n));
    }
    GHashTableIter iter;
    gpointer id, n;
    g_hash_table_iter_init(&iter, need);
    while (g_hash_table_iter_next(&iter, &id, &n)) {
        g_autoptr(YdNetwork) network = yd_store_get(store, &yd_network_type, id, error);
        if (!network)
            return FALSE;
        gint64 free_ones = network->addresses_total - network->addresses_used;
        if (GPOINTER_TO_UINT(n) > free_ones) {
            g_set_error(error, YD_ERROR, YD_ERROR_LIMIT,
                        "the network \"%s\" has %" G_GINT64_FORMAT
                        " free addresses, %u are needed; make its range larger",
                        network->name, free_ones, GPOINTER_TO_UINT(n));
            return FALSE;
        }
    }
    return TRUE;
}

static YdJob *
hand_out(YdService *service, YdStore *store, const YdActor *actor, const YdPool *pool,
         const YdTemplateVersion *version, GPtrArray *users, GError **error)
{
    g_autoptr(YdJob) parent =
        yd_job_submit(service, actor, "pool-handout", pool->id, pool->name, NULL, NULL, error);
    if (!parent)
        return NULL;
    for (guint i = 0; i < users->len; i++) {
        g_autoptr(YdJob) child = create_for(service, store, actor, pool, version,
                                            g_ptr_array_index(users, i), parent->id, NULL, error);
        if (!child)
            return NULL;
    }
    return g_steal_pointer(&parent);
}

YdJob *
yd_desktop_handout(YdService *service, const YdActor *actor, const char *pool_id,
                   const char *department_id, const char *const *user_ids, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    if (!store || !yd_service_allowed(actor, YD_RIGHT_DESKTOPS_HANDOUT, error) ||
        !yd_service_may(service, actor, YD_RIGHT_POOLS_READ, &yd_pool_type, pool_id, error))
        return NULL;
    g_autoptr(GPtrArray) ids = people(service, store, actor, department_id, user_ids, error);
    if (!ids)
        return NULL;
    if (ids->len == 0) {
        yd_error_invalid(error, department_id ? "department_id" : "user_ids",
                         department_id ? "the department has no members" : "the list is empty");
        return NULL;
    }
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdTemplateVersion) version = NULL;
    g_autoptr(YdPool) pool = tx ? usable_pool(store, pool_id, &version, error) : NULL;
    if (pool && yd_pool_is_floating(pool)) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "\"%s\" is a floating pool: nobody's desktop is made beforehand; set min_ready "
                    "to keep spares",
                    pool->name);
        return NULL;
    }
    g_autoptr(GPtrArray) users = pool ? takers(store, pool, ids, error) : NULL;
    if (!users || !check_limit(pool, users->len, error) ||
        !check_addresses(store, pool, users, error))
        return NULL;
    g_autoptr(YdJob) job = hand_out(service, store, actor, pool, version, users, error);
    g_autofree char *details = g_strdup_printf("{\"desktops\":%u}", users->len);
    if (!job ||
        !yd_service_audit(service, actor, "pool.handout", "pool", pool->id, pool->name, details,
                          error) ||
        !yd_store_tx_commit(&tx, error))
        return NULL;
    return g_steal_pointer(&job);
}
