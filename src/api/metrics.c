// SPDX-License-Identifier: Apache-2.0
// GET /metrics in Prometheus' text format (0.0.4): counters of this process, gauges of the store.
#include <stdio.h>
#include <string.h>

#include "api/handlers.h"
#include "api/server.h"
#include "base/json-util.h"
#include "service/backup.h"
#include "service/gate-list.h"
#include "store/store-connect.h"

// Upper bounds of the duration histogram in milliseconds.
static const guint bounds_ms[] = {1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000};

static gint requests[6]; // by status / 100
static gint durations[G_N_ELEMENTS(bounds_ms) + 1];
static gsize duration_us;
static gint connections, streams, in_flight;

void
yd_metrics_request(guint status, gint64 microseconds)
{
    g_atomic_int_inc(&requests[MIN(status / 100, 5)]);
    guint i = 0;
    while (i < G_N_ELEMENTS(bounds_ms) && microseconds > (gint64)bounds_ms[i] * 1000)
        i++;
    g_atomic_int_inc(&durations[i]);
    g_atomic_pointer_add(&duration_us, (gssize)microseconds);
}

void
yd_metrics_gauges(guint connections_now, guint streams_now, guint in_flight_now)
{
    g_atomic_int_set(&connections, (gint)connections_now);
    g_atomic_int_set(&streams, (gint)streams_now);
    g_atomic_int_set(&in_flight, (gint)in_flight_now);
}

static void
head(GString *text, const char *name, const char *type, const char *help)
{
    g_string_append_printf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
gauge(GString *text, const char *name, const char *help, gint64 value)
{
    head(text, name, "gauge", help);
    g_string_append_printf(text, "%s %" G_GINT64_FORMAT "\n", name, value);
}

static void
write_requests(GString *text)
{
    head(text, "yundesk_http_requests_total", "counter", "Requests answered, by class of status.");
    for (guint i = 1; i < G_N_ELEMENTS(requests); i++)
        g_string_append_printf(text, "yundesk_http_requests_total{code=\"%uxx\"} %d\n", i,
                               g_atomic_int_get(&requests[i]));
    head(text, "yundesk_http_request_seconds", "histogram", "Time from head to answer.");
    gint64 sum = 0;
    for (guint i = 0; i < G_N_ELEMENTS(bounds_ms); i++) {
        sum += g_atomic_int_get(&durations[i]);
        g_string_append_printf(text,
                               "yundesk_http_request_seconds_bucket{le=\"%u.%03u\"} "
                               "%" G_GINT64_FORMAT "\n",
                               bounds_ms[i] / 1000, bounds_ms[i] % 1000, sum);
    }
    sum += g_atomic_int_get(&durations[G_N_ELEMENTS(bounds_ms)]);
    gint64 spent = (gint64)(gsize)g_atomic_pointer_get(&duration_us);
    g_string_append_printf(text,
                           "yundesk_http_request_seconds_bucket{le=\"+Inf\"} %" G_GINT64_FORMAT
                           "\nyundesk_http_request_seconds_sum %" G_GINT64_FORMAT
                           ".%06u\nyundesk_http_request_seconds_count %" G_GINT64_FORMAT "\n",
                           sum, spent / 1000000, (guint)(spent % 1000000), sum);
}

static gint64
resident_bytes(void)
{
    g_autofree char *statm = NULL;
    long long size = 0, resident = 0;
    if (!g_file_get_contents("/proc/self/statm", &statm, NULL, NULL) ||
        sscanf(statm, "%lld %lld", &size, &resident) != 2)
        return 0;
    return resident * 4096;
}

static gboolean
write_states(GString *text, YdStore *store, const char *name, const char *help,
             const YdRecordType *type, GError **error)
{
    g_autoptr(GHashTable) counts = yd_store_count_by(store, type, "state", error);
    if (!counts)
        return FALSE;
    head(text, name, "gauge", help);
    GHashTableIter iter;
    gpointer state, count;
    g_hash_table_iter_init(&iter, counts);
    while (g_hash_table_iter_next(&iter, &state, &count))
        g_string_append_printf(text, "%s{state=\"%s\"} %" G_GINT64_FORMAT "\n", name,
                               (const char *)state, *(gint64 *)count);
    return TRUE;
}

static gboolean
write_quality(GString *text, YdStore *store, GError **error)
{
    g_autoptr(GHashTable) counts = yd_store_session_quality(store, error);
    if (!counts)
        return FALSE;
    GHashTableIter iter;
    gpointer reason, count;
    head(text, "yundesk_session_quality", "gauge", "Open sessions by what limits them most.");
    g_hash_table_iter_init(&iter, counts);
    while (g_hash_table_iter_next(&iter, &reason, &count))
        g_string_append_printf(text,
                               "yundesk_session_quality{reason=\"%s\"} %" G_GINT64_FORMAT "\n",
                               (const char *)reason, ((YdQualityCount *)count)->sessions);
    head(text, "yundesk_session_score", "gauge", "Mean score (0 to 100) of those sessions.");
    g_hash_table_remove(counts, "unknown");
    g_hash_table_iter_init(&iter, counts);
    while (g_hash_table_iter_next(&iter, &reason, &count))
        g_string_append_printf(text, "yundesk_session_score{reason=\"%s\"} %" G_GINT64_FORMAT "\n",
                               (const char *)reason, ((YdQualityCount *)count)->score);
    return TRUE;
}

// What stands in quotes; owned.
static char *
label(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return g_strcanon(g_strdup(text ? text : "unknown"),
                      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", '_');
}

// One metric of all gates that are connected.
static void
write_gate_metric(GString *text, const json_t *gates, const char *name, const char *type,
                  const char *member, const char *help)
{
    gsize i;
    json_t *gate;
    head(text, name, type, help);
    json_array_foreach(gates, i, gate)
    {
        // Two processes of one name, while one takes over from the other, are told apart by state.
        g_autofree char *own = label(gate, "name");
        g_autofree char *state = label(gate, "state");
        g_string_append_printf(text, "%s{gate=\"%s\",state=\"%s\"} %" JSON_INTEGER_FORMAT "\n",
                               name, own, state, json_integer_value(json_object_get(gate, member)));
    }
}

static void
write_gates(GString *text, YdService *service)
{
    static const struct {
        const char *name, *type, *member, *help;
    } metrics[] = {
        {"yundesk_gate_sessions", "gauge", "sessions", "Sessions with a socket at a gate."},
        {"yundesk_gate_sockets", "gauge", "sockets", "Their sockets."},
        {"yundesk_gate_accept_failures_total", "counter", "accept_failures",
         "Clients that could not be accepted at once for want of descriptors or memory."},
        {"yundesk_gate_tls_handshakes_total", "counter", "tls_handshakes",
         "TLS handshakes with clients."},
        {"yundesk_gate_tls_in_kernel_total", "counter", "tls_in_kernel",
         "Of those, connections whose bytes the kernel encrypts."},
        {"yundesk_gate_certificate_expires_seconds", "gauge", "certificate_expires",
         "When a gate's certificate ends, in seconds since 1970."},
    };
    g_autoptr(json_t) gates = yd_gate_list_get(service);
    for (guint i = 0; i < G_N_ELEMENTS(metrics); i++)
        write_gate_metric(text, gates, metrics[i].name, metrics[i].type, metrics[i].member,
                          metrics[i].help);
}

static void
write_backups(GString *text, YdService *service, YdStore *store)
{
    g_autofree char *alarm = yd_backup_alarm(service, store, yd_now_ms());
    gauge(text, "yundesk_backup_alarm", "1: backups need somebody's eyes, see /backup-status.",
          alarm != NULL);
}

gboolean
yd_handle_metrics(YdRequest *request, GError **error)
{
    gboolean admin = request->login && request->actor.role == YD_ROLE_ADMIN;
    if (!request->loopback && !admin) {
        g_set_error_literal(error, YD_ERROR, YD_ERROR_FORBIDDEN,
                            "Figures are shown on this machine and to administrators only.");
        return FALSE;
    }
    YdStore *store = yd_service_store(request->service, error);
    g_autoptr(GString) text = g_string_new(NULL);
    head(text, "yundesk_build_info", "gauge", "The version that runs.");
    g_string_append(text, "yundesk_build_info{version=\"" YD_VERSION "\"} 1\n");
    gauge(text, "yundesk_http_connections", "Open client connections.",
          g_atomic_int_get(&connections));
    gauge(text, "yundesk_event_streams", "Open event streams.", g_atomic_int_get(&streams));
    gauge(text, "yundesk_requests_in_flight", "Requests that are being worked on.",
          g_atomic_int_get(&in_flight));
    gauge(text, "process_resident_memory_bytes", "Resident memory.", resident_bytes());
    write_requests(text);
    write_gates(text, request->service);
    if (!store ||
        !write_states(text, store, "yundesk_desktops", "Desktops by state.", &yd_desktop_type,
                      error) ||
        !write_states(text, store, "yundesk_sessions", "Connections to desktops by state.",
                      &yd_connection_type, error) ||
        !write_quality(text, store, error) ||
        !write_states(text, store, "yundesk_jobs", "Jobs by state.", &yd_job_type, error) ||
        !write_states(text, store, "yundesk_hosts", "Hosts by state.", &yd_host_type, error))
        return FALSE;
    if (yd_service_config(request->service)->backups)
        write_backups(text, request->service, store);
    yd_request_answer_text(request, 200, "text/plain; version=0.0.4; charset=utf-8", text->str);
    return TRUE;
}
