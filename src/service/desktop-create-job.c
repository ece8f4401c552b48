// SPDX-License-Identifier: Apache-2.0
// The jobs desktop-create (address, DHCP entry, overlay of one desktop) and pool-handout, its
// parent for many. A creation that fails leaves nothing: overlay, address and row go.
#include "service/desktop-private.h"

#include <string.h>

#include "base/id.h"
#include "service/fixed-port.h"
#include "service/floating.h"
#include "service/rollout.h"
#include "store/store-desktops.h"

// --- the record ---

// "<pool>-<user>"; with a tail of its own where that is taken.
static char *
free_name(YdStore *store, const char *wanted, const char *id)
{
    g_autoptr(YdDesktop) other = yd_store_find(store, &yd_desktop_type, "name", wanted, NULL);
    return other ? g_strdup_printf("%s-%s", wanted, id + strlen(id) - 4) : g_strdup(wanted);
}

static gint64
disk_gib(const YdPool *pool, const YdTemplateVersion *version)
{
    gint64 template_gib = (version->virtual_bytes + (1 << 30) - 1) >> 30;
    return pool && pool->disk_gib > template_gib ? pool->disk_gib : 0;
}

YdJob *
yd_desk_create(YdService *service, YdStore *store, const YdActor *actor, const YdPool *pool,
               const YdTemplateVersion *version, const char *network_id, const YdUser *user,
               const char *name, const char *parent_id, YdDesktop **ret_desktop, GError **error)
{
    g_autoptr(YdDesktop) desktop = yd_desktop_new();
    g_autoptr(YdTemplateVersion) early = NULL;
    g_autoptr(GError) local = NULL;
    if (pool && user)
        early = yd_rollout_version_for(store, pool, user->id, &local);
    if (local) {
        g_propagate_error(error, g_steal_pointer(&local));
        return NULL;
    }
    version = early ? early : version;
    desktop->id = yd_id_new("dsk");
    desktop->name = free_name(store, name, desktop->id);
    desktop->pool_id = g_strdup(pool ? pool->id : NULL);
    desktop->user_id = g_strdup(user ? user->id : NULL);
    desktop->template_version_id = g_strdup(version->id);
    desktop->taken = user && yd_pool_is_floating(pool) ? yd_now_ms() : 0;
    desktop->state = g_strdup(YD_DESKTOP_NEW);
    desktop->wanted = g_strdup("off");
    desktop->uuid = g_uuid_string_random();
    desktop->image = g_strdup_printf("%s.qcow2", desktop->id);
    desktop->vcpus = pool ? pool->vcpus : 1;
    desktop->memory_mib = pool ? pool->memory_mib : 512;
    desktop->disk_gib = disk_gib(pool, version);
    if (pool && !yd_fixed_port_settle(service, store, pool, desktop, error))
        return NULL;
    yd_desk_set_dns_name(service, store, desktop);
    if (!yd_store_insert(store, &yd_desktop_type, desktop, error))
        return NULL;
    g_autofree char *network = pool && user && !network_id
                                   ? yd_store_network_for(store, pool->id, user->id, error)
                                   : g_strdup(network_id);
    if (!network)
        return NULL;
    json_t *args = json_pack("{s:s}", "network_id", network);
    YdJob *job = yd_job_submit(service, actor, "desktop-create", desktop->id, desktop->name, args,
                               parent_id, error);
    json_decref(args);
    if (job && ret_desktop)
        *ret_desktop = g_steal_pointer(&desktop);
    return job;
}

// --- desktop-create ---

static gboolean
step_address(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, yd_job_run_object(run), &tx, error);
    if (!desktop)
        return FALSE;
    const char *network = json_string_value(json_object_get(yd_job_run_args(run), "network_id"));
    g_autoptr(YdAddress) address =
        yd_store_take_address(store, network ? network : "", desktop->id, error);
    return address && yd_desk_commit(store, &tx, desktop, YD_DESKTOP_DERIVING, error);
}

static gboolean
step_dhcp(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_auto(YdDesk) desk = {0};
    if (!yd_desk_load(store, yd_job_run_object(run), &desk, error))
        return FALSE;
    yd_desk_dhcp_set_all(yd_job_run_service(run), store, &desk);
    return TRUE;
}

static gboolean
undo_dhcp(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_auto(YdDesk) desk = {0};
    if (!yd_desk_load(store, yd_job_run_object(run), &desk, error))
        return FALSE;
    yd_desk_dhcp_clear_all(yd_job_run_service(run), store, &desk);
    return TRUE;
}

static gboolean
step_disk(YdJobRun *run, GError **error)
{
    g_auto(YdDesk) desk = {0};
    return yd_desk_load(yd_job_run_store(run), yd_job_run_object(run), &desk, error) &&
           yd_desk_derive(yd_job_run_service(run), desk.desktop, desk.version, error);
}

static gboolean
undo_disk(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdDesktop) desktop =
        yd_store_get(store, &yd_desktop_type, yd_job_run_object(run), error);
    return desktop &&
           yd_storage_delete(yd_service_storage(yd_job_run_service(run)), desktop->image, error);
}

static gboolean
step_off(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, yd_job_run_object(run), &tx, error);
    return desktop && yd_desk_commit(store, &tx, desktop, YD_DESKTOP_OFF, error);
}

// The row goes with the end of the job: whoever sees the job failed sees no desktop any more.
static void
create_failed(YdJobRun *run, const GError *why)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(GError) error = NULL;
    if (!store || !yd_store_release_addresses(store, yd_job_run_object(run), &error) ||
        !yd_store_delete(store, &yd_desktop_type, yd_job_run_object(run), 0, &error)) {
        if (error && !g_error_matches(error, YD_ERROR, YD_ERROR_NOT_FOUND))
            g_warning("cannot take back the record of %s: %s, ignoring", yd_job_run_object(run),
                      error->message);
    }
}

static const YdJobStep create_steps[] = {
    {"address", step_address, NULL, FALSE, 1},
    {"dhcp", step_dhcp, undo_dhcp, FALSE, 1},
    {"disk", step_disk, undo_disk, FALSE, 4},
    {"off", step_off, NULL, FALSE, 1},
};

const YdJobKind yd_job_kind_desktop_create = {
    "desktop-create", "desktop", TRUE, create_steps, G_N_ELEMENTS(create_steps), create_failed};

// --- pool-handout ---

static void
note_failed_child(json_t *failed, const YdJob *child)
{
    json_array_append_new(failed, json_pack("{s:s?,s:s?,s:s?}", "desktop", child->object_name,
                                            "code", child->error_code, "error", child->error));
}

// Waits for the children; what each is at is in their own rows.
static gboolean
step_desktops(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(GPtrArray) children =
        yd_store_all(store, &yd_job_type, "parent_id", yd_job_run_job(run)->id, error);
    if (!children)
        return FALSE;
    guint live = 0, made = 0;
    const YdJob *first = NULL;
    json_t *failed = json_array();
    json_object_set_new(yd_job_run_result(run), "failed", failed);
    for (guint i = 0; i < children->len; i++) {
        const YdJob *child = g_ptr_array_index(children, i);
        if (strcmp(child->state, "done") == 0) {
            made++;
        } else if (child->ended == 0) {
            live++;
        } else {
            first = first ? first : child;
            note_failed_child(failed, child);
        }
    }
    json_object_set_new(yd_job_run_result(run), "made", json_integer(made));
    if (live > 0) {
        double percent = 100.0 * (children->len - live) / children->len;
        yd_job_run_again(run, 2000);
        return yd_job_run_progress(run, percent, error);
    }
    YdErrorCode code;
    if (!first)
        return TRUE;
    g_set_error(error, YD_ERROR,
                first->error_code && yd_error_code_from_name(first->error_code, &code)
                    ? (int)code
                    : YD_ERROR_INTERNAL,
                "%u of %u desktops could not be made; \"%s\": %s", children->len - made,
                children->len, first->object_name, first->error ? first->error : first->state);
    return FALSE;
}

static const YdJobStep handout_steps[] = {{"desktops", step_desktops, NULL, FALSE, 1}};

const YdJobKind yd_job_kind_pool_handout = {
    "pool-handout", "pool", TRUE, handout_steps, G_N_ELEMENTS(handout_steps), NULL};
