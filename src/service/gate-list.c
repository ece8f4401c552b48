// SPDX-License-Identifier: Apache-2.0
// The gates that are connected, behind one lock; the way to tell one something, behind another:
// telling may take a while.
#include "service/gate-list.h"

#include <string.h>

#include "base/json-util.h"

#define FOLLOW_MS 5000
#define LOOK_MS 20

typedef struct {
    GMutex lock;
    GHashTable *gates; // connection (guint64) -> json_t
    GHashTable *heard; // name -> gint64, monotonic: when it said something last; one for each name
    GMutex tell_lock;  // guards the next two
    YdGateTellFunc tell;
    gpointer tell_data;
} List;

static void
list_free(gpointer data)
{
    List *list = data;
    g_hash_table_unref(list->gates);
    g_hash_table_unref(list->heard);
    g_mutex_clear(&list->lock);
    g_mutex_clear(&list->tell_lock);
    g_free(list);
}

static void
object_free(gpointer object)
{
    json_decref(object);
}

static List *
list_of(YdService *service)
{
    List *list = yd_service_part(service, "gate-list");
    if (list)
        return list;
    list = g_new0(List, 1);
    g_mutex_init(&list->lock);
    g_mutex_init(&list->tell_lock);
    list->gates = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, object_free);
    list->heard = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return yd_service_set_part(service, "gate-list", list, list_free);
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
    List *list = list_of(service);
    json_t *gate = json_pack("{s:s}", "name", name);
    copy(gate, about, "version", JSON_STRING);
    copy(gate, about, "state", JSON_STRING);
    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
        copy(gate, about, numbers[i], JSON_INTEGER);
    g_mutex_lock(&list->lock);
    gint64 now = g_get_monotonic_time();
    g_hash_table_replace(list->gates, g_memdup2(&connection, sizeof connection), gate);
    g_hash_table_replace(list->heard, g_strdup(name), g_memdup2(&now, sizeof now));
    g_mutex_unlock(&list->lock);
}

void
yd_gate_list_drop(YdService *service, guint64 connection)
{
    List *list = list_of(service);
    g_mutex_lock(&list->lock);
    g_hash_table_remove(list->gates, &connection);
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
    List *list = list_of(service);
    g_autoptr(GPtrArray) gates = g_ptr_array_new();
    json_t *array = json_array();
    GHashTableIter iter;
    gpointer value;
    g_mutex_lock(&list->lock);
    g_hash_table_iter_init(&iter, list->gates);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        g_ptr_array_add(gates, json_deep_copy(value));
    g_mutex_unlock(&list->lock);
    g_ptr_array_sort(gates, by_name);
    for (guint i = 0; i < gates->len; i++)
        json_array_append_new(array, gates->pdata[i]);
    return array;
}

gboolean
yd_gate_list_has(YdService *service, const char *name)
{
    List *list = list_of(service);
    GHashTableIter iter;
    gpointer gate;
    gboolean found = FALSE;
    g_mutex_lock(&list->lock);
    g_hash_table_iter_init(&iter, list->gates);
    while (!found && g_hash_table_iter_next(&iter, NULL, &gate))
        found = g_strcmp0(json_string_value(json_object_get(gate, "name")), name) == 0;
    g_mutex_unlock(&list->lock);
    return found;
}

gboolean
yd_gate_list_heard(YdService *service, const char *name, gint64 within_ms)
{
    List *list = list_of(service);
    g_mutex_lock(&list->lock);
    const gint64 *when = g_hash_table_lookup(list->heard, name);
    gboolean heard = when && g_get_monotonic_time() - *when < within_ms * 1000;
    g_mutex_unlock(&list->lock);
    return heard;
}

// --- orders ---

void
yd_gate_list_on_tell(YdService *service, YdGateTellFunc func, gpointer data)
{
    List *list = list_of(service);
    g_mutex_lock(&list->tell_lock);
    list->tell = func;
    list->tell_data = data;
    g_mutex_unlock(&list->tell_lock);
}

void
yd_gate_list_tell(YdService *service, const char *name, const char *line)
{
    List *list = list_of(service);
    g_mutex_lock(&list->tell_lock);
    if (list->tell)
        list->tell(name, line, list->tell_data);
    g_mutex_unlock(&list->tell_lock);
}

static void
tell(YdService *service, const char *name, gboolean drain, gint64 seconds)
{
    g_autoptr(json_t) json = json_pack("{s:s}", "op", drain ? "drain" : "resume");
    if (drain && seconds >= 0)
        json_object_set_new(json, "seconds", json_integer(seconds));
    g_autofree char *line = yd_json_text(json);
    yd_gate_list_tell(service, name, line);
}

// What the gates of that name say. One that is being replaced does not count: it leaves anyhow.
static void
look(YdService *service, const char *name, guint *ret_serving, guint *ret_draining)
{
    g_autoptr(json_t) all = yd_gate_list_get(service);
    gsize i;
    json_t *gate;
    *ret_serving = *ret_draining = 0;
    json_array_foreach(all, i, gate)
    {
        const char *state = json_string_value(json_object_get(gate, "state"));
        if (strcmp(json_string_value(json_object_get(gate, "name")), name) != 0)
            continue;
        *ret_serving += g_strcmp0(state, "serving") == 0;
        *ret_draining += g_strcmp0(state, "draining") == 0;
    }
}

static gboolean
follows(YdService *service, const char *name, gboolean drain, GError **error)
{
    guint serving = 0, draining = 0;
    gint64 end = g_get_monotonic_time() + FOLLOW_MS * 1000;
    while (g_get_monotonic_time() < end) {
        look(service, name, &serving, &draining);
        // Without a session it has ended by now.
        if (drain ? serving == 0 : serving > 0 && draining == 0)
            return TRUE;
        if (!drain && serving == 0 && draining == 0) {
            g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                        "the gate \"%s\" has ended; start it again on its machine", name);
            return FALSE;
        }
        g_usleep(LOOK_MS * 1000);
    }
    g_set_error(error, YD_ERROR, YD_ERROR_TIMEOUT,
                "the gate \"%s\" does not do so within %d s; one that is older than deskd does not "
                "know how: use \"deskgate drain\" on its machine",
                name, FOLLOW_MS / 1000);
    return FALSE;
}

gboolean
yd_gate_list_drain(YdService *service, const YdActor *actor, const char *name, gboolean drain,
                   gint64 seconds, GError **error)
{
    guint serving = 0, draining = 0;
    if (!yd_service_allowed(actor, YD_RIGHT_HOSTS_WRITE, error))
        return FALSE;
    look(service, name, &serving, &draining);
    if (serving + draining == 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "no gate named \"%.64s\" is connected",
                    name);
        return FALSE;
    }
    g_autofree char *details = drain && seconds >= 0
                                   ? g_strdup_printf("{\"seconds\":%" G_GINT64_FORMAT "}", seconds)
                                   : NULL;
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = store ? yd_store_tx(store, error) : NULL;
    if (!tx ||
        !yd_service_audit(service, actor, drain ? "gate.drain" : "gate.resume", "gate", name, name,
                          details, error) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    tell(service, name, drain, seconds);
    return follows(service, name, drain, error);
}
