// SPDX-License-Identifier: Apache-2.0
// Templates and their versions as people ask for them. The copying is template-job.c, uploads are
// template-upload.c.

#include "service/template.h"
#include "base/json-util.h"
#include "service/change.h"
#include "service/check.h"
#include "service/jobs.h"
#include "service/rollout.h"
#include "service/template-upload.h"
#include "service/template-users.h"
#include "service/template-version.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NOTES_MAX 2000

// ---- templates ----

static gboolean
check_template(YdStore *store, YdTemplate *record, GError **error)
{
    static const char *const systems[] = {"linux", "windows", "other", NULL};
    static const char *const firmwares[] = {"bios", "uefi", NULL};
    static const char *const ways[] = {"rdp", "spice", NULL};

    return yd_check_text("name", &record->name, TRUE, 64, FALSE, error) &&
           yd_check_text("description", &record->description, FALSE, 2000, TRUE, error) &&
           yd_check_choice("os", record->os, systems, error) &&
           yd_check_choice("firmware", record->firmware, firmwares, error) &&
           yd_check_choice("access", record->access, ways, error) &&
           yd_check_unique(store, &yd_template_type, "name", record->name, record->id, error);
}

static void
set_default(char **value, const char *text)
{
    if (!*value)
        *value = g_strdup(text);
}

gboolean
yd_template_create(YdService *service, const YdActor *actor, YdTemplate *record, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdTemplate) made = yd_change_given(&yd_template_type, record);
    g_autofree char *details = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    set_default(&made->os, "linux");
    set_default(&made->firmware, "bios");
    set_default(&made->access, "rdp");
    if (!store || !yd_service_allowed(actor, YD_RIGHT_TEMPLATES_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) || !check_template(store, made, error) ||
        !yd_store_insert(store, &yd_template_type, made, error))
        return FALSE;
    details = yd_change_made(&yd_template_type, made);
    if (!yd_service_audit(service, actor, "template.create", "template", made->id, made->name,
                          details, error) ||
        !yd_store_tx_commit(&tx, error) || !yd_change_reload(store, &yd_template_type, made, error))
        return FALSE;
    yd_change_assign(&yd_template_type, record, made);
    return TRUE;
}

gboolean
yd_template_update(YdService *service, const YdActor *actor, YdTemplate *record, gint64 version,
                   GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdTemplate) before = NULL;
    g_autoptr(YdTemplate) after = NULL;
    g_autofree char *details = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_TEMPLATES_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(before = yd_store_get(store, &yd_template_type, record->id, error)) ||
        !yd_change_check_version(&yd_template_type, before, record, version, error))
        return FALSE;
    after = yd_template_copy(before);
    details = yd_change_apply(&yd_template_type, after, record);
    if (!check_template(store, after, error))
        return FALSE;
    if (before->versions > 0 && g_strcmp0(before->os, after->os) != 0)
        return yd_error_invalid(error, "os", "can't be changed once there is a version");
    if (details && (!yd_store_update(store, &yd_template_type, after, error) ||
                    !yd_service_audit(service, actor, "template.change", "template", after->id,
                                      after->name, details, error)))
        return FALSE;
    if (!yd_store_tx_commit(&tx, error) ||
        !yd_change_reload(store, &yd_template_type, after, error))
        return FALSE;
    yd_change_assign(&yd_template_type, record, after);
    return TRUE;
}

gboolean
yd_template_delete(YdService *service, const YdActor *actor, const char *template_id,
                   gint64 version, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdTemplate) record = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_TEMPLATES_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(record = yd_store_get(store, &yd_template_type, template_id, error)) ||
        !yd_change_check_version(&yd_template_type, record, record, version, error))
        return FALSE;
    if (record->versions > 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_IN_USE,
                    "template “%s” still has %" G_GINT64_FORMAT " version(s); delete them first",
                    record->name, record->versions);
        return FALSE;
    }
    if (record->workbench_id) {
        g_set_error(error, YD_ERROR, YD_ERROR_IN_USE,
                    "template “%s” has a workbench; publish or discard that first", record->name);
        return FALSE;
    }
    return yd_store_delete(store, &yd_template_type, template_id, 0, error) &&
           yd_service_audit(service, actor, "template.delete", "template", template_id,
                            record->name, NULL, error) &&
           yd_store_tx_commit(&tx, error);
}

// ---- where an import may come from ----

static gboolean
is_below(const char *path, const char *directory)
{
    char real[PATH_MAX];
    gsize length;

    if (!realpath(directory, real))
        return FALSE;
    length = strlen(real);
    return g_str_has_prefix(path, real) && (path[length] == '/' || g_str_equal(real, "/"));
}

// The real path of a regular file below one of the import directories; owned.
static char *
resolve_path(YdService *service, const char *path, GError **error)
{
    char *const *directories = yd_service_config(service)->import_dirs;
    g_autofree char *quoted = yd_check_quote(path);
    char real[PATH_MAX];
    struct stat info;

    if (*path != '/' || strlen(path) >= PATH_MAX || !g_utf8_validate(path, -1, NULL)) {
        yd_error_invalid(error, "path", "%s is not an absolute path", quoted);
        return NULL;
    }
    if (!realpath(path, real) || stat(real, &info) != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "path: %s: %s", quoted, g_strerror(errno));
        return NULL;
    }
    for (gsize i = 0; directories && directories[i]; i++) {
        if (!is_below(real, directories[i]))
            continue;
        if (S_ISREG(info.st_mode))
            return g_strdup(real);
        yd_error_invalid(error, "path", "%s is not a regular file", quoted);
        return NULL;
    }
    g_autofree char *allowed = directories ? g_strjoinv(", ", (char **)directories) : NULL;
    yd_error_invalid(error, "path", "%s lies below none of import_dirs (%s)", quoted,
                     allowed && *allowed ? allowed : "none is configured");
    return NULL;
}

// {"path":…} or {"path":…,"upload":token}
static json_t *
resolve_source(YdService *service, const char *source, GError **error)
{
    g_autofree char *path = NULL;

    if (!source || !*source) {
        yd_error_invalid(error, "path", "is missing");
        return NULL;
    }
    if (g_str_has_prefix(source, "upl-")) {
        path = yd_upload_path(service, source, error);
        return path ? json_pack("{s:s, s:s}", "path", path, "upload", source) : NULL;
    }
    path = resolve_path(service, source, error);
    return path ? json_pack("{s:s}", "path", path) : NULL;
}

// ---- versions ----

static gboolean
next_number(YdStore *store, const char *template_id, gint64 *ret_number, GError **error)
{
    g_autoptr(GPtrArray) versions =
        yd_store_all(store, &yd_template_version_type, "template_id", template_id, error);
    gint64 highest = 0;

    for (guint i = 0; versions && i < versions->len; i++)
        highest = MAX(highest, ((YdTemplateVersion *)versions->pdata[i])->number);
    *ret_number = highest + 1;
    return versions != NULL;
}

YdTemplateVersion *
yd_template_version_next(YdStore *store, const char *template_id, const char *notes, GError **error)
{
    g_autoptr(YdTemplateVersion) version = yd_template_version_new();

    version->id = yd_id_new(yd_template_version_type.prefix);
    version->template_id = g_strdup(template_id);
    version->notes = g_strdup(notes);
    version->state = g_strdup("importing");
    version->depth = 1;
    version->image = g_strdup_printf("tplv-%s.qcow2", strchr(version->id, '-') + 1);
    if (!yd_check_text("notes", &version->notes, FALSE, NOTES_MAX, TRUE, error) ||
        !next_number(store, template_id, &version->number, error))
        return NULL;
    return g_steal_pointer(&version);
}

static char *
version_title(const YdTemplateVersion *version)
{
    return g_strdup_printf("%s %" G_GINT64_FORMAT, version->template_name, version->number);
}

static gboolean
set_author(YdTemplateVersion *version, const YdActor *actor)
{
    yd_set_string(&version->author, actor->username);
    return TRUE;
}

gboolean
yd_template_import(YdService *service, const YdActor *actor, const char *template_id,
                   const char *source, const char *notes, YdTemplateVersion **ret_version,
                   YdJob **ret_job, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdTemplateVersion) version = NULL;
    g_autoptr(YdJob) job = NULL;
    g_autoptr(json_t) args = NULL;
    g_autofree char *details = NULL;
    g_autofree char *title = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_TEMPLATES_WRITE, error) ||
        !yd_store_visible(store, &yd_template_type, template_id, NULL, NULL, error) ||
        !(args = resolve_source(service, source, error)) || !(tx = yd_store_tx(store, error)) ||
        !(version = yd_template_version_next(store, template_id, notes, error)) ||
        !set_author(version, actor) ||
        !yd_store_insert(store, &yd_template_version_type, version, error) ||
        !yd_change_reload(store, &yd_template_version_type, version, error))
        return FALSE;
    details = yd_change_note("source", source);
    title = version_title(version);
    if (!yd_service_audit(service, actor, "template.import", "template-version", version->id, title,
                          details, error) ||
        !(job = yd_job_submit(service, actor, "template-import", version->id, title, args, NULL,
                              error)) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    if (ret_version)
        *ret_version = g_steal_pointer(&version);
    if (ret_job)
        *ret_job = g_steal_pointer(&job);
    return TRUE;
}

gboolean
yd_template_version_update(YdService *service, const YdActor *actor, YdTemplateVersion *record,
                           gint64 version, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdTemplateVersion) after = NULL;
    g_autofree char *details = NULL;
    g_autofree char *title = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_TEMPLATES_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(after = yd_store_get(store, &yd_template_version_type, record->id, error)) ||
        !yd_change_check_version(&yd_template_version_type, after, record, version, error))
        return FALSE;
    details = yd_change_apply(&yd_template_version_type, after, record);
    title = version_title(after);
    if (!yd_check_text("notes", &after->notes, FALSE, NOTES_MAX, TRUE, error))
        return FALSE;
    if (details && (!yd_store_update(store, &yd_template_version_type, after, error) ||
                    !yd_service_audit(service, actor, "template.version.change", "template-version",
                                      after->id, title, details, error)))
        return FALSE;
    if (!yd_store_tx_commit(&tx, error))
        return FALSE;
    yd_change_assign(&yd_template_version_type, record, after);
    return TRUE;
}

static gboolean
check_version_unused(YdStore *store, const YdTemplateVersion *version, GError **error)
{
    if (g_strcmp0(version->state, "importing") != 0 && g_strcmp0(version->state, "checking") != 0)
        return yd_template_version_unused(store, version, error) &&
               yd_rollout_check_version(store, version, error);
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "version %" G_GINT64_FORMAT " of “%s” is being %s; cancel the job first",
                version->number, version->template_name,
                g_strcmp0(version->state, "checking") == 0 ? "checked" : "imported");
    return FALSE;
}

gboolean
yd_template_version_delete(YdService *service, const YdActor *actor, const char *version_id,
                           gint64 version, YdJob **ret_job, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdTemplateVersion) record = NULL;
    g_autofree char *title = NULL;
    g_autoptr(YdJob) job = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_TEMPLATES_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(record = yd_store_get(store, &yd_template_version_type, version_id, error)) ||
        !yd_change_check_version(&yd_template_version_type, record, record, version, error) ||
        !check_version_unused(store, record, error))
        return FALSE;
    title = version_title(record);
    // From now on no pool takes it.
    yd_set_string(&record->state, "deleting");
    if (!yd_store_update(store, &yd_template_version_type, record, error) ||
        !yd_service_audit(service, actor, "template.version.delete", "template-version", version_id,
                          title, NULL, error) ||
        !(job = yd_job_submit(service, actor, "template-version-delete", version_id, title, NULL,
                              NULL, error)) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    if (ret_job)
        *ret_job = g_steal_pointer(&job);
    return TRUE;
}
