// SPDX-License-Identifier: Apache-2.0
// Desktops: power, hardware, figures, screen. Connecting stands in connect.c.
#include "service/desktop.h"

#include <string.h>

#include "api/handlers.h"
#include "api/resource.h"
#include "service/monitor.h"

typedef YdJob *(*Power)(YdService *service, const YdActor *actor, const char *id, GError **error);

static gboolean
power(YdRequest *request, Power verb, GError **error)
{
    return yd_answer_job(request,
                         verb(request->service, &request->actor, request->params[0], error));
}

gboolean
yd_handle_desktop_start(YdRequest *request, GError **error)
{
    return power(request, yd_desktop_start, error);
}

gboolean
yd_handle_desktop_shutdown(YdRequest *request, GError **error)
{
    return power(request, yd_desktop_shutdown, error);
}

gboolean
yd_handle_desktop_reboot(YdRequest *request, GError **error)
{
    return power(request, yd_desktop_reboot, error);
}

gboolean
yd_handle_desktop_power_off(YdRequest *request, GError **error)
{
    return power(request, yd_desktop_power_off, error);
}

gboolean
yd_handle_desktop_rebuild(YdRequest *request, GError **error)
{
    return power(request, yd_desktop_rebuild, error);
}

gboolean
yd_handle_desktop_delete(YdRequest *request, GError **error)
{
    return yd_answer_job(request,
                         yd_desktop_delete_with(request->service, &request->actor,
                                                request->params[0], request->if_match,
                                                yd_request_query(request, "personal_disk"), error));
}

gboolean
yd_handle_desktop_update(YdRequest *request, GError **error)
{
    static const char *const known[] = {"name", "vcpus", "memory_mib", "disk_gib", NULL};
    YdDesktopChange change = {0};
    YdJob *job = NULL;
    if (!yd_request_need_input(request, error) || !yd_request_only(request, known, error) ||
        !yd_request_text(request, "name", FALSE, &change.name, error) ||
        !yd_json_int(request->input, "vcpus", 1, G_MAXINT32, &change.vcpus, error) ||
        !yd_json_int(request->input, "memory_mib", 1, G_MAXINT32, &change.memory_mib, error) ||
        !yd_json_int(request->input, "disk_gib", 1, G_MAXINT32, &change.disk_gib, error))
        return FALSE;
    if (!yd_desktop_change(request->service, &request->actor, request->params[0], request->if_match,
                           &change, NULL, &job, error))
        return FALSE;
    if (job)
        return yd_answer_job(request, job);
    return yd_answer_fresh(request, 200, yd_resource(&yd_desktop_type), request->params[0], error);
}

gboolean
yd_handle_desktop_stats(YdRequest *request, GError **error)
{
    YdDesktopStats stats;
    gint64 age = 0;
    if (!yd_monitor_desktop(request->service, &request->actor, request->params[0], &stats, &age,
                            error))
        return FALSE;
    json_t *json =
        json_pack("{s:I, s:f, s:I, s:I, s:f, s:f, s:f, s:f}", "age_ms", (json_int_t)age,
                  "cpu_percent", stats.cpu_percent, "memory_mib", (json_int_t)stats.memory_mib,
                  "memory_used_mib", (json_int_t)stats.memory_used_mib, "disk_read_rate",
                  stats.disk_read_rate, "disk_written_rate", stats.disk_written_rate, "net_in_rate",
                  stats.net_in_rate, "net_out_rate", stats.net_out_rate);
    json_t *totals =
        json_pack("{s:I, s:I, s:I, s:I, s:I}", "disk_read_bytes", (json_int_t)stats.disk_read_bytes,
                  "disk_written_bytes", (json_int_t)stats.disk_written_bytes, "net_in_bytes",
                  (json_int_t)stats.net_in_bytes, "net_out_bytes", (json_int_t)stats.net_out_bytes,
                  "disk_allocated_bytes", (json_int_t)stats.disk_allocated_bytes);
    json_object_update(json, totals);
    json_decref(totals);
    yd_request_answer(request, 200, json);
    return TRUE;
}

// Takes png; FALSE when it is NULL.
static gboolean
answer_png(YdRequest *request, GBytes *png)
{
    if (!png)
        return FALSE;
    yd_request_answer_text(request, 200, "image/png", "");
    g_bytes_unref(request->answer);
    request->answer = png;
    return TRUE;
}

gboolean
yd_handle_desktop_screenshot(YdRequest *request, GError **error)
{
    return answer_png(request, yd_desktop_screenshot(request->service, &request->actor,
                                                     request->params[0], error));
}

gboolean
yd_handle_desktop_picture(YdRequest *request, GError **error)
{
    return answer_png(
        request, yd_desktop_picture(request->service, &request->actor, request->params[0], error));
}
