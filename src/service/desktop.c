// SPDX-License-Identifier: Apache-2.0
// The verbs on desktops: who may, is it possible now, audit row, job. The work is the jobs'.
#include "service/desktop.h"

#include <string.h>

#include "base/json-util.h"
#include "service/desktop-private.h"
#include "store/store-desktops.h"

// --- power ---

typedef struct {
    const char *kind, *act; // of the job, of the audit row
    YdRight right;
    const char *const *states; // in which it can be asked for
    const char *advice;
} Verb;

static const char *const on_states[] = {YD_DESKTOP_PREPARING, YD_DESKTOP_READY, YD_DESKTOP_PAUSED,
                                        YD_DESKTOP_SAVED, NULL};
static const char *const start_states[] = {YD_DESKTOP_OFF, YD_DESKTOP_STOPPING, NULL};
static const char *const asleep_states[] = {YD_DESKTOP_PAUSED, YD_DESKTOP_SAVED, NULL};
static const char *const any_on_states[] = {YD_DESKTOP_STARTING,
                                            YD_DESKTOP_PREPARING,
                                            YD_DESKTOP_READY,
                                            YD_DESKTOP_PAUSED,
                                            YD_DESKTOP_SAVED,
                                            YD_DESKTOP_STOPPING,
                                            NULL};
static const char *const rebuild_states[] = {
    YD_DESKTOP_OFF,      YD_DESKTOP_STARTING, YD_DESKTOP_PREPARING,
    YD_DESKTOP_READY,    YD_DESKTOP_PAUSED,   YD_DESKTOP_SAVED,
    YD_DESKTOP_STOPPING, YD_DESKTOP_FAILED,   NULL};

static const Verb verb_start = {"desktop-start", "desktop.start", YD_RIGHT_DESKTOPS_POWER,
                                start_states, "only a desktop that is off can be started"};
static const Verb verb_wake = {"desktop-wake", "desktop.start", YD_RIGHT_DESKTOPS_POWER,
                               asleep_states, "only a desktop that sleeps can be woken"};
static const Verb verb_shutdown = {"desktop-shutdown", "desktop.shutdown", YD_RIGHT_DESKTOPS_POWER,
                                   on_states, "only a desktop that runs can be shut down"};
static const Verb verb_reboot = {"desktop-reboot", "desktop.reboot", YD_RIGHT_DESKTOPS_POWER,
                                 on_states, "only a desktop that runs can be rebooted"};
static const Verb verb_power_off = {"desktop-power-off", "desktop.power-off",
                                    YD_RIGHT_DESKTOPS_POWER, any_on_states,
                                    "only a desktop that runs can be powered off"};
static const Verb verb_rebuild = {"desktop-rebuild", "desktop.rebuild", YD_RIGHT_DESKTOPS_POWER,
                                  rebuild_states, "wait until what is under way has ended"};

static YdJob *
submit(YdService *service, YdStore *store, const YdActor *actor, const Verb *verb, const char *id,
       GError **error)
{
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdDesktop) desktop = tx ? yd_store_get(store, &yd_desktop_type, id, error) : NULL;
    GError *local = NULL;
    if (!desktop)
        return NULL;
    if (verb == &verb_start && g_strv_contains(asleep_states, desktop->state))
        verb = &verb_wake;
    if (verb == &verb_rebuild && desktop->template_id) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "\"%s\" is a workbench: what was installed there would be gone, and nothing "
                    "takes its place; finish its template, or discard it and begin again",
                    desktop->name);
        return NULL;
    }
    g_autoptr(YdJob) live = yd_store_job_live(store, id, verb->kind, &local);
    if (local) {
        g_propagate_error(error, local);
        return NULL;
    }
    if (live) // asked twice: the one under way
        return g_steal_pointer(&live);
    if (!g_strv_contains(verb->states, desktop->state)) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "\"%s\" is %s: %s", desktop->name,
                    desktop->state, verb->advice);
        return NULL;
    }
    g_autoptr(YdJob) job =
        yd_job_submit(service, actor, verb->kind, id, desktop->name, NULL, NULL, error);
    if (!job ||
        !yd_service_audit(service, actor, verb->act, "desktop", id, desktop->name, NULL, error) ||
        !yd_store_tx_commit(&tx, error))
        return NULL;
    return g_steal_pointer(&job);
}

static YdJob *
act(YdService *service, const YdActor *actor, const Verb *verb, const char *id, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    if (!store || !yd_service_may(service, actor, verb->right, &yd_desktop_type, id, error))
        return NULL;
    return submit(service, store, actor, verb, id, error);
}

YdJob *
yd_desktop_start(YdService *service, const YdActor *actor, const char *id, GError **error)
{
    return act(service, actor, &verb_start, id, error);
}

YdJob *
yd_desktop_shutdown(YdService *service, const YdActor *actor, const char *id, GError **error)
{
    return act(service, actor, &verb_shutdown, id, error);
}

YdJob *
yd_desktop_reboot(YdService *service, const YdActor *actor, const char *id, GError **error)
{
    return act(service, actor, &verb_reboot, id, error);
}

// What is under way for the desktop gives way; a machine that is off makes its calls end early.
static void
clear_the_way(YdService *service, const char *id)
{
    static const char *const kinds[] = {"desktop-start",  "desktop-shutdown", "desktop-reboot",
                                        "desktop-resize", "desktop-pause",    "desktop-save",
                                        "desktop-wake",   "desktop-warm",     NULL};
    for (gsize i = 0; kinds[i]; i++)
        yd_job_cancel_object(service, id, kinds[i]);
    YdStore *store = yd_service_store(service, NULL);
    g_autoptr(YdDesktop) desktop = store ? yd_store_get(store, &yd_desktop_type, id, NULL) : NULL;
    g_autoptr(GError) error = NULL;
    if (desktop && !yd_desk_power_off(service, desktop, &error))
        g_debug("%s: %s, left to its job", id, error->message);
}

YdJob *
yd_desktop_power_off(YdService *service, const YdActor *actor, const char *id, GError **error)
{
    YdJob *job = act(service, actor, &verb_power_off, id, error);
    if (job)
        clear_the_way(service, id);
    return job;
}

YdJob *
yd_desktop_rebuild(YdService *service, const YdActor *actor, const char *id, GError **error)
{
    YdJob *job = act(service, actor, &verb_rebuild, id, error);
    if (job)
        clear_the_way(service, id);
    return job;
}

// --- delete ---

static gboolean
check_personal(const YdDesktop *desktop, const char *personal_disk, GError **error)
{
    if (!personal_disk || g_strcmp0(personal_disk, desktop->personal_disk_id) == 0)
        return TRUE;
    return yd_error_invalid(
        error, "personal_disk", "“%.100s” is not the personal disk of “%s” (%s)", personal_disk,
        desktop->name, desktop->personal_disk_id ? desktop->personal_disk_id : "it has none");
}

YdJob *
yd_desktop_delete(YdService *service, const YdActor *actor, const char *id, gint64 version,
                  GError **error)
{
    return yd_desktop_delete_with(service, actor, id, version, NULL, error);
}

YdJob *
yd_desktop_delete_with(YdService *service, const YdActor *actor, const char *id, gint64 version,
                       const char *personal_disk, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    if (!store ||
        !yd_service_may(service, actor, YD_RIGHT_DESKTOPS_WRITE, &yd_desktop_type, id, error))
        return NULL;
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdDesktop) desktop = tx ? yd_store_get(store, &yd_desktop_type, id, error) : NULL;
    if (!desktop)
        return NULL;
    if (version != 0 && version != desktop->version) {
        g_set_error(error, YD_ERROR, YD_ERROR_STALE,
                    "\"%s\" was changed by somebody else (version %" G_GINT64_FORMAT
                    ", not %" G_GINT64_FORMAT "); look at it again",
                    desktop->name, desktop->version, version);
        return NULL;
    }
    if (!check_personal(desktop, personal_disk, error))
        return NULL;
    g_autoptr(json_t) args = json_pack("{s:s*}", "personal_disk", personal_disk);
    g_autofree char *details = personal_disk ? yd_json_text(args) : NULL;
    g_autoptr(YdJob) job =
        yd_job_submit(service, actor, "desktop-delete", id, desktop->name, args, NULL, error);
    if (!job ||
        !yd_service_audit(service, actor, "desktop.delete", "desktop", id, desktop->name, details,
                          error) ||
        !yd_store_tx_commit(&tx, error))
        return NULL;
    yd_job_cancel_object(service, id, "desktop-create");
    clear_the_way(service, id);
    return g_steal_pointer(&job);
}

// --- change ---

static gboolean
in_bounds(const char *field, gint64 value, gint64 min, gint64 max, GError **error)
{
    if (value == 0 || (value >= min && value <= max))
        return TRUE;
    return yd_error_invalid(error, field,
                            "%" G_GINT64_FORMAT " is not within %" G_GINT64_FORMAT
                            " to %" G_GINT64_FORMAT,
                            value, min, max);
}

static gboolean
check_change(const YdDesktop *desktop, gint64 template_bytes, const YdDesktopChange *change,
             GError **error)
{
    gint64 now_gib = desktop->disk_gib ? desktop->disk_gib : (template_bytes >> 30);
    if (!in_bounds("vcpus", change->vcpus, 1, 64, error) ||
        !in_bounds("memory_mib", change->memory_mib, 64, 1048576, error) ||
        !in_bounds("disk_gib", change->disk_gib, 1, 16384, error))
        return FALSE;
    if (change->disk_gib != 0 && change->disk_gib < MAX(now_gib, desktop->next_disk_gib))
        return yd_error_invalid(error, "disk_gib",
                                "a disk can only grow: it has %" G_GINT64_FORMAT
                                " GiB, %" G_GINT64_FORMAT " were asked for",
                                now_gib, change->disk_gib);
    if (change->disk_gib != 0 && change->disk_gib << 30 < template_bytes)
        return yd_error_invalid(error, "disk_gib",
                                "%" G_GINT64_FORMAT " GiB is less than the template's %.1f GiB",
                                change->disk_gib, (double)template_bytes / (1 << 30));
    if (change->name) {
        glong length =
            g_utf8_validate(change->name, -1, NULL) ? g_utf8_strlen(change->name, -1) : 0;
        if (length < 1 || length > 97)
            return yd_error_invalid(error, "name", "1 to 97 characters, please");
        for (const char *c = change->name; *c; c = g_utf8_next_char(c)) {
            GUnicodeType type = g_unichar_type(g_utf8_get_char(c));
            if (type == G_UNICODE_CONTROL || type == G_UNICODE_FORMAT)
                return yd_error_invalid(error, "name",
                                        "has a control or formatting character; leave it out");
        }
    }
    return TRUE;
}

static char *
change_details(const YdDesktopChange *change)
{
    json_t *json = json_object();
    if (change->name)
        json_object_set_new(json, "name", json_string(change->name));
    if (change->vcpus)
        json_object_set_new(json, "vcpus", json_integer(change->vcpus));
    if (change->memory_mib)
        json_object_set_new(json, "memory_mib", json_integer(change->memory_mib));
    if (change->disk_gib)
        json_object_set_new(json, "disk_gib", json_integer(change->disk_gib));
    char *text = json_dumps(json, JSON_COMPACT);
    char *owned = g_strdup(text);
    free(text);
    json_decref(json);
    return owned;
}

static YdJob *
submit_resize(YdService *service, const YdActor *actor, const YdDesktop *desktop,
              const YdDesktopChange *change, GError **error)
{
    static const char *const busy[] = {YD_DESKTOP_NEW,      YD_DESKTOP_DERIVING,
                                       YD_DESKTOP_DELETING, YD_DESKTOP_REBUILDING,
                                       YD_DESKTOP_FAILED,   NULL};
    if (g_strv_contains(busy, desktop->state)) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "\"%s\" is %s: its hardware can be changed when it is off or runs",
                    desktop->name, desktop->state);
        return NULL;
    }
    json_t *args =
        json_pack("{s:I,s:I,s:I}", "vcpus", (json_int_t)change->vcpus, "memory_mib",
                  (json_int_t)change->memory_mib, "disk_gib", (json_int_t)change->disk_gib);
    YdJob *job = yd_job_submit(service, actor, "desktop-resize", desktop->id, desktop->name, args,
                               NULL, error);
    json_decref(args);
    return job;
}

gboolean
yd_desktop_change(YdService *service, const YdActor *actor, const char *id, gint64 version,
                  const YdDesktopChange *change, YdDesktop **ret_desktop, YdJob **ret_job,
                  GError **error)
{
    YdStore *store = yd_service_store(service, error);
    if (!store ||
        !yd_service_may(service, actor, YD_RIGHT_DESKTOPS_WRITE, &yd_desktop_type, id, error))
        return FALSE;
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, id, &tx, error);
    g_autoptr(YdTemplateVersion) template =
        desktop && desktop->template_version_id
            ? yd_store_get(store, &yd_template_version_type, desktop->template_version_id, error)
            : NULL;
    if (!template || !check_change(desktop, template->virtual_bytes, change, error))
        return FALSE;
    if (version != 0)
        desktop->version = version; // STALE by the update
    if (change->name) {
        yd_set_string(&desktop->name, change->name);
        yd_desk_set_dns_name(service, store, desktop);
    }
    g_autoptr(YdJob) job = NULL;
    if (change->vcpus || change->memory_mib || change->disk_gib) {
        job = submit_resize(service, actor, desktop, change, error);
        if (!job)
            return FALSE;
    }
    g_autofree char *details = change_details(change);
    if (!yd_store_update(store, &yd_desktop_type, desktop, error) ||
        !yd_service_audit(service, actor, "desktop.change", "desktop", id, desktop->name, details,
                          error) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    if (ret_desktop)
        *ret_desktop = g_steal_pointer(&desktop);
    if (ret_job)
        *ret_job = g_steal_pointer(&job);
    return TRUE;
}

GBytes *
yd_desktop_screenshot(YdService *service, const YdActor *actor, const char *id, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    if (!store || !yd_service_may(service, actor, YD_RIGHT_CONSOLE, &yd_desktop_type, id, error))
        return NULL;
    g_autoptr(YdDesktop) desktop = yd_store_get(store, &yd_desktop_type, id, error);
    if (!desktop)
        return NULL;
    if (!yd_desktop_state_runs(desktop->state) || !desktop->host_id ||
        yd_desk_is(desktop, "starting")) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "\"%s\" is %s: it has no screen",
                    desktop->name, desktop->state);
        return NULL;
    }
    YdHypervisor *hv = yd_service_hypervisor(service, desktop->host_id, error);
    return hv ? yd_hypervisor_screenshot(hv, desktop->uuid, error) : NULL;
}
