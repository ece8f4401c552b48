// SPDX-License-Identifier: Apache-2.0
// Versions of templates: import and delete. Uploads are received in upload.c.
#include "service/ram-image.h"
#include "service/template.h"

#include "api/handlers.h"
#include "api/resource.h"

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
