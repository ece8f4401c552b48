// SPDX-License-Identifier: Apache-2.0
// What all nouns have in common: list, get, create, change, delete, by the table of their verbs.
#include "api/resource.h"

#include <string.h>

#include "api/handlers.h"
#include "api/query.h"
#include "model/record-json.h"
#include "service/department.h"
#include "service/host.h"
#include "service/media.h"
#include "service/personal-disk.h"
#include "service/pool.h"
#include "service/template.h"
#include "service/user.h"

// Typed wrappers, so that no function is called through a pointer of another type.
#define VERBS(noun, create_)                                                                       \
    static gboolean noun##_create(YdService *service, const YdActor *actor, gpointer record,       \
                                  GError **error)                                                  \
    {                                                                                              \
        return create_(service, actor, record, error);                                             \
    }                                                                                              \
    static gboolean noun##_update(YdService *service, const YdActor *actor, gpointer record,       \
                                  gint64 version, GError **error)                                  \
    {                                                                                              \
        return yd_##noun##_update(service, actor, record, version, error);                         \
    }

VERBS(department, yd_department_create)
VERBS(template, yd_template_create)
VERBS(pool, yd_pool_create)
VERBS(host, yd_host_add)

static gboolean
media_create(YdService *service, const YdActor *actor, gpointer record, GError **error)
{
    return yd_media_create(service, actor, record, error);
}

static gboolean
user_update(YdService *service, const YdActor *actor, gpointer record, gint64 version,
            GError **error)
{
    return yd_user_update(service, actor, record, version, error);
}

static gboolean
version_update(YdService *service, const YdActor *actor, gpointer record, gint64 version,
               GError **error)
{
    return yd_template_version_update(service, actor, record, version, error);
}

static const YdResource resources[] = {
    {&yd_user_type, YD_RIGHT_USERS_READ, NULL, user_update, yd_user_delete},
    {&yd_department_type, YD_RIGHT_DEPARTMENTS_READ, department_create, department_update,
     yd_department_delete},
    {&yd_template_type, YD_RIGHT_TEMPLATES_READ, template_create, template_update,
     yd_template_delete},
    {&yd_template_version_type, YD_RIGHT_TEMPLATES_READ, NULL, version_update, NULL},
    {&yd_media_type, YD_RIGHT_TEMPLATES_READ, media_create, NULL, yd_media_delete},
    {&yd_network_type, YD_RIGHT_NETWORKS_READ, NULL, NULL, NULL},
    {&yd_pool_type, YD_RIGHT_POOLS_READ, pool_create, pool_update, yd_pool_delete},
    {&yd_host_type, YD_RIGHT_HOSTS_READ, host_create, host_update, yd_host_remove},
    {&yd_desktop_type, YD_RIGHT_DESKTOPS_READ, NULL, NULL, NULL},
    {&yd_personal_disk_type, YD_RIGHT_DESKTOPS_READ, NULL, NULL, yd_personal_disk_delete},
    {&yd_restore_point_type, YD_RIGHT_DESKTOPS_READ, NULL, NULL, NULL},
    {&yd_backup_type, YD_RIGHT_BACKUPS, NULL, NULL, NULL},
};

const YdResource *
yd_resource(const YdRecordType *type)
{
    for (guint i = 0; i < G_N_ELEMENTS(resources); i++)
        if (resources[i].type == type)
            return &resources[i];
    g_return_val_if_reached(NULL);
}

void
yd_answer_record(YdRequest *request, guint status, const YdRecordType *type, gconstpointer record)
{
    const char *id = yd_record_text(record, yd_record_field(type, "id"));
    const YdField *version = yd_record_field(type, "version");
    yd_request_answer(request, status, yd_record_json(type, record));
    if (version) {
        g_autofree char *tag =
            g_strdup_printf("\"%" G_GINT64_FORMAT "\"", yd_record_int(record, version));
        yd_request_header(request, "ETag", tag);
    }
    if (status == 201) {
        g_autofree char *location = g_strdup_printf("/api/v1/%s/%s", type->plural, id);
        yd_request_header(request, "Location", location);
    }
}

gboolean
yd_answer_fresh(YdRequest *request, guint status, const YdResource *resource, const char *id,
                GError **error)
{
    gpointer record = yd_service_get(request->service, &request->actor, resource->read,
                                     resource->type, id, error);
    if (!record)
        return FALSE;
    yd_answer_record(request, status, resource->type, record);
    yd_record_free(resource->type, record);
    return TRUE;
}

gboolean
yd_answer_job(YdRequest *request, YdJob *job)
{
    if (!job)
        return FALSE;
    yd_answer_record(request, 202, &yd_job_type, job);
    g_autofree char *location = g_strdup_printf("/api/v1/jobs/%s", job->id);
    yd_request_header(request, "Location", location);
    yd_job_free(job);
    return TRUE;
}

gboolean
yd_answer_nothing(YdRequest *request)
{
    yd_request_answer(request, 204, NULL);
    return TRUE;
}

gboolean
yd_handle_list(YdRequest *request, GError **error)
{
    const YdRoute *route = request->route;
    g_autoptr(YdListQuery) list = yd_list_query_new(request, route->type, error);
    if (!list)
        return FALSE;
    if (route->parent) {
        gpointer parent = yd_service_get(request->service, &request->actor, route->right,
                                         route->parent_type, request->params[0], error);
        if (!parent)
            return FALSE;
        yd_record_free(route->parent_type, parent);
        yd_list_query_add(list, route->parent, "=", request->params[0]);
    }
    g_autoptr(YdPage) page = yd_service_list(request->service, &request->actor, route->right,
                                             route->type, &list->query, error);
    if (!page)
        return FALSE;
    yd_answer_page(request, route->type, page);
    return TRUE;
}

gboolean
yd_handle_get(YdRequest *request, GError **error)
{
    const YdRoute *route = request->route;
    gpointer record = yd_service_get(request->service, &request->actor, route->right, route->type,
                                     request->params[0], error);
    if (!record)
        return FALSE;
    yd_answer_record(request, 200, route->type, record);
    yd_record_free(route->type, record);
    return TRUE;
}

gpointer
yd_resource_new(const YdRecordType *type)
{
    gpointer record = yd_record_new(type);
    const YdField *enabled = yd_record_field(type, "enabled");
    if (enabled)
        yd_record_set_int(record, enabled, TRUE);
    return record;
}

gboolean
yd_handle_create(YdRequest *request, GError **error)
{
    const YdResource *resource = yd_resource(request->route->type);
    gpointer record = yd_resource_new(resource->type);
    g_autofree char *id = NULL;
    gboolean done =
        yd_request_need_input(request, error) &&
        yd_record_apply_json(resource->type, record, request->input, TRUE, NULL, error) &&
        resource->create(request->service, &request->actor, record, error);
    if (done)
        id = g_strdup(yd_record_text(record, yd_record_field(resource->type, "id")));
    yd_record_free(resource->type, record);
    return done && yd_answer_fresh(request, 201, resource, id, error);
}

gpointer
yd_resource_changed(YdRequest *request, const YdRecordType *type, GError **error)
{
    if (!yd_request_need_input(request, error))
        return NULL;
    gpointer record = yd_service_get(request->service, &request->actor, request->route->right, type,
                                     request->params[0], error);
    if (record && !yd_record_apply_json(type, record, request->input, FALSE, NULL, error)) {
        yd_record_free(type, record);
        return NULL;
    }
    return record;
}

gboolean
yd_handle_update(YdRequest *request, GError **error)
{
    const YdResource *resource = yd_resource(request->route->type);
    gpointer record = yd_resource_changed(request, resource->type, error);
    if (!record)
        return FALSE;
    gboolean done =
        resource->update(request->service, &request->actor, record, request->if_match, error);
    yd_record_free(resource->type, record);
    return done && yd_answer_fresh(request, 200, resource, request->params[0], error);
}

gboolean
yd_handle_remove(YdRequest *request, GError **error)
{
    const YdResource *resource = yd_resource(request->route->type);
    if (!resource->remove(request->service, &request->actor, request->params[0], request->if_match,
                          error))
        return FALSE;
    return yd_answer_nothing(request);
}
