// SPDX-License-Identifier: Apache-2.0
// Fixed ports: numbers, rights, sessions. What is open is worked out anew each time (a log-in that
// runs out makes no event), so that no change can be missed.
#include "service/fixed-port.h"

#include <string.h>
#include <gio/gio.h>

#include "base/secret.h"
#include "model/desktop-state.h"
#include "model/policy.h"
#include "service/route.h"
#include "service/settings.h"
#include "store/store-ports.h"

// ---- numbers ----

static gboolean
wants_port(const YdPool *pool, gboolean *ret_wants, GError **error)
{
    YdPolicy policy;
    if (!yd_policy_parse(pool->policy, &policy, error))
        return FALSE;
    *ret_wants = policy.fixed_port;
    return TRUE;
}

gboolean
yd_fixed_port_check(YdService *service, YdStore *store, const YdPool *pool, GError **error)
{
    gboolean wants = FALSE;
    if (!wants_port(pool, &wants, error))
        return FALSE;
    if (!wants)
        return TRUE;
    if (yd_service_config(service)->fixed_port_first == 0)
        return yd_error_invalid(error, "policy",
                                "fixed_port: there are no fixed ports here; give a range by "
                                "[deskgate] fixed_ports in the configuration");
    g_autoptr(YdTemplateVersion) version =
        yd_store_get(store, &yd_template_version_type, pool->template_version_id, error);
    if (!version)
        return FALSE;
    return g_strcmp0(version->access, "rdp") == 0 ||
           yd_error_invalid(error, "policy",
                            "fixed_port: a fixed port leads to RDP, and the way in of “%s” is %s",
                            version->template_name, version->access);
}

gboolean
yd_fixed_port_settle(YdService *service, YdStore *store, const YdPool *pool, YdDesktop *desktop,
                     GError **error)
{
    const YdServiceConfig *config = yd_service_config(service);
    gboolean wants = FALSE;
    if (!wants_port(pool, &wants, error))
        return FALSE;
    if (!wants || config->fixed_port_first == 0) {
        desktop->fixed_port = 0;
        return TRUE;
    }
    return desktop->fixed_port > 0 ||
           yd_store_free_fixed_port(store, config->fixed_port_first, config->fixed_port_last,
                                    &desktop->fixed_port, error);
}

gboolean
yd_fixed_port_settle_pool(YdService *service, YdStore *store, const YdPool *pool, GError **error)
{
    g_autoptr(GPtrArray) desktops =
        yd_store_all(store, &yd_desktop_type, "pool_id", pool->id, error);
    for (guint i = 0; desktops && i < desktops->len; i++) {
        YdDesktop *desktop = desktops->pdata[i];
        gint64 before = desktop->fixed_port;
        if (!yd_fixed_port_settle(service, store, pool, desktop, error) ||
            (desktop->fixed_port != before &&
             !yd_store_update(store, &yd_desktop_type, desktop, error)))
            return FALSE;
    }
    return desktops != NULL;
}

// ---- rights ----

static GPtrArray *
rights_of(YdService *service, gint64 port, gint64 now, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    gint64 idle = yd_settings_int(service, "login_idle_seconds") * 1000;
    gint64 longest = yd_settings_int(service, "login_max_seconds") * 1000;
    return store ? yd_store_port_rights(store, port, now, now - idle, now - longest, error) : NULL;
}

// As the gate writes it: without a zone, IPv4 as such. NULL: no address. Owned.
static char *
plain_address(const char *text)
{
    static const guint8 mapped[12] = {[10] = 0xff, [11] = 0xff};
    g_autofree char *plain = g_strdup(text ? text : "");
    *strchrnul(plain, '%') = '\0';
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(plain);
    if (!address)
        return NULL;
    const guint8 *bytes = g_inet_address_to_bytes(address);
    if (g_inet_address_get_native_size(address) == 16 && memcmp(bytes, mapped, sizeof mapped) == 0)
        return g_strdup_printf("%u.%u.%u.%u", bytes[12], bytes[13], bytes[14], bytes[15]);
    return g_inet_address_to_string(address);
}

static gboolean
is_from(const YdPortRight *right, const char *address)
{
    g_autofree char *whence = plain_address(right->address);
    return whence && g_strcmp0(whence, address) == 0;
}

static void
add_source(GHashTable *open, const YdPortRight *right)
{
    g_autofree char *port = g_strdup_printf("%" G_GINT64_FORMAT, right->port);
    g_autofree char *source = plain_address(right->address);
    char **sources = g_hash_table_lookup(open, port);
    guint n = sources ? g_strv_length(sources) : 0;
    if (!source || n >= YD_FIXED_PORT_SOURCES ||
        (sources && g_strv_contains((const char *const *)sources, source)))
        return;
    char **more = g_new0(char *, n + 2);
    for (guint i = 0; i < n; i++)
        more[i] = g_strdup(sources[i]);
    more[n] = g_steal_pointer(&source);
    g_hash_table_replace(open, g_steal_pointer(&port), more);
}

GHashTable *
yd_fixed_ports_open(YdService *service, gint64 now, GError **error)
{
    g_autoptr(GPtrArray) rights = rights_of(service, 0, now, error);
    if (!rights)
        return NULL;
    GHashTable *open =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_strfreev);
    for (guint i = 0; i < rights->len; i++) {
        const YdPortRight *right = rights->pdata[i];
        if (strcmp(right->state, YD_DESKTOP_READY) == 0 && right->ip)
            add_source(open, right);
    }
    return open;
}

// Whether the session's own log-in still opens its port from where it came.
static gboolean
has_right(GPtrArray *rights, const YdConnection *session)
{
    for (guint i = 0; i < rights->len; i++) {
        const YdPortRight *right = rights->pdata[i];
        if (right->port == session->fixed_port &&
            g_strcmp0(right->desktop_id, session->desktop_id) == 0 &&
            g_strcmp0(right->login_id, session->login_id) == 0 &&
            is_from(right, session->client_address))
            return TRUE;
    }
    return FALSE;
}

gboolean
yd_fixed_ports_sweep(YdService *service, gint64 now, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(GPtrArray) sessions = store ? yd_store_port_connections(store, error) : NULL;
    if (!sessions)
        return FALSE;
    if (sessions->len == 0)
        return TRUE;
    g_autoptr(GPtrArray) rights = rights_of(service, 0, now, error);
    for (guint i = 0; rights && i < sessions->len; i++) {
        const YdConnection *session = sessions->pdata[i];
        if (!has_right(rights, session) &&
            !yd_connection_end(service, session->id,
                               "the log-in has ended, or the desktop is not theirs any more",
                               error))
            return FALSE;
    }
    return rights != NULL;
}

// ---- sessions ----

// The newest live log-in from that address.
static const YdPortRight *
right_from(GPtrArray *rights, const char *address)
{
    for (guint i = 0; i < rights->len; i++) {
        if (is_from(rights->pdata[i], address))
            return rights->pdata[i];
    }
    return NULL;
}

static YdConnection *
new_session(const YdPortRight *right, const char *address, const char *gate, gint64 now)
{
    YdConnection *session = yd_connection_new();
    g_autofree char *nobodys = yd_token_new(32); // no ticket leads here
    session->desktop_id = g_strdup(right->desktop_id);
    session->user_id = g_strdup(right->user_id);
    session->login_id = g_strdup(right->login_id);
    session->protocol = g_strdup("rdp");
    session->ticket_hash = yd_token_hash(nobodys);
    session->client_address = g_strdup(address);
    session->source = g_strdup("exact");
    session->gate = g_strdup(gate);
    session->fixed_port = right->port;
    session->first_used = session->expires = now;
    session->score = -1;
    return session;
}

static YdConnection *
living_session(YdStore *store, const YdPortRight *right, const char *address, const char *gate,
               GError **error)
{
    g_autoptr(GPtrArray) sessions = yd_store_port_connections(store, error);
    for (guint i = 0; sessions && i < sessions->len; i++) {
        const YdConnection *session = sessions->pdata[i];
        if (session->fixed_port == right->port &&
            g_strcmp0(session->desktop_id, right->desktop_id) == 0 &&
            g_strcmp0(session->login_id, right->login_id) == 0 &&
            g_strcmp0(session->client_address, address) == 0 && g_strcmp0(session->gate, gate) == 0)
            return yd_connection_copy(session);
    }
    return NULL;
}

// Fills in the grant's session, or why there is none.
static gboolean
note_entry(YdService *service, const YdPortRight *right, const char *address, const char *gate,
           YdGrant *grant, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = store ? yd_store_tx(store, error) : NULL;
    GError *local = NULL;
    gint64 now = yd_now_ms();
    if (!tx)
        return FALSE;
    g_autoptr(YdConnection) session = living_session(store, right, address, gate, &local);
    if (local) {
        g_propagate_error(error, local);
        return FALSE;
    }
    gboolean is_new = session == NULL, room = TRUE;
    guint limit = 0;
    if (is_new && !yd_connection_has_room(service, right->user_id, &room, &limit, error))
        return FALSE;
    if (!room) {
        grant->code = "too-many-sessions";
        grant->message = g_strdup_printf(YD_TOO_MANY_SESSIONS, limit);
        return TRUE;
    }
    if (is_new)
        session = new_session(right, address, gate, now);
    yd_set_string(&session->state, "open");
    session->last_seen = now;
    session->sockets++;
    YdActor owner = {.user_id = right->user_id,
                     .username = right->username,
                     .login_id = right->login_id,
                     .address = address};
    g_autofree char *details =
        g_strdup_printf("{\"fixed_port\":%" G_GINT64_FORMAT "}", right->port);
    gboolean good = is_new ? yd_store_insert(store, &yd_connection_type, session, error) &&
                                 yd_service_audit(service, &owner, "connection.create", "desktop",
                                                  right->desktop_id, right->name, details, error)
                           : yd_store_update(store, &yd_connection_type, session, error);
    if (!good || !yd_store_tx_commit(&tx, error))
        return FALSE;
    grant->session = g_strdup(session->id);
    return TRUE;
}

gboolean
yd_fixed_port_enter(YdService *service, const char *gate, gint64 port, const char *address,
                    YdGrant *ret_grant, GError **error)
{
    g_autoptr(GPtrArray) rights = rights_of(service, port, yd_now_ms(), error);
    g_autofree char *whence = plain_address(address);
    if (!rights)
        return FALSE;
    const YdPortRight *right = port > 0 && whence ? right_from(rights, whence) : NULL;
    if (!right) {
        *ret_grant = (YdGrant){
            .code = "not-open",
            .message = g_strdup("the port is not open to this address: its owner has to log in "
                                "from it first")};
        return TRUE;
    }
    if (strcmp(right->state, YD_DESKTOP_READY) != 0 || !right->ip) {
        *ret_grant = (YdGrant){
            .code = "desktop-not-running",
            .message = g_strdup_printf("the desktop is %s; start it first", right->state)};
        return TRUE;
    }
    YdGrant grant = {0};
    if (!note_entry(service, right, whence, gate, &grant, error))
        return FALSE;
    if (!grant.session) {
        *ret_grant = grant;
        return TRUE;
    }
    grant.target = g_strdup_printf("tcp:%s:3389", right->ip);
    if (!yd_route_grant(service, gate, right->host_id, "rdp", &grant, error)) {
        yd_grant_clear(&grant);
        return FALSE;
    }
    *ret_grant = grant;
    return TRUE;
}
