// SPDX-License-Identifier: Apache-2.0
// Importing a template version (inspect, copy, seal) and removing one. Copying that was cut off is
// begun anew; a failed or cancelled import leaves a row that says why and no file.

#include "service/template-job.h"
#include "base/id.h"
#include "base/json-util.h"
#include "service/ram-image.h"
#include "service/template.h"
#include "service/template-image.h"
#include "service/template-version.h"

static gboolean
source_of(YdJobRun *run, const char **ret_path, GError **error)
{
    *ret_path = NULL;
    if (!yd_json_string(yd_job_run_args(run), "path", ret_path, error))
        return FALSE;
    if (*ret_path)
        return TRUE;
    g_set_error_literal(error, YD_ERROR, YD_ERROR_INTERNAL, "the job has no path");
    return FALSE;
}

static YdStorage *
storage_of(YdJobRun *run)
{
    return yd_service_storage(yd_job_run_service(run));
}

static void
drop_upload(YdJobRun *run)
{
    const char *token = NULL;

    if (yd_json_string(yd_job_run_args(run), "upload", &token, NULL) && token)
        yd_upload_drop(yd_job_run_service(run), token);
}

// ---- template-import ----

static gboolean
check_space(YdJobRun *run, const YdImageInfo *info, GError **error)
{
    gint64 all = 0, free_bytes = 0;

    if (!yd_storage_space(storage_of(run), &all, &free_bytes, error))
        return FALSE;
    if (free_bytes > info->size_bytes)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_NO_SPACE,
                "the image takes %" G_GINT64_FORMAT " bytes, %" G_GINT64_FORMAT
                " are free where images lie",
                info->size_bytes, free_bytes);
    return FALSE;
}

static gboolean
import_inspect(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdTemplateVersion) version = NULL;
    g_autoptr(YdImageInfo) info = NULL;
    g_autoptr(YdStoreTx) tx = NULL;
    const char *path;

    if (!source_of(run, &path, error) ||
        !(info = yd_storage_inspect(storage_of(run), path, error)) ||
        !check_space(run, info, error) || !(tx = yd_store_tx(store, error)) ||
        !(version = yd_template_version_of(run, error)))
        return FALSE;
    yd_set_string(&version->format, info->format);
    version->virtual_bytes = info->virtual_bytes;
    return yd_store_update(store, &yd_template_version_type, version, error) &&
           yd_store_tx_commit(&tx, error);
}

static void
note_facts(YdJobRun *run, const YdImageInfo *info)
{
    json_t *result = yd_job_run_result(run);

    json_object_set_new(result, "checksum", json_string(info->checksum));
    json_object_set_new(result, "size_bytes", json_integer(info->size_bytes));
    json_object_set_new(result, "virtual_bytes", json_integer(info->virtual_bytes));
}

static gboolean
import_copy(YdJobRun *run, GError **error)
{
    g_autoptr(YdTemplateVersion) version = yd_template_version_of(run, error);
    g_autoptr(YdImageInfo) info = NULL;
    const char *path;

    if (!version || !source_of(run, &path, error) ||
        !(info = yd_storage_import(storage_of(run), path, version->image, yd_job_run_on_progress,
                                   run, error)))
        return FALSE;
    note_facts(run, info);
    return TRUE;
}

static gboolean
import_copy_undo(YdJobRun *run, GError **error)
{
    g_autoptr(YdTemplateVersion) version = yd_template_version_of(run, error);

    return version &&
           (!version->image || yd_storage_delete(storage_of(run), version->image, error));
}

// What the copy found out, or (when a restart lost it) what a second look does.
static gboolean
seal_facts(YdJobRun *run, const char *image, GError **error)
{
    json_t *result = yd_job_run_result(run);
    g_autoptr(YdImageInfo) info = NULL;

    if (json_object_get(result, "checksum"))
        return TRUE;
    info = yd_storage_verify(storage_of(run), image, yd_job_run_on_progress, run, error);
    if (!info)
        return FALSE;
    note_facts(run, info);
    return TRUE;
}

// What the file is now: compared at each start of a desktop.
static gboolean
note_file(YdJobRun *run, const YdTemplateVersion *version, GError **error)
{
    const json_t *checksum = json_object_get(yd_job_run_result(run), "checksum");
    g_autoptr(GPtrArray) chain =
        yd_template_image_look(yd_job_run_service(run), version->image, error);
    return chain && yd_template_image_note(yd_job_run_store(run), version, chain,
                                           json_string_value(checksum), error);
}

YdTemplateVersion *
yd_template_version_of(YdJobRun *run, GError **error)
{
    return yd_store_get(yd_job_run_store(run), &yd_template_version_type, yd_job_run_object(run),
                        error);
}

gboolean
yd_template_version_check_ready(const YdTemplateVersion *version, GError **error)
{
    if (g_strcmp0(version->state, "ready") == 0)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "version %" G_GINT64_FORMAT " of “%s” is in state “%s”, not “ready”",
                version->number, version->template_name, version->state);
    return FALSE;
}

gboolean
yd_template_version_ready(YdStore *store, const char *version_id, const json_t *result,
                          GError **error)
{
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdTemplateVersion) version =
        tx ? yd_store_get(store, &yd_template_version_type, version_id, error) : NULL;

    if (!version)
        return FALSE;
    yd_set_string(&version->checksum, json_string_value(json_object_get(result, "checksum")));
    version->size_bytes = json_integer_value(json_object_get(result, "size_bytes"));
    version->virtual_bytes = json_integer_value(json_object_get(result, "virtual_bytes"));
    yd_set_string(&version->state, "ready");
    yd_set_string(&version->error, NULL);
    return yd_store_update(store, &yd_template_version_type, version, error) &&
           yd_store_tx_commit(&tx, error);
}

static gboolean
import_seal(YdJobRun *run, GError **error)
{
    g_autoptr(YdTemplateVersion) version = yd_template_version_of(run, error);

    if (!version)
        return FALSE;
    if (g_strcmp0(version->state, "ready") != 0 &&
        (!seal_facts(run, version->image, error) || !note_file(run, version, error) ||
         !yd_template_version_ready(yd_job_run_store(run), version->id, yd_job_run_result(run),
                                    error)))
        return FALSE;
    drop_upload(run);
    return TRUE;
}

static void
version_failed(YdJobRun *run, const char *message, gboolean no_file)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdTemplateVersion) version = yd_template_version_of(run, &error);

    if (version) {
        yd_set_string(&version->state, "failed");
        yd_set_string(&version->error, message);
        if (no_file)
            yd_set_string(&version->image, NULL);
        yd_store_update(yd_job_run_store(run), &yd_template_version_type, version, &error);
    }
    if (error)
        g_debug("template version %s: %s, ignoring", yd_job_run_object(run), error->message);
}

static void
import_failed(YdJobRun *run, const GError *why)
{
    version_failed(run, why->message, TRUE);
    drop_upload(run);
}

static const YdJobStep import_steps[] = {
    {.name = "inspect", .run = import_inspect},
    {.name = "copy", .run = import_copy, .undo = import_copy_undo, .weight = 97},
    {.name = "seal", .run = import_seal},
};

const YdJobKind yd_job_kind_template_import = {
    .kind = "template-import",
    .object_kind = "template-version",
    .cancellable = TRUE,
    .steps = import_steps,
    .n_steps = G_N_ELEMENTS(import_steps),
    .failed = import_failed,
};

// ---- template-version-delete ----

static gboolean
is_gone(const GError *why)
{
    return g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND);
}

// A file that another version is built on stays until nothing is; the reconciler removes it then.
static gboolean
drop_file(YdJobRun *run, const char *image, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(GError) why = NULL;

    if (yd_storage_delete(storage_of(run), image, &why))
        return yd_store_delete_sealed_image(store, image, error);
    g_autoptr(YdSealedImage) row = yd_store_sealed_image(store, image, NULL);
    if (!row || !g_error_matches(why, YD_ERROR, YD_ERROR_IN_USE)) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    json_object_set_new(yd_job_run_result(run), "kept", json_string(why->message));
    return TRUE;
}

static gboolean
delete_file(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(GError) why = NULL;
    g_autoptr(YdTemplateVersion) version = yd_template_version_of(run, &why);
    g_autoptr(GPtrArray) rows = NULL;

    if (!version && is_gone(why))
        return TRUE;
    if (!version) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    // A RAM image lies on the version's.
    if (!yd_ram_sweep(yd_job_run_service(run), version->id, NULL, error) ||
        !yd_store_retire_images(store, version->id, yd_now_ms(), error) ||
        (version->image && !drop_file(run, version->image, error)) ||
        !(rows = yd_store_sealed_images(store, error)))
        return FALSE;
    for (guint i = 0; i < rows->len; i++) {
        const YdSealedImage *row = rows->pdata[i];
        if (g_strcmp0(row->version_id, version->id) == 0 && !drop_file(run, row->image, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
delete_row(YdJobRun *run, GError **error)
{
    g_autoptr(GError) why = NULL;

    if (yd_store_delete(yd_job_run_store(run), &yd_template_version_type, yd_job_run_object(run), 0,
                        &why) ||
        is_gone(why))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&why));
    return FALSE;
}

static void
delete_failed(YdJobRun *run, const GError *why)
{
    g_autofree char *message = g_strdup_printf("could not be deleted: %s", why->message);

    version_failed(run, message, FALSE);
}

static const YdJobStep delete_steps[] = {
    {.name = "file", .run = delete_file},
    {.name = "row", .run = delete_row},
};

const YdJobKind yd_job_kind_template_version_delete = {
    .kind = "template-version-delete",
    .object_kind = "template-version",
    .steps = delete_steps,
    .n_steps = G_N_ELEMENTS(delete_steps),
    .failed = delete_failed,
};
