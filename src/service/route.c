// SPDX-License-Identifier: Apache-2.0
// The map of gates, and the grants that are on their way from one gate to the next. These live for
// seconds and are used by the deskd that gave them, so they are kept in memory, by their hash.
#include "service/route.h"

#include <string.h>
#include <gio/gio.h>

#include "base/secret.h"
#include "service/table.h"

#define PASS_US (15 * G_USEC_PER_SEC)
#define PASSES_MAX 4096

typedef struct {
    char *edge, *gate, *protocol; // for whom it is
    YdGrant grant;
    gint64 until; // monotonic
} Pass;

static void
pass_free(gpointer data)
{
    Pass *pass = data;
    g_free(pass->edge);
    g_free(pass->gate);
    g_free(pass->protocol);
    yd_grant_clear(&pass->grant);
    g_free(pass);
}

// Hash of the grant -> Pass.
static GHashTable *
make_passes(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, pass_free);
}

static YdTable *
passes_of(YdService *service)
{
    return yd_table_of(service, "route", make_passes);
}

// ---- the map ----

// "HOST=GATE@ADDRESS:PORT"; all are owned by the caller.
static gboolean
split(const char *entry, char **ret_host, char **ret_gate, char **ret_address)
{
    const char *equal = strchr(entry, '='), *at = equal ? strchr(equal, '@') : NULL;
    const char *colon = at ? strrchr(at, ':') : NULL;
    guint64 port = 0;
    if (!colon || equal == entry || at == equal + 1 ||
        !g_ascii_string_to_unsigned(colon + 1, 10, 1, 65535, &port, NULL))
        return FALSE;
    g_autofree char *host = at[1] == '[' && colon[-1] == ']'
                                ? g_strndup(at + 2, (gsize)(colon - at - 3))
                                : g_strndup(at + 1, (gsize)(colon - at - 1));
    if (!g_hostname_is_ip_address(host))
        return FALSE;
    *ret_host = g_strndup(entry, (gsize)(equal - entry));
    *ret_gate = g_strndup(equal + 1, (gsize)(at - equal - 1));
    *ret_address = g_strdup(at + 1);
    return TRUE;
}

gboolean
yd_route_check(const char *const *host_gates, GError **error)
{
    for (gsize i = 0; host_gates && host_gates[i]; i++) {
        g_autofree char *host = NULL, *gate = NULL, *address = NULL;
        if (!split(host_gates[i], &host, &gate, &address))
            return yd_error_invalid(error, "host_gates",
                                    "[deskd] host_gates: “%.100s” is not HOST=GATE@ADDRESS:PORT "
                                    "with a numeric address, for example "
                                    "local=gate-1@192.0.2.10:443",
                                    host_gates[i]);
    }
    return TRUE;
}

// The gate of the host; FALSE when it has none.
static gboolean
gate_of(YdService *service, const char *host, char **ret_gate, char **ret_address)
{
    char **entries = yd_service_config(service)->host_gates;
    for (gsize i = 0; entries && entries[i]; i++) {
        g_autofree char *name = NULL, *gate = NULL, *address = NULL;
        if (split(entries[i], &name, &gate, &address) && strcmp(name, host) == 0) {
            *ret_gate = g_steal_pointer(&gate);
            *ret_address = g_steal_pointer(&address);
            return TRUE;
        }
    }
    return FALSE;
}

gboolean
yd_route_place(YdService *service, const char *host_name, char **ret_gate, char **ret_address)
{
    g_autofree char *address = NULL;
    if (!gate_of(service, host_name, ret_gate, &address))
        return FALSE;
    char *colon = strrchr(address, ':');
    *ret_address = *address == '[' ? g_strndup(address + 1, (gsize)(colon - address) - 2)
                                   : g_strndup(address, (gsize)(colon - address));
    return TRUE;
}

char *
yd_route_gate(YdService *service, const char *host_name)
{
    char *gate = NULL;
    g_autofree char *address = NULL;
    return gate_of(service, host_name, &gate, &address) ? gate : NULL;
}

// ---- grants on their way ----

static gboolean
is_over(gpointer key, gpointer value, gpointer data)
{
    return ((Pass *)value)->until < *(gint64 *)data;
}

static gboolean
keep(YdService *service, const char *token, Pass *pass)
{
    YdTable *passes = passes_of(service);
    gint64 now = g_get_monotonic_time();
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&passes->lock);
    g_hash_table_foreach_remove(passes->rows, is_over, &now);
    if (g_hash_table_size(passes->rows) >= PASSES_MAX)
        return FALSE;
    return g_hash_table_insert(passes->rows, yd_token_hash(token), pass);
}

gboolean
yd_route_grant(YdService *service, const char *gate, const char *host_id, const char *protocol,
               YdGrant *grant, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autofree char *inner = NULL, *address = NULL;
    if (!yd_service_config(service)->host_gates)
        return TRUE;
    g_autoptr(YdHost) host = store ? yd_store_get(store, &yd_host_type, host_id, error) : NULL;
    if (!host)
        return FALSE;
    if (!gate_of(service, host->name, &inner, &address) || strcmp(inner, gate) == 0)
        return TRUE;
    Pass *pass = g_new0(Pass, 1);
    pass->edge = g_strdup(gate);
    pass->gate = g_strdup(inner);
    pass->protocol = g_strdup(protocol);
    pass->until = g_get_monotonic_time() + PASS_US;
    pass->grant = *grant; // all of it moves
    *grant = (YdGrant){
        .session = g_strdup(pass->grant.session),
        .target = g_strconcat("tcp:", address, NULL),
        .idle_seconds = pass->grant.idle_seconds,
        .via_gate = g_steal_pointer(&inner),
        .via_grant = yd_token_new(32),
    };
    if (keep(service, grant->via_grant, pass))
        return TRUE;
    pass_free(pass);
    g_set_error_literal(error, YD_ERROR, YD_ERROR_LIMIT,
                        "too many connections are on their way between gates; try again");
    return FALSE;
}

void
yd_route_take(YdService *service, const char *gate, const char *edge, const char *via_grant,
              const char *protocol, YdGrant *ret_grant)
{
    YdTable *passes = passes_of(service);
    g_autofree char *hash = yd_token_hash(via_grant), *key = NULL;
    Pass *pass = NULL;
    // Shown once, it is gone, whoever showed it.
    g_mutex_lock(&passes->lock);
    g_hash_table_steal_extended(passes->rows, hash, (gpointer *)&key, (gpointer *)&pass);
    g_mutex_unlock(&passes->lock);
    gboolean fits = pass && pass->until >= g_get_monotonic_time() &&
                    strcmp(pass->gate, gate) == 0 && strcmp(pass->edge, edge) == 0 &&
                    strcmp(pass->protocol, protocol) == 0;
    if (fits) {
        *ret_grant = pass->grant;
        pass->grant = (YdGrant){0};
    } else {
        *ret_grant = (YdGrant){
            .code = "pass-unknown",
            .message = g_strdup("this grant was used, is over, or was given to other gates")};
    }
    if (pass)
        pass_free(pass);
}
