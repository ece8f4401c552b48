// SPDX-License-Identifier: Apache-2.0
// The jobs restore-point-create and desktop-restore. They belong to the desktop, so none of them
// runs beside a start or another of them. Each act finds out by the disks themselves whether it is
// done already.
#include <string.h>

#include "base/id.h"
#include "base/json-util.h"
#include "service/personal-disk.h"
#include "service/restore-point-private.h"
#include "storage/backup.h"
#include "store/store-connect.h"
#include "store/store-desktops.h"

#define STILL_SECONDS 20
#define GO_ON_SECONDS 10
#define GO_ON_TRIES 5

static const char *
arg(YdJobRun *run, const char *name)
{
    return json_string_value(json_object_get(yd_job_run_args(run), name));
}

static gboolean
flag(YdJobRun *run, const char *name)
{
    return json_is_true(json_object_get(yd_job_run_args(run), name));
}

static YdRestorePoint *
point_of(YdJobRun *run, const char *name, GError **error)
{
    const char *id = arg(run, name);
    return yd_store_get(yd_job_run_store(run), &yd_restore_point_type, id ? id : "", error);
}

// --- the disks ---

typedef struct {
    YdDesk desk;
    YdMachineState state;
    gboolean system, personal;
    char *images[3]; // system, personal; NULL-terminated
    char *paths[3];
} Disks;

static void
disks_clear(Disks *disks)
{
    yd_desk_clear(&disks->desk);
    for (guint i = 0; i < G_N_ELEMENTS(disks->images); i++) {
        g_free(disks->images[i]);
        g_free(disks->paths[i]);
    }
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Disks, disks_clear)

static gboolean
add_disk(YdStorage *storage, Disks *disks, const char *image, GError **error)
{
    guint n = g_strv_length(disks->images);
    disks->images[n] = g_strdup(image);
    disks->paths[n] = yd_storage_path(storage, image);
    if (disks->paths[n])
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                "deskhost was never reached; check that it runs");
    return FALSE;
}

// The desktop with those of its disks; what it does not have is left out. A system disk that was
// never used may be made anew at the next start, so it has no points.
static gboolean
disks_load(YdJobRun *run, gboolean system, gboolean personal, Disks *disks, GError **error)
{
    YdService *service = yd_job_run_service(run);
    YdStorage *storage = yd_service_storage(service);
    if (!yd_desk_load(yd_job_run_store(run), yd_job_run_object(run), &disks->desk, error) ||
        !yd_desk_machine(service, disks->desk.desktop, &disks->state, error))
        return FALSE;
    const YdPersonalDisk *own = disks->desk.personal;
    const char *id = disks->desk.desktop->id;
    disks->system = system && disks->desk.desktop->prepared;
    // A machine that runs has it only when it was given to it at its start.
    disks->personal = personal && own && strcmp(own->state, "ready") == 0 &&
                      (g_strcmp0(own->desktop_id, id) == 0 ||
                       (yd_machine_is_off(disks->state) && !own->desktop_id));
    return (!disks->system || add_disk(storage, disks, disks->desk.desktop->image, error)) &&
           (!own || !disks->personal || add_disk(storage, disks, own->image, error));
}

static gboolean
act_off(YdJobRun *run, const Disks *disks, const char *name, YdPointAct what, GError **error)
{
    YdStorage *storage = yd_service_storage(yd_job_run_service(run));
    for (guint i = 0; disks->images[i]; i++)
        if (!yd_storage_point(storage, disks->images[i], name, what, error))
            return FALSE;
    return TRUE;
}

// --- taking one ---

// A guest that stands still for ever is worse than any failure: tried again while its host is away.
static void
go_on(YdHypervisor *hv, const YdDesktop *desktop, gboolean stood)
{
    g_autoptr(GError) why = NULL;
    for (guint i = 0; i < (stood ? GO_ON_TRIES : 1); i++) {
        g_clear_error(&why);
        if (yd_hypervisor_agent_still(hv, desktop->uuid, FALSE, GO_ON_SECONDS, &why))
            return;
        if (stood)
            g_usleep(G_USEC_PER_SEC);
    }
    if (stood)
        g_warning("%s: its file systems may still stand still: %s, ignoring", desktop->id,
                  why->message);
}

// A moment of a running machine: its file systems stand still for it where the guest can do that,
// and go on in any case. Also after that failed: it may have come through in part, or late, or the
// process that asked for it was killed.
static gboolean
make_running(YdJobRun *run, const Disks *disks, const char *name, gboolean *ret_frozen,
             GError **error)
{
    const YdDesktop *desktop = disks->desk.desktop;
    YdHypervisor *hv = yd_service_hypervisor(yd_job_run_service(run), desktop->host_id, error);
    g_autoptr(GError) why = NULL;
    if (!hv)
        return FALSE;
    gboolean awake = disks->state == YD_MACHINE_RUNNING;
    *ret_frozen = awake && yd_hypervisor_agent_still(hv, desktop->uuid, TRUE, STILL_SECONDS, &why);
    gboolean made = yd_hypervisor_point(hv, desktop->uuid, (const char *const *)disks->paths, name,
                                        FALSE, error);
    if (awake)
        go_on(hv, desktop, *ret_frozen);
    if (why)
        g_message("%s: its restore point is of a moment when it did not stand still: %s",
                  desktop->id, why->message);
    return made;
}

// Off when it was looked at, or since.
static gboolean
make(YdJobRun *run, const Disks *disks, const char *name, gboolean *ret_frozen, GError **error)
{
    YdService *service = yd_job_run_service(run);
    GError *why = NULL;
    YdMachineState state = disks->state;
    if (!yd_machine_is_off(state)) {
        if (make_running(run, disks, name, ret_frozen, &why))
            return TRUE;
        if (!yd_desk_machine(service, disks->desk.desktop, &state, NULL) ||
            !yd_machine_is_off(state)) {
            g_propagate_error(error, why);
            return FALSE;
        }
        g_clear_error(&why);
    }
    // Saved: what it had in its memory was not written to its disks.
    const char *was = disks->desk.desktop->state;
    *ret_frozen = strcmp(was, YD_DESKTOP_OFF) == 0 && disks->state == YD_MACHINE_OFF &&
                  !json_object_get(yd_job_run_result(run), "power_cut");
    return act_off(run, disks, name, YD_POINT_MAKE, error);
}

typedef struct {
    const char *state;
    const Disks *disks;
    gboolean frozen;
} Note;

static gboolean
note(YdJobRun *run, const char *which, const Note *what, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdRestorePoint) point = tx ? point_of(run, which, error) : NULL;
    if (!point)
        return FALSE;
    const Disks *disks = what->disks;
    yd_set_string(&point->state, what->state);
    yd_set_string(&point->image, disks->system ? disks->desk.desktop->image : NULL);
    yd_set_string(&point->personal_disk_id, disks->personal ? disks->desk.personal->id : NULL);
    if (strcmp(what->state, "ready") == 0)
        point->taken = yd_now_ms();
    point->frozen = what->frozen;
    return yd_store_update(store, &yd_restore_point_type, point, error) &&
           yd_store_tx_commit(&tx, error);
}

// What it is going to have is said first, so that it can be taken away from there.
static gboolean
take(YdJobRun *run, const char *which, Disks *disks, GError **error)
{
    g_autoptr(YdRestorePoint) point = point_of(run, which, error);
    if (!point || !disks_load(run, TRUE, TRUE, disks, error))
        return FALSE;
    if (strcmp(point->state, "ready") == 0)
        return TRUE;
    if (!disks->images[0]) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "“%s” was never started, there is nothing to keep", disks->desk.desktop->name);
        return FALSE;
    }
    Note what = {.state = "making", .disks = disks};
    if (!note(run, which, &what, error) || !make(run, disks, point->id, &what.frozen, error))
        return FALSE;
    what.state = "ready";
    return note(run, which, &what, error);
}

gboolean
yd_restore_point_moment(YdJobRun *run, gboolean system, const char *name, gboolean *ret_has,
                        gboolean *ret_frozen, GError **error)
{
    g_auto(Disks) disks = {0};
    if (!disks_load(run, system, !system, &disks, error))
        return FALSE;
    *ret_has = disks.images[0] != NULL;
    return !*ret_has || make(run, &disks, name, ret_frozen, error);
}

// Takes away what there is of it; its row says why it failed.
static void
mark_failed(YdJobRun *run, const char *which, const GError *why)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(GError) error = NULL;
    g_autoptr(YdRestorePoint) point = store ? point_of(run, which, &error) : NULL;
    if (!point || strcmp(point->state, "making") != 0)
        return;
    yd_set_string(&point->state, "failed");
    yd_set_string(&point->error, why->message);
    if (!yd_store_update(store, &yd_restore_point_type, point, &error))
        g_warning("restore point %s: %s, ignoring", point->id, error->message);
}

// --- restore-point-create ---

static gboolean
create_take(YdJobRun *run, GError **error)
{
    g_auto(Disks) disks = {0};
    return take(run, "point", &disks, error);
}

static void
create_failed(YdJobRun *run, const GError *why)
{
    mark_failed(run, "point", why);
}

static const YdJobStep create_steps[] = {
    {"take", create_take, NULL, FALSE, 1},
};

const YdJobKind yd_job_kind_restore_point_create = {
    "restore-point-create",     "desktop",    FALSE, create_steps,
    G_N_ELEMENTS(create_steps), create_failed};

// --- desktop-restore ---

// How large the disks are now: going back makes them as small as they were then.
static gboolean
note_sizes(YdJobRun *run, const Disks *disks, GError **error)
{
    YdStorage *storage = yd_service_storage(yd_job_run_service(run));
    json_t *sizes = json_object();
    json_object_set_new(yd_job_run_result(run), "bytes", sizes);
    for (guint i = 0; disks->images[i]; i++) {
        g_autoptr(YdImageInfo) info = yd_storage_look(storage, disks->images[i], error);
        if (!info)
            return FALSE;
        json_object_set_new(sizes, disks->images[i], json_integer(info->virtual_bytes));
    }
    return TRUE;
}

// Whether the disk that a backup is to be put into is missing: then there is no present state.
static gboolean
is_lost(YdJobRun *run)
{
    g_auto(Disks) disks = {0};
    g_autoptr(GError) why = NULL;
    YdStorage *storage = yd_service_storage(yd_job_run_service(run));
    if (!arg(run, "backup") ||
        !disks_load(run, flag(run, "system"), flag(run, "personal"), &disks, &why) ||
        !disks.images[0])
        return FALSE;
    g_autoptr(YdImageInfo) info = yd_storage_look(storage, disks.images[0], &why);
    return !info && g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND);
}

static gboolean
restore_before(YdJobRun *run, GError **error)
{
    g_auto(Disks) disks = {0};
    g_autoptr(GError) gone = NULL;
    if (is_lost(run))
        return yd_store_delete(yd_job_run_store(run), &yd_restore_point_type, arg(run, "before"), 0,
                               &gone) ||
               g_error_matches(gone, YD_ERROR, YD_ERROR_NOT_FOUND);
    return take(run, "before", &disks, error) && note_sizes(run, &disks, error);
}

static gboolean
go_back(YdJobRun *run, const Disks *disks, const char *name, GError **error)
{
    YdStorage *storage = yd_service_storage(yd_job_run_service(run));
    const json_t *sizes = json_object_get(yd_job_run_result(run), "bytes");
    if (!act_off(run, disks, name, YD_POINT_BACK, error))
        return FALSE;
    for (guint i = 0; disks->images[i]; i++) {
        gint64 bytes = json_integer_value(json_object_get(sizes, disks->images[i]));
        if (bytes > 0 && !yd_storage_grow(storage, disks->images[i], bytes, error))
            return FALSE;
    }
    return TRUE;
}

// Which certificate and account the guest had then is not known: the next start prepares it anew.
// Its row stays "prepared": a disk that never was may be made anew.
static gboolean
forget_guest(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, yd_job_run_object(run), &tx, error);
    if (!desktop)
        return FALSE;
    yd_set_string(&desktop->certificate, NULL);
    yd_set_string(&desktop->certificate_name, NULL);
    desktop->certificate_expires = 0;
    return yd_store_secret_delete(store, desktop->id, error) &&
           yd_desk_commit(store, &tx, desktop, NULL, error);
}

static gboolean
back_from_backup(YdJobRun *run, GError **error)
{
    g_auto(Disks) disks = {0};
    gboolean system = flag(run, "system"), personal = flag(run, "personal");
    YdStorage *storage = yd_service_storage(yd_job_run_service(run));
    g_autoptr(YdBackup) backup =
        yd_store_get(yd_job_run_store(run), &yd_backup_type, arg(run, "backup"), error);
    if (!backup || !disks_load(run, system, personal, &disks, error))
        return FALSE;
    if (!disks.images[0] || (personal && g_strcmp0(disks.desk.personal->id, backup->object_id))) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "“%s” does not have the disk of the backup any more, nothing was changed",
                    disks.desk.desktop->name);
        return FALSE;
    }
    g_autoptr(json_t) done = yd_backup_fill(storage, backup->id, backup->checksum, disks.images[0],
                                            yd_job_run_on_progress, run, error);
    if (!done)
        return FALSE;
    json_object_update(yd_job_run_result(run), done);
    return !system || forget_guest(run, error);
}

static gboolean
restore_back(YdJobRun *run, GError **error)
{
    g_auto(Disks) disks = {0};
    gboolean system = flag(run, "system"), personal = flag(run, "personal");
    if (arg(run, "backup"))
        return back_from_backup(run, error);
    g_autoptr(YdRestorePoint) point = point_of(run, "point", error);
    if (!point || !disks_load(run, system, personal, &disks, error))
        return FALSE;
    const YdPersonalDisk *own = disks.desk.personal;
    if ((system && (!disks.system || !point->system)) ||
        (personal && (!disks.personal || g_strcmp0(point->personal_disk_id, own->id) != 0))) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "“%s” does not have the disks of the restore point any more, nothing was "
                    "changed",
                    disks.desk.desktop->name);
        return FALSE;
    }
    return go_back(run, &disks, point->id, error) && (!system || forget_guest(run, error));
}

// A job of its own, which comes after this one: that the disks went back does not depend on it.
static gboolean
restore_start(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    if (!flag(run, "start"))
        return TRUE;
    g_autoptr(YdDesktop) desktop =
        yd_store_get(store, &yd_desktop_type, yd_job_run_object(run), error);
    g_autoptr(YdJob) job =
        desktop ? yd_job_submit(yd_job_run_service(run), yd_job_run_actor(run), "desktop-start",
                                desktop->id, desktop->name, NULL, NULL, error)
                : NULL;
    if (!job)
        return FALSE;
    json_object_set_new(yd_job_run_result(run), "start_job", json_string(job->id));
    return TRUE;
}

static void
restore_failed(YdJobRun *run, const GError *why)
{
    mark_failed(run, "before", why);
    yd_desk_note_failure(run, why);
}

static const YdJobStep restore_steps[] = {
    {"rouse", yd_desk_step_rouse, NULL, FALSE, 1},
    {"ask", yd_desk_step_ask, yd_desk_undo_ask, FALSE, 1},
    {"wait", yd_desk_step_wait, NULL, FALSE, 4},
    {"off", yd_desk_step_off, NULL, FALSE, 1},
    {"before", restore_before, NULL, FALSE, 1},
    {"back", restore_back, NULL, FALSE, 1},
    {"start", restore_start, NULL, FALSE, 1},
};

const YdJobKind yd_job_kind_desktop_restore = {
    "desktop-restore",           "desktop",     FALSE, restore_steps,
    G_N_ELEMENTS(restore_steps), restore_failed};
