// SPDX-License-Identifier: Apache-2.0
// Jobs, settings, the overview, doctor, and whether deskd lives and is ready.
#include <string.h>

#include "api/handlers.h"
#include "api/resource.h"
#include "base/id.h"
#include "service/ca.h"
#include "service/doctor.h"
#include "service/gate-list.h"
#include "service/jobs.h"
#include "service/settings.h"
#include "store/store-activity.h"
#include "store/store-desktops.h"

gboolean
yd_handle_job_cancel(YdRequest *request, GError **error)
{
    // A job that one may not see is not there; only then: may one cancel it?
    if (!yd_service_may(request->service, &request->actor, YD_RIGHT_JOBS_READ, &yd_job_type,
                        request->params[0], error) ||
        !yd_job_cancel(request->service, &request->actor, request->params[0], error))
        return FALSE;
    YdStore *store = yd_service_store(request->service, error);
    return store &&
           yd_answer_job(request, yd_store_get(store, &yd_job_type, request->params[0], error));
}

gboolean
yd_handle_settings(YdRequest *request, GError **error)
{
    json_t *json = yd_settings_get(request->service, &request->actor, error);
    if (!json)
        return FALSE;
    yd_request_answer(request, 200, json);
    return TRUE;
}

gboolean
yd_handle_settings_update(YdRequest *request, GError **error)
{
    if (!yd_request_need_input(request, error) ||
        !yd_settings_set(request->service, &request->actor, request->input, error))
        return FALSE;
    return yd_handle_settings(request, error);
}

// {"a":1,"b":2,"all":3}
static json_t *
counts(YdStore *store, const YdRecordType *type, const char *column, GError **error)
{
    g_autoptr(GHashTable) table = yd_store_count_by(store, type, column, error);
    if (!table)
        return NULL;
    json_t *json = json_object();
    gint64 all = 0;
    GHashTableIter iter;
    gpointer name, value;
    g_hash_table_iter_init(&iter, table);
    while (g_hash_table_iter_next(&iter, &name, &value)) {
        json_object_set_new(json, name, json_integer(*(gint64 *)value));
        all += *(gint64 *)value;
    }
    json_object_set_new(json, "all", json_integer(all));
    return json;
}

// {"all":3} of what has no states.
static json_t *
total(YdStore *store, const YdRecordType *type, GError **error)
{
    YdQuery query = {.limit = 1, .want_total = TRUE};
    g_autoptr(YdPage) page = yd_store_list(store, type, &query, error);
    return page ? json_pack("{s:I}", "all", (json_int_t)page->total) : NULL;
}

gboolean
yd_handle_overview(YdRequest *request, GError **error)
{
    static const struct {
        const char *name, *column;
        const YdRecordType *type;
    } parts[] = {
        {"users", "role", &yd_user_type},        {"departments", NULL, &yd_department_type},
        {"templates", NULL, &yd_template_type},  {"networks", "state", &yd_network_type},
        {"pools", NULL, &yd_pool_type},          {"hosts", "state", &yd_host_type},
        {"desktops", "state", &yd_desktop_type}, {"connections", "state", &yd_connection_type},
        {"jobs", "state", &yd_job_type},         {"entitlements", NULL, &yd_entitlement_type},
    };
    YdStore *store = yd_service_store(request->service, error);
    if (!store)
        return FALSE;
    g_autoptr(json_t) json = json_pack("{s:s}", "version", YD_VERSION);
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        json_t *part = parts[i].column ? counts(store, parts[i].type, parts[i].column, error)
                                       : total(store, parts[i].type, error);
        if (!part)
            return FALSE;
        json_object_set_new(json, parts[i].name, part);
    }
    yd_request_answer(request, 200, g_steal_pointer(&json));
    return TRUE;
}

#define HOUR_MS (3600 * 1000LL)
#define MAX_HOURS (14 * 24)

// {"from":…,"bucket_seconds":…,"items":[{"time":…,"starts":1,"failures":0,"people":2},…]}
static json_t *
activity_json(const YdActivity *buckets, gint64 from, gint64 length, guint n)
{
    g_autofree char *begin = yd_time_text(from);
    json_t *items = json_array();

    for (guint i = 0; i < n; i++) {
        g_autofree char *time = yd_time_text(from + i * length);
        json_array_append_new(items, json_pack("{s:s, s:I, s:I, s:I}", "time", time, "starts",
                                               (json_int_t)buckets[i].starts, "failures",
                                               (json_int_t)buckets[i].failures, "people",
                                               (json_int_t)buckets[i].people));
    }
    return json_pack("{s:s, s:I, s:o}", "from", begin, "bucket_seconds",
                     (json_int_t)(length / 1000), "items", items);
}

// Up to two days in buckets of an hour, longer ones of six; the last bucket is the present one.
gboolean
yd_handle_activity(YdRequest *request, GError **error)
{
    const char *text = yd_request_query(request, "hours");
    gint64 hours = 24, length;

    if (text && !g_ascii_string_to_signed(text, 10, 1, MAX_HOURS, &hours, NULL))
        return yd_error_invalid(error, "hours", "must be a number from 1 to %d, not \"%s\"",
                                MAX_HOURS, text);
    length = hours <= 48 ? HOUR_MS : 6 * HOUR_MS;
    guint n = (guint)((hours * HOUR_MS + length - 1) / length);
    gint64 from = (yd_now_ms() / length + 1 - n) * length;
    YdStore *store = yd_service_store(request->service, error);
    g_autofree YdActivity *buckets =
        store ? yd_store_activity(store, from, length, n, error) : NULL;
    if (!buckets)
        return FALSE;
    yd_request_answer(request, 200, activity_json(buckets, from, length, n));
    return TRUE;
}

// The gates that are connected now; they say so themselves.
gboolean
yd_handle_gates(YdRequest *request, GError **error)
{
    json_t *items = yd_gate_list_get(request->service);
    gsize i;
    json_t *gate;
    json_array_foreach(items, i, gate)
    {
        json_int_t expires = json_integer_value(json_object_get(gate, "certificate_expires"));
        g_autofree char *text = expires > 0 ? yd_time_text(expires * 1000) : NULL;
        json_object_set_new(gate, "certificate_expires", text ? json_string(text) : json_null());
    }
    yd_request_answer(request, 200, json_pack("{s:o}", "items", items));
    return TRUE;
}

gboolean
yd_handle_gate_drain(YdRequest *request, GError **error)
{
    static const char *const known[] = {"seconds", NULL};
    gint64 seconds = -1;
    if (!yd_request_only(request, known, error) ||
        (request->input &&
         !yd_json_int(request->input, "seconds", 0, 366 * 24 * 3600, &seconds, error)) ||
        !yd_gate_list_drain(request->service, &request->actor, request->params[0], TRUE, seconds,
                            error))
        return FALSE;
    return yd_handle_gates(request, error);
}

gboolean
yd_handle_gate_resume(YdRequest *request, GError **error)
{
    if (!yd_gate_list_drain(request->service, &request->actor, request->params[0], FALSE, -1,
                            error))
        return FALSE;
    return yd_handle_gates(request, error);
}

// The certificate that all others of the product are signed by: no secret, so nobody is asked who
// they are.
gboolean
yd_handle_ca(YdRequest *request, GError **error)
{
    g_autofree char *keys = yd_ca_dir(request->service);
    g_autofree char *pem = yd_ca_certificate(keys, error);
    if (!pem)
        return FALSE;
    yd_request_answer_text(request, 200, "application/x-pem-file", pem);
    yd_request_header(request, "Content-Disposition", "attachment; filename=\"yundesk-ca.pem\"");
    return TRUE;
}

gboolean
yd_handle_doctor(YdRequest *request, GError **error)
{
    static const char *const known[] = {"template_version_id", NULL};
    const char *version = NULL;
    if (!yd_request_only(request, known, error) ||
        !yd_request_text(request, "template_version_id", FALSE, &version, error))
        return FALSE;
    return yd_answer_job(request,
                         yd_doctor_start(request->service, &request->actor, version, error));
}

gboolean
yd_handle_healthz(YdRequest *request, GError **error)
{
    yd_request_answer_text(request, 200, "text/plain", "ok\n");
    return TRUE;
}

// Ready: the store answers. That a host is away is no reason to take deskd out of service.
gboolean
yd_handle_readyz(YdRequest *request, GError **error)
{
    YdStore *store = yd_service_store(request->service, error);
    gint64 queued = 0, running = 0;
    if (!store || !yd_store_job_counts(store, &queued, &running, error))
        return FALSE;
    yd_request_answer_text(request, 200, "text/plain", "ready\n");
    return TRUE;
}
