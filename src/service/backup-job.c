// SPDX-License-Identifier: Apache-2.0
// The jobs of backups themselves: making, reading again, deleting. The folder's verbs begin anew
// when they are asked again, so each step may be repeated.
#include <string.h>

#include "base/id.h"
#include "base/json-util.h"
#include "service/backup-private.h"
#include "storage/backup.h"

#define BUSY_MS 5000

static gboolean
is(const char *text, const char *word)
{
    return g_strcmp0(text, word) == 0;
}

static YdBackup *
load(YdJobRun *run, GError **error)
{
    return yd_store_get(yd_job_run_store(run), &yd_backup_type, yd_job_run_object(run), error);
}

// Others use the folder: the step is run again.
static gboolean
busy(YdJobRun *run, GError **why, GError **error)
{
    if (!g_error_matches(*why, YD_ERROR, YD_ERROR_IN_USE)) {
        g_propagate_error(error, g_steal_pointer(why));
        return FALSE;
    }
    g_clear_error(why);
    yd_job_run_again(run, BUSY_MS);
    return TRUE;
}

// --- backup-make ---

static gboolean
make_moment(YdJobRun *run, GError **error)
{
    g_autoptr(YdBackup) backup = load(run, error);
    if (!backup)
        return FALSE;
    return is(backup->what, "product") ? yd_backup_stage(run, backup, error)
                                       : yd_backup_take_moment(run, backup, error);
}

static gboolean
undo_moment(YdJobRun *run, GError **error)
{
    g_autoptr(YdBackup) backup = load(run, error);
    if (!backup)
        return FALSE;
    yd_backup_unstage(yd_job_run_service(run), backup->id);
    if (!backup->point)
        return TRUE;
    YdStore *store = yd_job_run_store(run);
    yd_set_string(&backup->state, "failed"); // so that its moment is not needed
    return yd_store_update(store, &yd_backup_type, backup, error) &&
           yd_backup_drop_moments(run, backup, error);
}

// What was found out, in the row.
static gboolean
note(YdJobRun *run, const json_t *facts, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdBackup) backup = tx ? load(run, error) : NULL;
    if (!backup)
        return FALSE;
    gboolean full = !json_is_false(json_object_get(facts, "full"));
    yd_set_string(&backup->kind, full ? "full" : "incremental");
    if (full)
        yd_set_string(&backup->previous_id, NULL);
    yd_set_string(&backup->base, json_string_value(json_object_get(facts, "base")));
    yd_set_string(&backup->checksum, json_string_value(json_object_get(facts, "checksum")));
    backup->bytes = json_integer_value(json_object_get(facts, "bytes"));
    backup->held_bytes = json_integer_value(json_object_get(facts, "held_bytes"));
    backup->stored_bytes = json_integer_value(json_object_get(facts, "stored_bytes"));
    if (is(backup->what, "product"))
        backup->held_bytes = backup->stored_bytes = backup->bytes;
    if (!backup->taken)
        backup->taken = yd_now_ms();
    return yd_store_update(store, &yd_backup_type, backup, error) && yd_store_tx_commit(&tx, error);
}

static json_t *
copy_disk(YdJobRun *run, YdBackup *backup, gboolean known, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    GError *local = NULL;
    g_autoptr(YdBackup) previous = yd_backup_newest(store, backup, TRUE, &local);
    if (local) {
        g_propagate_error(error, local);
        return NULL;
    }
    g_autoptr(json_t) about = json_pack(
        "{s:s, s:s*, s:s*, s:s*, s:I}", "what", backup->what, "object_id", backup->object_id,
        "name", backup->object_name, "pool", backup->pool_name, "taken", (json_int_t)backup->taken);
    const YdBackupDisk what = {.id = backup->id,
                               .image = backup->image,
                               .point = backup->id,
                               .previous = previous ? previous->id : NULL,
                               .about = about,
                               .known = known};
    if (previous) {
        yd_set_string(&backup->previous_id, previous->id);
        if (!yd_store_update(store, &yd_backup_type, backup, error))
            return NULL;
    }
    return yd_backup_disk(yd_service_storage(yd_job_run_service(run)), &what,
                          yd_job_run_on_progress, run, error);
}

static gboolean
make_copy(YdJobRun *run, GError **error)
{
    YdStorage *storage = yd_service_storage(yd_job_run_service(run));
    gboolean known = FALSE;
    GError *why = NULL;
    g_autoptr(YdBackup) backup = load(run, error);
    g_autoptr(json_t) facts = NULL;
    if (!backup || !yd_backup_any(yd_job_run_store(run), &known, error))
        return FALSE;
    if (!is(backup->what, "product"))
        facts = copy_disk(run, backup, known, &why);
    else if (yd_backup_copy_images(run, known, &why))
        facts = yd_backup_product(storage, backup->id, known, &why);
    return facts ? note(run, facts, error) : busy(run, &why, error);
}

// A folder that is away now has at most a list that goes with the row, later.
static gboolean
undo_copy(YdJobRun *run, GError **error)
{
    GError *why = NULL;
    if (yd_backup_drop(yd_service_storage(yd_job_run_service(run)), yd_job_run_object(run), &why))
        return TRUE;
    gboolean away = g_error_matches(why, YD_ERROR, YD_ERROR_UNAVAILABLE) ||
                    g_error_matches(why, YD_ERROR, YD_ERROR_IN_USE);
    if (away)
        g_error_free(why);
    else
        g_propagate_error(error, why);
    return away;
}

// What the disk is built on, once; of the product's, again: a sweep may have come between.
static gboolean
make_base(YdJobRun *run, GError **error)
{
    YdStorage *storage = yd_service_storage(yd_job_run_service(run));
    GError *why = NULL;
    g_autoptr(YdBackup) backup = load(run, error);
    if (!backup)
        return FALSE;
    if (is(backup->what, "product"))
        return yd_backup_copy_images(run, TRUE, &why) || busy(run, &why, error);
    if (!backup->base)
        return TRUE;
    g_autoptr(GPtrArray) chain = yd_storage_chain(storage, backup->base, error);
    for (guint i = 0; chain && i < chain->len; i++) {
        const YdImageFacts *facts = chain->pdata[i];
        g_autoptr(json_t) done =
            yd_backup_image(storage, facts->image, TRUE, yd_job_run_on_progress, run, &why);
        if (!done)
            return busy(run, &why, error);
    }
    return chain != NULL;
}

static gboolean
make_finish(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdBackup) backup = tx ? load(run, error) : NULL;
    if (!backup)
        return FALSE;
    yd_set_string(&backup->state, "ready");
    backup->ended = yd_now_ms();
    if (!yd_store_update(store, &yd_backup_type, backup, error) || !yd_store_tx_commit(&tx, error))
        return FALSE;
    yd_backup_unstage(yd_job_run_service(run), backup->id);
    return is(backup->what, "product") || yd_backup_drop_moments(run, backup, error);
}

// A backup that is ready stays so: only old moments were still to go, and the next night sees them.
static void
make_failed(YdJobRun *run, const GError *why)
{
    g_autoptr(GError) error = NULL;
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdBackup) backup = store ? load(run, &error) : NULL;
    if (!backup || is(backup->state, "ready"))
        return;
    yd_set_string(&backup->state, "failed");
    yd_set_string(&backup->error, why->message);
    backup->ended = yd_now_ms();
    if (!yd_store_update(store, &yd_backup_type, backup, &error))
        g_warning("backup %s: %s, ignoring", backup->id, error->message);
}

static const YdJobStep make_steps[] = {
    {"moment", make_moment, undo_moment, FALSE, 1},
    {"copy", make_copy, undo_copy, FALSE, 20},
    {"base", make_base, NULL, FALSE, 5},
    {"finish", make_finish, NULL, FALSE, 1},
};

const YdJobKind yd_job_kind_backup_make = {
    "backup-make", "backup", TRUE, make_steps, G_N_ELEMENTS(make_steps), make_failed};

// --- backup-verify ---

static gboolean
verify_read(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    GError *why = NULL;
    g_autoptr(YdBackup) backup = load(run, error);
    if (!backup)
        return FALSE;
    gboolean good = yd_backup_verify(yd_service_storage(yd_job_run_service(run)), backup->id,
                                     backup->checksum, yd_job_run_on_progress, run, &why);
    gboolean damaged = g_error_matches(why, YD_ERROR, YD_ERROR_INVALID) ||
                       g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND);
    if (!good && !damaged)
        return busy(run, &why, error);
    yd_set_string(&backup->state, good ? "ready" : "damaged");
    yd_set_string(&backup->error, good ? NULL : why->message);
    backup->verified = yd_now_ms();
    if (!yd_store_update(store, &yd_backup_type, backup, good ? error : NULL) && good)
        return FALSE;
    if (why)
        g_propagate_error(error, why);
    return good;
}

static const YdJobStep verify_steps[] = {
    {"read", verify_read, NULL, FALSE, 1},
};

const YdJobKind yd_job_kind_backup_verify = {
    "backup-verify", "backup", TRUE, verify_steps, G_N_ELEMENTS(verify_steps), NULL};

// --- backup-delete ---

static gboolean
delete_moment(YdJobRun *run, GError **error)
{
    g_autoptr(YdBackup) backup = load(run, error);
    return backup && (!backup->point || yd_backup_drop_moments(run, backup, error));
}

// Its moment goes by a job of its desktop, which needs the row.
static gboolean
delete_wait(YdJobRun *run, GError **error)
{
    g_autoptr(YdBackup) backup = load(run, error);
    if (!backup)
        return FALSE;
    if (backup->point && yd_job_run_step_ms(run) < 60 * 1000)
        yd_job_run_again(run, 500);
    return TRUE;
}

// One that never came to be has nothing in a folder that is away.
static gboolean
delete_drop(YdJobRun *run, GError **error)
{
    GError *why = NULL;
    g_autoptr(YdBackup) backup = load(run, error);
    if (!backup)
        return FALSE;
    if (yd_backup_drop(yd_service_storage(yd_job_run_service(run)), backup->id, &why))
        return TRUE;
    if (backup->checksum || !g_error_matches(why, YD_ERROR, YD_ERROR_UNAVAILABLE))
        return busy(run, &why, error);
    g_error_free(why);
    return TRUE;
}

static gboolean
delete_row(YdJobRun *run, GError **error)
{
    g_autoptr(GError) gone = NULL;
    if (yd_store_delete(yd_job_run_store(run), &yd_backup_type, yd_job_run_object(run), 0, &gone) ||
        g_error_matches(gone, YD_ERROR, YD_ERROR_NOT_FOUND))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&gone));
    return FALSE;
}

// What only it needed. Others at work in the folder do it when they end: no failure.
static gboolean
delete_sweep(YdJobRun *run, GError **error)
{
    GError *why = NULL;
    g_autoptr(json_t) done = yd_backup_sweep(yd_service_storage(yd_job_run_service(run)), &why);
    if (g_error_matches(why, YD_ERROR, YD_ERROR_UNAVAILABLE)) {
        g_error_free(why); // the next deletion does it
        return TRUE;
    }
    if (!done)
        return busy(run, &why, error);
    json_object_update(yd_job_run_result(run), done);
    return TRUE;
}

static void
delete_failed(YdJobRun *run, const GError *why)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdBackup) backup = store ? load(run, NULL) : NULL;
    if (!backup)
        return;
    yd_set_string(&backup->error, why->message);
    yd_store_update(store, &yd_backup_type, backup, NULL);
}

static const YdJobStep delete_steps[] = {
    {"moment", delete_moment, NULL, FALSE, 1}, {"wait", delete_wait, NULL, FALSE, 1},
    {"drop", delete_drop, NULL, FALSE, 1},     {"row", delete_row, NULL, FALSE, 1},
    {"sweep", delete_sweep, NULL, FALSE, 4},
};

const YdJobKind yd_job_kind_backup_delete = {
    "backup-delete", "backup", FALSE, delete_steps, G_N_ELEMENTS(delete_steps), delete_failed};
