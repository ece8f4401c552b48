// SPDX-License-Identifier: Apache-2.0
// Idempotency-Key: a POST that is sent twice acts once.
#include "api/idempotency.h"

#include <string.h>

struct _YdIdempotency {
    char *key;  // as the client gave it
    char *name; // user and key, in the set of those under way
    char *hash; // of the request
};

static GMutex lock;
static GHashTable *under_way; // names

void
yd_idempotency_free(YdIdempotency *key)
{
    if (!key)
        return;
    g_mutex_lock(&lock);
    g_hash_table_remove(under_way, key->name);
    if (g_hash_table_size(under_way) == 0)
        g_clear_pointer(&under_way, g_hash_table_unref);
    g_mutex_unlock(&lock);
    g_free(key->key);
    g_free(key->name);
    g_free(key->hash);
    g_free(key);
}

static gboolean
take(const char *name)
{
    g_mutex_lock(&lock);
    if (!under_way)
        under_way = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    gboolean taken = !g_hash_table_contains(under_way, name);
    if (taken)
        g_hash_table_add(under_way, g_strdup(name));
    g_mutex_unlock(&lock);
    return taken;
}

// With the final NUL, so that two texts never run into one another.
static void
add(GChecksum *sum, const char *text)
{
    g_checksum_update(sum, (const guchar *)text, (gssize)strlen(text) + 1);
}

static char *
hash_request(YdRequest *request)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    add(sum, request->route->path);
    for (guint i = 0; i < 2; i++)
        add(sum, request->params[i] ? request->params[i] : "");
    g_autoptr(GList) names = request->query ? g_hash_table_get_keys(request->query) : NULL;
    names = g_list_sort(names, (GCompareFunc)strcmp);
    for (GList *name = names; name; name = name->next) {
        add(sum, name->data);
        add(sum, g_hash_table_lookup(request->query, name->data));
    }
    gsize length = 0;
    const guchar *body = request->body ? g_bytes_get_data(request->body, &length) : NULL;
    if (length > 0)
        g_checksum_update(sum, body, (gssize)length);
    return g_strdup(g_checksum_get_string(sum));
}

static gboolean
key_ok(const char *key)
{
    gsize length = strlen(key);
    for (gsize i = 0; i < length; i++)
        if (!g_ascii_isgraph(key[i]))
            return FALSE;
    return length > 0 && length <= 128;
}

static gboolean
replay(YdRequest *request, YdIdempotency *key, GError **error)
{
    YdStore *store = yd_service_store(request->service, error);
    gboolean known = FALSE;
    guint status = 0;
    g_autofree char *body = NULL;
    if (!store || !yd_store_idempotent_get(store, request->actor.user_id, key->key, key->hash,
                                           &known, &status, &body, error))
        return FALSE;
    if (known) {
        yd_request_answer_text(request, status, "application/json", body ? body : "");
        yd_request_header(request, "Idempotency-Replayed", "true");
    }
    return TRUE;
}

gboolean
yd_idempotency_begin(YdRequest *request, YdIdempotency **ret_key, GError **error)
{
    const char *text = request->idempotency_key;
    if (!text || strcmp(request->route->method, "POST") != 0 || request->route->secret ||
        !request->actor.user_id)
        return TRUE;
    if (!key_ok(text))
        return yd_error_invalid(error, "Idempotency-Key",
                                "must be 1 to 128 printable ASCII characters without blanks");
    g_autofree char *name = g_strconcat(request->actor.user_id, " ", text, NULL);
    if (!take(name)) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "The request with Idempotency-Key \"%s\" is still under way; try again.", text);
        return FALSE;
    }
    g_autoptr(YdIdempotency) key = g_new0(YdIdempotency, 1);
    key->key = g_strdup(text);
    key->name = g_steal_pointer(&name);
    key->hash = hash_request(request);
    if (!replay(request, key, error))
        return FALSE;
    *ret_key = g_steal_pointer(&key);
    return TRUE;
}

gboolean
yd_idempotency_end(YdRequest *request, YdIdempotency *key, GError **error)
{
    if (!key || request->status >= 400)
        return TRUE;
    gsize length = 0;
    const char *data = request->answer ? g_bytes_get_data(request->answer, &length) : "";
    g_autofree char *body = g_strndup(data, length);
    YdStore *store = yd_service_store(request->service, error);
    return store && yd_store_idempotent_put(store, request->actor.user_id, key->key, key->hash,
                                            request->status, body, error);
}
