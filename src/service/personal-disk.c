// SPDX-License-Identifier: Apache-2.0
// Personal disks: rows, files, and who may have them. What guests do with them is
// desktop-personal.c, growing is personal-disk-job.c.
#include "service/personal-disk.h"

#include <string.h>

#include "base/id.h"
#include "base/json-util.h"
#include "service/change.h"
#include "service/check.h"
#include "service/desktop-private.h"
#include "service/settings.h"
#include "store/store-desktops.h"

#define SIZE_MAX_GIB 2048 // of an image (storage.h)

YdPersonalDisk *
yd_personal_disk_of(YdStore *store, const char *pool_id, const char *user_id, GError **error)
{
    g_autoptr(GPtrArray) disks =
        yd_store_all(store, &yd_personal_disk_type, "user_id", user_id, error);
    for (guint i = 0; disks && i < disks->len; i++) {
        const YdPersonalDisk *disk = g_ptr_array_index(disks, i);
        if (strcmp(disk->pool_id, pool_id) == 0)
            return yd_personal_disk_copy(disk);
    }
    return NULL;
}

static gboolean
is(const YdPersonalDisk *disk, const char *state)
{
    return strcmp(disk->state, state) == 0;
}

// --- who has it ---

YdDesktop *
yd_personal_disk_holder(YdService *service, YdStore *store, const YdPersonalDisk *disk,
                        GError **error)
{
    GError *local = NULL;
    YdMachineState state = YD_MACHINE_OFF;
    if (!disk->desktop_id)
        return NULL;
    g_autoptr(YdDesktop) desktop = yd_store_get(store, &yd_desktop_type, disk->desktop_id, &local);
    if (!desktop) {
        if (g_error_matches(local, YD_ERROR, YD_ERROR_NOT_FOUND))
            g_clear_error(&local);
        else
            g_propagate_error(error, local);
        return NULL;
    }
    if (yd_desktop_state_runs(desktop->state))
        return g_steal_pointer(&desktop);
    // The row may be behind what its host knows; one that does not answer may run it. A saved one
    // has half of what was written in its memory.
    gboolean saved = FALSE;
    YdHypervisor *hv =
        desktop->host_id ? yd_service_hypervisor(service, desktop->host_id, error) : NULL;
    if (!hv || !yd_desk_machine(service, desktop, &state, error))
        return NULL;
    if (state == YD_MACHINE_OFF && !yd_hypervisor_is_saved(hv, desktop->uuid, &saved, &local)) {
        if (!g_error_matches(local, YD_ERROR, YD_ERROR_NOT_FOUND)) {
            g_propagate_error(error, local);
            return NULL;
        }
        g_clear_error(&local);
    }
    gboolean off = yd_machine_is_off(state);
    return off && !saved ? NULL : g_steal_pointer(&desktop);
}

// Whether no machine but that desktop's (NULL: none at all) has it.
static gboolean
check_free(YdService *service, YdStore *store, const YdPersonalDisk *disk, const char *desktop_id,
           GError **error)
{
    GError *local = NULL;
    if (desktop_id && g_strcmp0(disk->desktop_id, desktop_id) == 0)
        return TRUE;
    g_autoptr(YdDesktop) holder = yd_personal_disk_holder(service, store, disk, &local);
    if (local) {
        g_propagate_error(error, local);
        return FALSE;
    }
    if (!holder)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "the personal disk “%s” is attached to desktop “%s”, which is %s; shut that down "
                "first",
                disk->name, holder->name, holder->state);
    return FALSE;
}

// --- making ---

static gboolean
check_quota(YdService *service, YdStore *store, const char *user_id, const char *username,
            gint64 more_gib, GError **error)
{
    gint64 quota = yd_settings_int(service, "personal_quota_gib"), all = 0;
    g_autoptr(GPtrArray) disks =
        yd_store_all(store, &yd_personal_disk_type, "user_id", user_id, error);
    for (guint i = 0; disks && i < disks->len; i++)
        all += ((const YdPersonalDisk *)g_ptr_array_index(disks, i))->size_gib;
    if (!disks || all + more_gib <= quota)
        return disks != NULL;
    g_set_error(error, YD_ERROR, YD_ERROR_LIMIT,
                "the personal disks of “%s” have %" G_GINT64_FORMAT " GiB; %" G_GINT64_FORMAT
                " more would be above the setting personal_quota_gib (%" G_GINT64_FORMAT
                "); raise it, or delete a disk that is not needed",
                username, all, more_gib, quota);
    return FALSE;
}

static YdPersonalDisk *
make_row(YdService *service, YdStore *store, const YdDesktop *desktop, const YdPool *pool,
         GError **error)
{
    g_autoptr(YdPersonalDisk) disk = yd_personal_disk_new();
    if (!check_quota(service, store, desktop->user_id, desktop->username, pool->personal_disk_gib,
                     error))
        return NULL;
    disk->id = yd_id_new("pdk");
    disk->image = g_strdup_printf("%s.qcow2", disk->id);
    disk->pool_id = g_strdup(pool->id);
    disk->user_id = g_strdup(desktop->user_id);
    disk->owner = g_strdup(desktop->username);
    disk->state = g_strdup("new");
    disk->size_gib = pool->personal_disk_gib;
    if (!yd_store_insert(store, &yd_personal_disk_type, disk, error) ||
        !yd_change_reload(store, &yd_personal_disk_type, disk, error))
        return NULL;
    return g_steal_pointer(&disk);
}

// Finds or makes the row, and says whose it is. NULL without error: none is wanted.
static YdPersonalDisk *
take(YdService *service, YdStore *store, const YdDesktop *desktop, const YdPool *pool,
     gboolean *ret_wait, GError **error)
{
    GError *local = NULL;
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    if (!tx)
        return NULL;
    g_autoptr(YdPersonalDisk) disk = yd_personal_disk_of(store, pool->id, desktop->user_id, &local);
    if (!disk && !local && pool->personal_disk_gib > 0)
        disk = make_row(service, store, desktop, pool, &local);
    g_autoptr(YdJob) grow = disk ? yd_store_job_live(store, disk->id, NULL, &local) : NULL;
    if (local) {
        g_propagate_error(error, local);
        return NULL;
    }
    if (!disk)
        return NULL;
    if (is(disk, "deleting")) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the personal disk “%s” is being deleted; delete it again to finish that",
                    disk->name);
        return NULL;
    }
    *ret_wait = grow != NULL;
    if (!check_free(service, store, disk, desktop->id, error))
        return NULL;
    yd_set_string(&disk->desktop_id, desktop->id);
    if (!yd_store_update(store, &yd_personal_disk_type, disk, error) ||
        !yd_store_tx_commit(&tx, error))
        return NULL;
    return g_steal_pointer(&disk);
}

// --- the file ---

typedef struct {
    const char *state, *error;
    gboolean formatted;
} Note;

static gboolean
note(YdStore *store, const char *id, const Note *what, GError **error)
{
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdPersonalDisk) disk =
        tx ? yd_store_get(store, &yd_personal_disk_type, id, error) : NULL;
    if (!disk)
        return FALSE;
    if (what->state)
        yd_set_string(&disk->state, what->state);
    yd_set_string(&disk->error, what->error);
    disk->formatted = disk->formatted || what->formatted;
    return yd_store_update(store, &yd_personal_disk_type, disk, error) &&
           yd_store_tx_commit(&tx, error);
}

gboolean
yd_personal_disk_used(YdStore *store, const char *id, GError **error)
{
    const Note used = {.formatted = TRUE};
    return note(store, id, &used, error);
}

// A file that was there once is never made anew: what is missing or damaged is somebody's files.
static gboolean
check_file(YdService *service, YdStore *store, const YdPersonalDisk *disk, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autofree char *reason = NULL;
    g_autoptr(YdImageInfo) info = yd_storage_look(yd_service_storage(service), disk->image, &why);
    if (info && info->virtual_bytes >= disk->size_gib << 30) {
        const Note good = {0};
        return !disk->error || note(store, disk->id, &good, error);
    }
    gboolean missing = why && g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND);
    if (why && g_error_matches(why, YD_ERROR, YD_ERROR_UNAVAILABLE)) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    if (info)
        reason = g_strdup_printf("it has %" G_GINT64_FORMAT " bytes in place of %" G_GINT64_FORMAT
                                 " GiB",
                                 info->virtual_bytes, disk->size_gib);
    const Note bad = {.error = why ? why->message : reason};
    if (!note(store, disk->id, &bad, error))
        return FALSE;
    g_set_error(
        error, YD_ERROR, YD_ERROR_STATE,
        "the personal disk “%s” is %s (%s); bring the file %s back from a backup, or delete "
        "the disk to begin with an empty one",
        disk->name, missing ? "missing" : "damaged", bad.error, disk->image);
    return FALSE;
}

gboolean
yd_personal_disk_ready(YdService *service, YdStore *store, const YdDesktop *desktop,
                       const YdPool *pool, YdPersonalDisk **ret_disk, gboolean *ret_wait,
                       GError **error)
{
    GError *local = NULL;
    *ret_wait = FALSE;
    *ret_disk = NULL;
    g_autoptr(YdPersonalDisk) disk = take(service, store, desktop, pool, ret_wait, &local);
    if (local) {
        g_propagate_error(error, local);
        return FALSE;
    }
    if (!disk || *ret_wait)
        return TRUE;
    if (is(disk, "new")) {
        const Note ready = {.state = "ready"};
        if (!yd_storage_derive(yd_service_storage(service), NULL, disk->image, disk->size_gib << 30,
                               error) ||
            !note(store, disk->id, &ready, error))
            return FALSE;
    } else if (!check_file(service, store, disk, error)) {
        return FALSE;
    }
    *ret_disk = g_steal_pointer(&disk);
    return TRUE;
}

// --- what administrators do ---

// The record in a transaction of the caller, whose right is checked.
static YdPersonalDisk *
begin(YdService *service, const YdActor *actor, const char *id, YdStore **ret_store,
      YdStoreTx **ret_tx, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    if (!store || !yd_service_allowed(actor, YD_RIGHT_DESKTOPS_WRITE, error))
        return NULL;
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    YdPersonalDisk *disk = tx ? yd_store_get(store, &yd_personal_disk_type, id, error) : NULL;
    if (disk)
        *ret_tx = g_steal_pointer(&tx);
    *ret_store = store;
    return disk;
}

static gboolean
check_not_deleting(const YdPersonalDisk *disk, GError **error)
{
    if (!is(disk, "deleting"))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE, "the personal disk “%s” is being deleted",
                disk->name);
    return FALSE;
}

static gboolean
check_growth(YdService *service, YdStore *store, const YdPersonalDisk *disk, gint64 size_gib,
             GError **error)
{
    gint64 bytes = 0, free_bytes = 0, more = size_gib - disk->size_gib;
    if (!yd_check_int("size_gib", size_gib, 1, SIZE_MAX_GIB, error))
        return FALSE;
    if (more <= 0)
        return yd_error_invalid(error, "size_gib",
                                "a disk can only grow: “%s” has %" G_GINT64_FORMAT
                                " GiB, %" G_GINT64_FORMAT " were asked for",
                                disk->name, disk->size_gib, size_gib);
    if (!check_quota(service, store, disk->user_id, disk->username, more, error) ||
        !yd_storage_space(yd_service_storage(service), &bytes, &free_bytes, error))
        return FALSE;
    if (more << 30 <= free_bytes)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_NO_SPACE,
                "%" G_GINT64_FORMAT " GiB more are asked for, %" G_GINT64_FORMAT
                " are free where images lie; make room there first",
                more, free_bytes >> 30);
    return FALSE;
}

gboolean
yd_personal_disk_grow(YdService *service, const YdActor *actor, const char *id, gint64 size_gib,
                      YdJob **ret_job, GError **error)
{
    YdStore *store = NULL;
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdPersonalDisk) disk = begin(service, actor, id, &store, &tx, error);
    if (!disk || !check_not_deleting(disk, error) ||
        !check_growth(service, store, disk, size_gib, error))
        return FALSE;
    g_autoptr(json_t) args = json_pack("{s:I}", "size_gib", (json_int_t)size_gib);
    g_autofree char *details = yd_json_text(args);
    g_autoptr(YdJob) job =
        yd_job_submit(service, actor, "personal-disk-grow", id, disk->name, args, NULL, error);
    if (!job ||
        !yd_service_audit(service, actor, "personal-disk.grow", "personal-disk", id, disk->name,
                          details, error) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    *ret_job = g_steal_pointer(&job);
    return TRUE;
}

// Whether that pool can take it.
static gboolean
check_pool(YdStore *store, const YdPersonalDisk *disk, const char *pool_id, YdPool **ret_pool,
           GError **error)
{
    GError *local = NULL;
    g_autoptr(YdPool) from = NULL;
    if (!yd_check_reference(store, "pool_id", &yd_pool_type, pool_id, error) ||
        !(*ret_pool = yd_store_get(store, &yd_pool_type, pool_id, error)) ||
        !(from = yd_store_get(store, &yd_pool_type, disk->pool_id, error)))
        return FALSE;
    if ((*ret_pool)->personal_disk_gib == 0)
        return yd_error_invalid(error, "pool_id",
                                "pool “%s” has no personal disks; set its personal_disk_gib first",
                                (*ret_pool)->name);
    if (g_strcmp0((*ret_pool)->os, from->os) != 0)
        return yd_error_invalid(error, "pool_id",
                                "pool “%s” has %s, the disk was made by %s: its files would not be "
                                "read there",
                                (*ret_pool)->name, (*ret_pool)->os, from->os);
    g_autoptr(YdPersonalDisk) other = yd_personal_disk_of(store, pool_id, disk->user_id, &local);
    if (local) {
        g_propagate_error(error, local);
        return FALSE;
    }
    if (!other)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_EXISTS,
                "“%s” has a personal disk in pool “%s” already (“%s”); delete that first",
                disk->username, (*ret_pool)->name, other->name);
    return FALSE;
}

gboolean
yd_personal_disk_move(YdService *service, const YdActor *actor, const char *id, const char *pool_id,
                      GError **error)
{
    YdStore *store = NULL;
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdPool) pool = NULL;
    g_autoptr(YdPersonalDisk) disk = begin(service, actor, id, &store, &tx, error);
    if (!disk)
        return FALSE;
    if (g_strcmp0(disk->pool_id, pool_id) == 0)
        return TRUE;
    if (!check_not_deleting(disk, error) || !check_pool(store, disk, pool_id, &pool, error) ||
        !check_free(service, store, disk, NULL, error))
        return FALSE;
    g_autofree char *details = yd_change_note("pool", pool->name);
    yd_set_string(&disk->pool_id, pool_id);
    yd_set_string(&disk->desktop_id, NULL);
    return yd_store_update(store, &yd_personal_disk_type, disk, error) &&
           yd_service_audit(service, actor, "personal-disk.move", "personal-disk", id, disk->name,
                            details, error) &&
           yd_store_tx_commit(&tx, error);
}

gboolean
yd_personal_disk_remove(YdService *service, YdStore *store, const char *id, GError **error)
{
    const Note deleting = {.state = "deleting"};
    g_autoptr(GError) why = NULL;
    g_autoptr(YdPersonalDisk) disk = yd_store_get(store, &yd_personal_disk_type, id, &why);
    if (!disk && g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND))
        return TRUE;
    if (!disk) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    // Said first: a disk whose file is gone must not look like one that lost it.
    return note(store, id, &deleting, error) &&
           yd_storage_delete(yd_service_storage(service), disk->image, error) &&
           yd_store_delete(store, &yd_personal_disk_type, id, 0, error);
}

gboolean
yd_personal_disk_delete(YdService *service, const YdActor *actor, const char *id, gint64 version,
                        GError **error)
{
    YdStore *store = NULL;
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(GError) why = NULL;
    g_autoptr(YdPersonalDisk) disk = begin(service, actor, id, &store, &tx, error);
    if (!disk || !yd_change_check_version(&yd_personal_disk_type, disk, disk, version, error) ||
        !check_free(service, store, disk, NULL, error))
        return FALSE;
    g_autoptr(YdJob) job = yd_store_job_live(store, id, NULL, &why);
    if (job) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the personal disk “%s” is being grown; wait for the end of that", disk->name);
        return FALSE;
    }
    yd_set_string(&disk->state, "deleting");
    return yd_store_update(store, &yd_personal_disk_type, disk, error) &&
           yd_service_audit(service, actor, "personal-disk.delete", "personal-disk", id, disk->name,
                            NULL, error) &&
           yd_store_tx_commit(&tx, error) && yd_personal_disk_remove(service, store, id, error);
}
