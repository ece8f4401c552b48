// SPDX-License-Identifier: Apache-2.0
// Pools and to whom they are given. The desktops in them are desktop*.c.

#include "service/pool.h"
#include "model/policy.h"
#include "model/power.h"
#include "service/change.h"
#include "service/check.h"
#include "service/connection.h"
#include "service/fixed-port.h"
#include "service/floating.h"
#include "service/rollout.h"
#include "service/template-version.h"
#include "store/store-desktops.h"

#define GIB ((gint64)1 << 30)

// ---- checks ----

static gboolean
check_hardware(const YdPool *pool, GError **error)
{
    return yd_check_int("vcpus", pool->vcpus, 1, 64, error) &&
           yd_check_int("memory_mib", pool->memory_mib, 64, 1048576, error) &&
           yd_check_int("disk_gib", pool->disk_gib, 0, 16384, error) &&
           yd_check_int("personal_disk_gib", pool->personal_disk_gib, 0, 2048, error) &&
           yd_check_int("max_desktops", pool->max_desktops, 0, 100000, error);
}

static gboolean
check_kind(YdPool *pool, GError **error)
{
    static const char *const kinds[] = {"dedicated", "floating", NULL};
    if (!pool->kind)
        pool->kind = g_strdup("dedicated");
    if (!g_strv_contains(kinds, pool->kind))
        return yd_error_invalid(error, "kind", "must be dedicated or floating");
    if (!yd_check_int("min_ready", pool->min_ready, 0, 10000, error) ||
        !yd_check_int("warm", pool->warm, 0, 1000, error))
        return FALSE;
    if (!yd_pool_is_floating(pool) && (pool->min_ready > 0 || pool->warm > 0))
        return yd_error_invalid(error, pool->min_ready > 0 ? "min_ready" : "warm",
                                "only floating pools keep spares; hand desktops out instead");
    if (yd_pool_is_floating(pool) && pool->personal_disk_gib > 0)
        return yd_error_invalid(
            error, "personal_disk_gib",
            "spares of a floating pool run before anybody has them, so they get "
            "no personal disk; make the pool dedicated, or set this to 0");
    return TRUE;
}

static gboolean
check_power(YdPool *pool, GError **error)
{
    g_auto(YdPower) power;
    if (!yd_power_parse(pool->power, &power, error))
        return FALSE;
    g_free(pool->power);
    pool->power = yd_power_json(&power);
    return TRUE;
}

static gboolean
check_texts(YdPool *pool, GError **error)
{
    YdPolicy policy;

    if (!yd_check_text("name", &pool->name, TRUE, 64, FALSE, error) ||
        !yd_check_text("description", &pool->description, FALSE, 2000, TRUE, error) ||
        !yd_policy_parse(pool->policy, &policy, error) || !check_kind(pool, error) ||
        !check_power(pool, error))
        return FALSE;
    if (policy.fixed_port && yd_pool_is_floating(pool))
        return yd_error_invalid(error, "policy.fixed_port",
                                "a fixed port leads to one person's desktop; a floating pool has "
                                "none");
    g_free(pool->policy);
    pool->policy = yd_policy_json(&policy);
    return TRUE;
}

// The version must exist; a new one must be ready and of the same template.
static gboolean
check_template(YdStore *store, const YdPool *pool, const YdPool *before, GError **error)
{
    g_autoptr(YdTemplateVersion) version = NULL;

    if (!pool->template_version_id)
        return yd_error_invalid(error, "template_version_id", "is missing");
    if (!yd_check_reference(store, "template_version_id", &yd_template_version_type,
                            pool->template_version_id, error) ||
        !(version =
              yd_store_get(store, &yd_template_version_type, pool->template_version_id, error)))
        return FALSE;
    if (pool->disk_gib && pool->disk_gib * GIB < version->virtual_bytes)
        return yd_error_invalid(error, "disk_gib",
                                "%" G_GINT64_FORMAT " is less than the template's %" G_GINT64_FORMAT
                                " GiB",
                                pool->disk_gib, (version->virtual_bytes + GIB - 1) / GIB);
    if (before && g_str_equal(before->template_version_id, pool->template_version_id))
        return TRUE;
    if (before && g_strcmp0(before->template_id, version->template_id) != 0)
        return yd_error_invalid(error, "template_version_id",
                                "is a version of “%s”, the pool's desktops are made of “%s”; make "
                                "another pool",
                                version->template_name, before->template_name);
    return yd_template_version_check_ready(version, error);
}

static gboolean
check_network(YdStore *store, const YdPool *pool, GError **error)
{
    g_autoptr(YdNetwork) network = NULL;

    if (!pool->network_id)
        return yd_error_invalid(error, "network_id", "is missing");
    if (!yd_check_reference(store, "network_id", &yd_network_type, pool->network_id, error) ||
        !(network = yd_store_get(store, &yd_network_type, pool->network_id, error)))
        return FALSE;
    if (g_strcmp0(network->state, "failed") != 0)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE, "network “%s” is in state “failed”: %s",
                network->name, network->error ? network->error : "no reason known");
    return FALSE;
}

static gboolean
check_pool(YdService *service, YdStore *store, YdPool *pool, const YdPool *before, GError **error)
{
    return check_texts(pool, error) && check_hardware(pool, error) &&
           check_template(store, pool, before, error) && check_network(store, pool, error) &&
           yd_fixed_port_check(service, store, pool, error) &&
           yd_rollout_check_pool(store, pool, before, error) &&
           yd_check_unique(store, &yd_pool_type, "name", pool->name, pool->id, error);
}

// ---- pools ----

gboolean
yd_pool_create(YdService *service, const YdActor *actor, YdPool *pool, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdPool) made = yd_change_given(&yd_pool_type, pool);
    g_autofree char *details = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_POOLS_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) || !check_pool(service, store, made, NULL, error) ||
        !yd_store_insert(store, &yd_pool_type, made, error))
        return FALSE;
    details = yd_change_made(&yd_pool_type, made);
    if (!yd_service_audit(service, actor, "pool.create", "pool", made->id, made->name, details,
                          error) ||
        !yd_store_tx_commit(&tx, error) || !yd_change_reload(store, &yd_pool_type, made, error))
        return FALSE;
    yd_change_assign(&yd_pool_type, pool, made);
    return TRUE;
}

gboolean
yd_pool_update(YdService *service, const YdActor *actor, YdPool *pool, gint64 version,
               GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdPool) before = NULL;
    g_autoptr(YdPool) after = NULL;
    g_autofree char *details = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_POOLS_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(before = yd_store_get(store, &yd_pool_type, pool->id, error)) ||
        !yd_change_check_version(&yd_pool_type, before, pool, version, error))
        return FALSE;
    after = yd_pool_copy(before);
    details = yd_change_apply(&yd_pool_type, after, pool);
    if (!check_pool(service, store, after, before, error))
        return FALSE;
    if (details && (!yd_store_update(store, &yd_pool_type, after, error) ||
                    !yd_fixed_port_settle_pool(service, store, after, error) ||
                    !yd_service_audit(service, actor, "pool.change", "pool", after->id, after->name,
                                      details, error)))
        return FALSE;
    if (!yd_store_tx_commit(&tx, error) || !yd_change_reload(store, &yd_pool_type, after, error))
        return FALSE;
    yd_change_assign(&yd_pool_type, pool, after);
    return TRUE;
}

static gboolean
remove_entitlements(YdStore *store, const char *pool_id, GError **error)
{
    g_autoptr(GPtrArray) rows =
        yd_store_all(store, &yd_entitlement_type, "pool_id", pool_id, error);

    for (guint i = 0; rows && i < rows->len; i++) {
        const YdEntitlement *row = rows->pdata[i];
        if (!yd_store_delete(store, &yd_entitlement_type, row->id, 0, error))
            return FALSE;
    }
    return rows != NULL;
}

gboolean
yd_pool_delete(YdService *service, const YdActor *actor, const char *pool_id, gint64 version,
               GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdPool) pool = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_POOLS_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(pool = yd_store_get(store, &yd_pool_type, pool_id, error)) ||
        !yd_change_check_version(&yd_pool_type, pool, pool, version, error))
        return FALSE;
    if (pool->desktops > 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_IN_USE,
                    "pool “%s” still has %" G_GINT64_FORMAT " desktop(s); delete them first",
                    pool->name, pool->desktops);
        return FALSE;
    }
    g_autoptr(GPtrArray) disks =
        yd_store_all(store, &yd_personal_disk_type, "pool_id", pool_id, error);
    if (!disks)
        return FALSE;
    if (disks->len > 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_IN_USE,
                    "pool “%s” still has %u personal disk(s), “%s” first; move them to another "
                    "pool or delete them",
                    pool->name, disks->len, ((const YdPersonalDisk *)disks->pdata[0])->name);
        return FALSE;
    }
    return remove_entitlements(store, pool_id, error) &&
           yd_store_delete(store, &yd_pool_type, pool_id, 0, error) &&
           yd_service_audit(service, actor, "pool.delete", "pool", pool_id, pool->name, NULL,
                            error) &&
           yd_store_tx_commit(&tx, error);
}

// ---- to whom they are given ----

YdPage *
yd_pool_entitlements(YdService *service, const YdActor *actor, const char *pool_id, YdQuery *query,
                     GError **error)
{
    const char *values[] = {pool_id, NULL};
    g_autofree YdCondition *conditions = g_new0(YdCondition, query->n_conditions + 1);
    YdStore *store = yd_service_store(service, error);
    YdQuery own = *query;

    // Not for everybody who may use the pool: it names others.
    if (!store || !yd_service_allowed(actor, YD_RIGHT_USERS_READ, error) ||
        !yd_service_may(service, actor, YD_RIGHT_POOLS_READ, &yd_pool_type, pool_id, error) ||
        !yd_service_scope(actor, YD_RIGHT_POOLS_READ, &own, error))
        return NULL;
    for (gsize i = 0; i < query->n_conditions; i++)
        conditions[i] = query->conditions[i];
    conditions[query->n_conditions] = (YdCondition){"pool_id", "=", values};
    own.conditions = conditions;
    own.n_conditions = query->n_conditions + 1;
    return yd_store_list(store, &yd_entitlement_type, &own, error);
}

static gboolean
check_not_given(YdStore *store, const YdEntitlement *wanted, GError **error)
{
    g_autoptr(GPtrArray) rows =
        yd_store_all(store, &yd_entitlement_type, "pool_id", wanted->pool_id, error);

    for (guint i = 0; rows && i < rows->len; i++) {
        const YdEntitlement *row = rows->pdata[i];
        if (g_strcmp0(row->department_id, wanted->department_id) == 0 &&
            g_strcmp0(row->user_id, wanted->user_id) == 0) {
            g_set_error(error, YD_ERROR, YD_ERROR_EXISTS, "pool “%s” is given to “%s” already",
                        row->pool_name,
                        row->department_name ? row->department_name : row->username);
            return FALSE;
        }
    }
    return rows != NULL;
}

static gboolean
audit_entitlement(YdService *service, const YdActor *actor, const char *act,
                  const YdEntitlement *row, GError **error)
{
    g_autofree char *details = row->department_id
                                   ? yd_change_note("department", row->department_name)
                                   : yd_change_note("username", row->username);

    return yd_service_audit(service, actor, act, "pool", row->pool_id, row->pool_name, details,
                            error);
}

gboolean
yd_pool_entitle(YdService *service, const YdActor *actor, const char *pool_id,
                const char *department_id, const char *user_id, YdEntitlement **ret_entitlement,
                GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdEntitlement) row = yd_entitlement_new();
    g_autoptr(YdStoreTx) tx = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_POOLS_WRITE, error))
        return FALSE;
    if (!department_id == !user_id)
        return yd_error_invalid(error, NULL, "give either department_id or user_id");
    row->pool_id = g_strdup(pool_id);
    row->department_id = g_strdup(department_id);
    row->user_id = g_strdup(user_id);
    if (!(tx = yd_store_tx(store, error)) ||
        !yd_store_visible(store, &yd_pool_type, pool_id, NULL, NULL, error) ||
        !yd_check_reference(store, "department_id", &yd_department_type, department_id, error) ||
        !yd_check_reference(store, "user_id", &yd_user_type, user_id, error) ||
        !check_not_given(store, row, error) ||
        !yd_store_insert(store, &yd_entitlement_type, row, error) ||
        !yd_change_reload(store, &yd_entitlement_type, row, error) ||
        !audit_entitlement(service, actor, "pool.entitle", row, error) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    if (ret_entitlement)
        *ret_entitlement = g_steal_pointer(&row);
    return TRUE;
}

gboolean
yd_pool_cut_unentitled(YdService *service, const char *pool_id, const char *user_id, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(GError) why = NULL;
    g_autoptr(YdDesktop) desktop = NULL;
    gboolean entitled = FALSE;

    if (!store || !yd_store_entitled(store, pool_id, user_id, &entitled, error))
        return FALSE;
    if (entitled)
        return TRUE;
    desktop = yd_store_desktop_of(store, pool_id, user_id, &why);
    if (why) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    return !desktop ||
           yd_connection_cut_desktop(service, desktop->id,
                                     "the pool is not given to this person any more", NULL, error);
}

static gboolean
cut_unentitled(YdService *service, YdStore *store, const YdEntitlement *taken, GError **error)
{
    g_autoptr(GPtrArray) members = NULL;

    if (taken->user_id)
        return yd_pool_cut_unentitled(service, taken->pool_id, taken->user_id, error);
    members =
        yd_store_all(store, &yd_membership_type, "department_id", taken->department_id, error);
    for (guint i = 0; members && i < members->len; i++) {
        const YdMembership *member = members->pdata[i];
        if (!yd_pool_cut_unentitled(service, taken->pool_id, member->user_id, error))
            return FALSE;
    }
    return members != NULL;
}

gboolean
yd_pool_unentitle(YdService *service, const YdActor *actor, const char *pool_id,
                  const char *entitlement_id, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdEntitlement) row = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_POOLS_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(row = yd_store_get(store, &yd_entitlement_type, entitlement_id, error)))
        return FALSE;
    if (g_strcmp0(row->pool_id, pool_id) != 0) {
        g_autofree char *quoted = yd_check_quote(entitlement_id);
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "the pool has no entitlement %s", quoted);
        return FALSE;
    }
    return yd_store_delete(store, &yd_entitlement_type, row->id, 0, error) &&
           cut_unentitled(service, store, row, error) &&
           audit_entitlement(service, actor, "pool.unentitle", row, error) &&
           yd_store_tx_commit(&tx, error);
}

// ---- one's own ----

static void
own_pool_free(gpointer data)
{
    YdOwnPool *own = data;

    yd_pool_free(own->pool);
    yd_desktop_free(own->desktop);
    g_free(own);
}

static gboolean
has_restore(const YdOwnPool *own)
{
    YdPolicy policy;
    return own->given && own->desktop && g_strcmp0(own->pool->kind, "floating") != 0 &&
           yd_policy_parse(own->pool->policy, &policy, NULL) && policy.restore_by_person;
}

static gboolean
add_own(GPtrArray *own, YdStore *store, const GPtrArray *pools, gboolean given, const char *user_id,
        GError **error)
{
    for (guint i = 0; i < pools->len; i++) {
        g_autoptr(GError) why = NULL;
        YdOwnPool *entry = g_new0(YdOwnPool, 1);
        g_ptr_array_add(own, entry);
        entry->pool = yd_pool_copy(pools->pdata[i]);
        entry->given = given;
        entry->desktop = yd_store_desktop_of(store, entry->pool->id, user_id, &why);
        if (why) {
            g_propagate_error(error, g_steal_pointer(&why));
            return FALSE;
        }
        entry->restore = has_restore(entry);
    }
    return TRUE;
}

GPtrArray *
yd_pool_list_own(YdService *service, const YdActor *actor, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(GPtrArray) own = g_ptr_array_new_with_free_func(own_pool_free);
    g_autoptr(GPtrArray) pools = NULL;
    g_autoptr(GPtrArray) lost = NULL;
    YdQuery scope = {0};

    if (!store || !yd_service_scope(actor, YD_RIGHT_CONNECT, &scope, error) ||
        !(pools = yd_store_pools_of_user(store, actor->user_id, error)) ||
        !(lost = yd_store_pools_lost(store, actor->user_id, error)) ||
        !add_own(own, store, pools, TRUE, actor->user_id, error) ||
        !add_own(own, store, lost, FALSE, actor->user_id, error))
        return NULL;
    return g_steal_pointer(&own);
}
