// SPDX-License-Identifier: Apache-2.0
// Lines about fixed ports, one for each port that changed: so no line gets long.
#include "api/gate-ports.h"

#include "base/json-util.h"
#include "service/fixed-port.h"

GHashTable *
yd_gate_ports_told(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

static char *
port_line(const char *port, char *const *sources)
{
    g_autoptr(json_t) list = json_array();
    for (gsize i = 0; sources && sources[i]; i++)
        json_array_append_new(list, json_string(sources[i]));
    g_autoptr(json_t) json =
        json_pack("{s:s, s:I, s:O}", "op", "port", "fixed_port",
                  (json_int_t)g_ascii_strtoll(port, NULL, 10), "sources", list);
    return yd_json_text(json);
}

GHashTable *
yd_gate_ports_wanted(YdService *service)
{
    gint64 now = yd_now_ms();
    g_autoptr(GError) error = NULL;
    g_autoptr(GHashTable) open = yd_fixed_ports_open(service, now, &error);
    if (!open || !yd_fixed_ports_sweep(service, now, &error)) {
        g_message("which fixed ports are open is not known: %s, trying again", error->message);
        return NULL;
    }
    GHashTable *wanted = yd_gate_ports_told();
    GHashTableIter iter;
    gpointer port, sources;
    g_hash_table_iter_init(&iter, open);
    while (g_hash_table_iter_next(&iter, &port, &sources))
        g_hash_table_insert(wanted, g_strdup(port), port_line(port, sources));
    return wanted;
}

GPtrArray *
yd_gate_ports_news(GHashTable *told, GHashTable *wanted)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iter;
    gpointer port, line;
    // Closing comes first.
    g_hash_table_iter_init(&iter, told);
    while (g_hash_table_iter_next(&iter, &port, NULL)) {
        if (g_hash_table_contains(wanted, port))
            continue;
        g_ptr_array_add(lines, port_line(port, NULL));
        g_hash_table_iter_remove(&iter);
    }
    g_hash_table_iter_init(&iter, wanted);
    while (g_hash_table_iter_next(&iter, &port, &line)) {
        if (g_strcmp0(g_hash_table_lookup(told, port), line) == 0)
            continue;
        g_ptr_array_add(lines, g_strdup(line));
        g_hash_table_replace(told, g_strdup(port), g_strdup(line));
    }
    return lines;
}
