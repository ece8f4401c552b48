// SPDX-License-Identifier: Apache-2.0
// One table behind one lock.
#include "service/gate-list.h"

#include <string.h>

#include "service/table.h"

static void
object_free(gpointer object)
{
    json_decref(object);
}

// Connection (guint64) -> json_t.
static GHashTable *
make_list(void)
{
    return g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, object_free);
}

static YdTable *
list_of(YdService *service)
{
    return yd_table_of(service, "gate-list", make_list);
}

static void
copy(json_t *to, const json_t *from, const char *name, json_type type)
{
    const json_t *value = json_object_get(from, name);
    if (value && json_typeof(value) == type &&
        (type != JSON_STRING || strlen(json_string_value(value)) <= 64))
        json_object_set_new(to, name, json_copy((json_t *)value));
}

void
yd_gate_list_put(YdService *service, guint64 connection, const char *name, const json_t *about)
{
    static const char *const numbers[] = {"sessions",       "sockets",       "accept_failures",
                                          "tls_handshakes", "tls_in_kernel", "certificate_expires"};
    YdTable *list = list_of(service);
    json_t *gate = json_pack("{s:s}", "name", name);
    copy(gate, about, "version", JSON_STRING);
    copy(gate, about, "state", JSON_STRING);
    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
        copy(gate, about, numbers[i], JSON_INTEGER);
    g_mutex_lock(&list->lock);
    g_hash_table_replace(list->rows, g_memdup2(&connection, sizeof connection), gate);
    g_mutex_unlock(&list->lock);
}

void
yd_gate_list_drop(YdService *service, guint64 connection)
{
    YdTable *list = list_of(service);
    g_mutex_lock(&list->lock);
    g_hash_table_remove(list->rows, &connection);
    g_mutex_unlock(&list->lock);
}

static gint
by_name(gconstpointer a, gconstpointer b)
{
    json_t *const *one = a, *const *other = b;
    return g_strcmp0(json_string_value(json_object_get(*one, "name")),
                     json_string_value(json_object_get(*other, "name")));
}

json_t *
yd_gate_list_get(YdService *service)
{
    YdTable *list = list_of(service);
    g_autoptr(GPtrArray) gates = g_ptr_array_new();
    json_t *array = json_array();
    GHashTableIter iter;
    gpointer value;
    g_mutex_lock(&list->lock);
    g_hash_table_iter_init(&iter, list->rows);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        g_ptr_array_add(gates, json_deep_copy(value));
    g_mutex_unlock(&list->lock);
    g_ptr_array_sort(gates, by_name);
    for (guint i = 0; i < gates->len; i++)
        json_array_append_new(array, gates->pdata[i]);
    return array;
}
