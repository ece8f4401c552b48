// SPDX-License-Identifier: Apache-2.0
// Versions of templates: import, check, delete. Uploads are received in upload.c.
#include "service/ram-image.h"
#include "service/template.h"

#include "api/handlers.h"
#include "api/resource.h"
#include "service/template-check.h"

gboolean
yd_handle_version_import(YdRequest *request, GError **error)
{
    static const char *const known[] = {"path", "upload", "notes", NULL};
    const char *path = NULL, *upload = NULL, *notes = NULL;
    YdJob *job = NULL;
    if (!yd_request_only(request, known, error) ||
        !yd_request_text(request, "path", FALSE, &path, error) ||
        !yd_request_text(request, "upload", FALSE, &upload, error) ||
        !yd_request_text(request, "notes", FALSE, &notes, error))
        return FALSE;
    if (!path == !upload)
        return yd_error_invalid(error, "path", "give either path (a file on the server) or upload");
    if (path && *path != '/')
        return yd_error_invalid(error, "path", "must be absolute, not \"%s\"", path);
    if (!yd_template_import(request->service, &request->actor, request->params[0],
                            path ? path : upload, notes, NULL, &job, error))
        return FALSE;
    return yd_answer_job(request, job);
}

gboolean
yd_handle_version_delete(YdRequest *request, GError **error)
{
    YdJob *job = NULL;
    if (!yd_template_version_delete(request->service, &request->actor, request->params[0],
                                    request->if_match, &job, error))
        return FALSE;
    return yd_answer_job(request, job);
}

gboolean
yd_handle_version_ram_make(YdRequest *request, GError **error)
{
    static const char *const known[] = {"vcpus", "memory_mib", NULL};
    gint64 vcpus = 0, memory_mib = 0;
    YdJob *job = NULL;
    if (!yd_request_only(request, known, error) ||
        !yd_json_int(request->input, "vcpus", 1, G_MAXINT32, &vcpus, error) ||
        !yd_json_int(request->input, "memory_mib", 1, G_MAXINT32, &memory_mib, error) ||
        !yd_ram_make(request->service, &request->actor, request->params[0], vcpus, memory_mib, &job,
                     error))
        return FALSE;
    return yd_answer_job(request, job);
}

gboolean
yd_handle_version_ram_delete(YdRequest *request, GError **error)
{
    return yd_ram_delete(request->service, &request->actor, request->params[0], error) &&
           yd_answer_nothing(request);
}

typedef YdJob *(*Verb)(YdService *service, const YdActor *actor, const char *id, GError **error);

static gboolean
act(YdRequest *request, Verb verb, GError **error)
{
    static const char *const known[] = {NULL};
    return yd_request_only(request, known, error) &&
           yd_answer_job(request,
                         verb(request->service, &request->actor, request->params[0], error));
}

gboolean
yd_handle_version_check(YdRequest *request, GError **error)
{
    return act(request, yd_template_version_check, error);
}

gboolean
yd_handle_version_verify(YdRequest *request, GError **error)
{
    return act(request, yd_template_version_verify, error);
}

gboolean
yd_handle_version_flatten(YdRequest *request, GError **error)
{
    return act(request, yd_template_version_flatten, error);
}
