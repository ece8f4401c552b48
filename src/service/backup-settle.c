// SPDX-License-Identifier: Apache-2.0
// The first start after everything was put back onto a new machine: the database is of a moment
// whose restore points, running machines and memory images are not here. deskhost left a note of
// what could not be put back (storage/backup-return.c).
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/id.h"
#include "base/json-util.h"
#include "service/backup-private.h"

static gboolean
forget_points(YdStore *store, GError **error)
{
    const YdQuery query = {0};
    g_autoptr(YdPage) page = yd_store_list(store, &yd_restore_point_type, &query, error);
    for (guint i = 0; page && i < page->records->len; i++) {
        const YdRestorePoint *point = page->records->pdata[i];
        if (!yd_store_delete(store, &yd_restore_point_type, point->id, 0, error))
            return FALSE;
    }
    return page != NULL;
}

// What was under way when the database was copied is not taken up: it was of another machine.
static gboolean
end_jobs(YdStore *store, GError **error)
{
    const char *const live[] = {"queued", "running", NULL};
    const YdCondition condition = {"state", "=", live};
    const YdQuery query = {.conditions = &condition, .n_conditions = 1};
    g_autoptr(YdPage) page = yd_store_list(store, &yd_job_type, &query, error);
    for (guint i = 0; page && i < page->records->len; i++) {
        YdJob *job = page->records->pdata[i];
        yd_set_string(&job->state, "failed");
        yd_set_string(&job->error_code, yd_error_code_name(YD_ERROR_CANCELLED));
        yd_set_string(&job->error, "it was under way when the backup was made that this came from");
        job->ended = yd_now_ms();
        if (!yd_store_update(store, &yd_job_type, job, error))
            return FALSE;
    }
    return page != NULL;
}

// The backup that this came from was being made when the database was copied.
static void
settle_making(YdBackup *backup, const json_t *note)
{
    gboolean own = g_strcmp0(backup->id, json_string_value(json_object_get(note, "backup"))) == 0;
    if (strcmp(backup->state, "making") != 0)
        return;
    yd_set_string(&backup->state, own ? "ready" : "failed");
    yd_set_string(&backup->error, own ? NULL : "it was cut off");
    backup->ended = yd_now_ms();
    if (!own)
        return;
    yd_set_string(&backup->checksum, json_string_value(json_object_get(note, "checksum")));
    backup->taken = backup->created;
}

// No moment is inside an image any more: the next backups are full ones.
static gboolean
forget_moments(YdStore *store, const json_t *note, GError **error)
{
    const YdQuery query = {0};
    g_autoptr(YdPage) page = yd_store_list(store, &yd_backup_type, &query, error);
    for (guint i = 0; page && i < page->records->len; i++) {
        YdBackup *backup = page->records->pdata[i];
        if (!backup->point && strcmp(backup->state, "making") != 0)
            continue;
        backup->point = FALSE;
        settle_making(backup, note);
        if (!yd_store_update(store, &yd_backup_type, backup, error))
            return FALSE;
    }
    return page != NULL;
}

// Why a desktop's disk is not here; NULL: it is.
static const char *
lost(const json_t *note, const char *id)
{
    static const char *const lists[] = {"failed", "missing"};
    for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
        const json_t *list = json_object_get(note, lists[i]), *what;
        size_t at;
        json_array_foreach(list, at, what)
        {
            const char *error = json_string_value(json_object_get(what, "error"));
            if (g_strcmp0(json_string_value(json_object_get(what, "object_id")), id) == 0)
                return error ? error
                             : "its disk was in no backup; rebuild the desktop (its personal disk, "
                               "if it has one, stays)";
        }
    }
    return NULL;
}

static gboolean
mark_desktops(YdStore *store, const json_t *note, GError **error)
{
    const YdQuery query = {0};
    g_autoptr(YdPage) page = yd_store_list(store, &yd_desktop_type, &query, error);
    for (guint i = 0; page && i < page->records->len; i++) {
        YdDesktop *desktop = page->records->pdata[i];
        const char *why = lost(note, desktop->id);
        if (desktop->ram_image)
            yd_set_string(&desktop->ram_image, NULL);
        // What was never used is made anew at its start.
        yd_set_string(&desktop->state,
                      why && desktop->prepared ? YD_DESKTOP_FAILED : YD_DESKTOP_OFF);
        yd_set_string(&desktop->wanted, "off");
        yd_set_string(&desktop->error, why && desktop->prepared ? why : NULL);
        if (!yd_store_update(store, &yd_desktop_type, desktop, error))
            return FALSE;
    }
    return page != NULL;
}

static gboolean
mark_versions(YdStore *store, GError **error)
{
    const YdQuery query = {0};
    g_autoptr(YdPage) page = yd_store_list(store, &yd_template_version_type, &query, error);
    for (guint i = 0; page && i < page->records->len; i++) {
        YdTemplateVersion *version = page->records->pdata[i];
        if (!version->ram_image)
            continue;
        yd_set_string(&version->ram_image, NULL);
        if (!yd_store_update(store, &yd_template_version_type, version, error))
            return FALSE;
    }
    return page != NULL;
}

gboolean
yd_backup_settle(YdService *service, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autofree char *path =
        g_build_filename(yd_service_config(service)->state_dir, "restored.json", NULL);
    g_autofree char *text = NULL;
    if (!store || !g_file_get_contents(path, &text, NULL, NULL))
        return store != NULL;
    g_autoptr(json_t) note = yd_json_parse_object(text, error);
    g_autoptr(YdStoreTx) tx = note ? yd_store_tx(store, error) : NULL;
    if (!tx || !forget_points(store, error) || !end_jobs(store, error) ||
        !forget_moments(store, note, error) || !mark_desktops(store, note, error) ||
        !mark_versions(store, error) ||
        !yd_service_audit(service, &yd_actor_system, "backup.return", "backup",
                          json_string_value(json_object_get(note, "backup")), "yundesk", NULL,
                          error) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    g_message("everything was put back from %s",
              json_string_value(json_object_get(note, "backup")));
    if (unlink(path) != 0 && errno != ENOENT)
        g_warning("cannot remove '%s': %s, ignoring", path, g_strerror(errno));
    return TRUE;
}
