// SPDX-License-Identifier: Apache-2.0
// Fixed ports: which number a desktop gets, to whom it is open when, and what ends a session.
#include "desk-fixture.h"

#include <string.h>

#include "base/id.h"
#include "base/secret.h"
#include "service/fixed-port.h"
#include "service/pool.h"
#include "store/store-ports.h"

#define HOUR ((gint64)3600 * 1000)

static void
choose(Desk *f, gboolean fixed)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, f->pool_id, &error);
    yd_set_string(&pool->policy, fixed ? "{\"fixed_port\":true}" : "{}");
    yd_pool_update(f->service, &f->admin, pool, 0, &error);
    g_assert_no_error(error);
}

// A desktop as good as ready, without its machine.
static char *
make_desktop(Desk *f, const char *user_id, const char *name, const char *state)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, f->pool_id, &error);
    g_autoptr(YdDesktop) desktop = yd_desktop_new();
    desktop->name = g_strdup(name);
    desktop->pool_id = g_strdup(f->pool_id);
    desktop->user_id = g_strdup(user_id);
    desktop->template_version_id = g_strdup(f->version_id);
    desktop->host_id = g_strdup(f->host_id);
    desktop->state = g_strdup(state);
    desktop->wanted = g_strdup("on");
    desktop->vcpus = 1;
    desktop->memory_mib = 128;
    yd_fixed_port_settle(f->service, f->store, pool, desktop, &error);
    g_assert_no_error(error);
    yd_store_insert(f->store, &yd_desktop_type, desktop, &error);
    g_assert_no_error(error);
    g_autoptr(YdAddress) address =
        yd_store_take_address(f->store, f->network_id, desktop->id, &error);
    g_assert_no_error(error);
    return g_strdup(desktop->id);
}

static gint64
port_of(Desk *f, const char *id)
{
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    return desktop->fixed_port;
}

static char *
log_in(Desk *f, const char *user_id, const char *address, gint64 expires_in)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdLogin) login = yd_login_new();
    login->user_id = g_strdup(user_id);
    login->token_hash = yd_token_new(32);
    login->kind = g_strdup("bearer");
    login->address = g_strdup(address);
    login->created = login->last_used = yd_now_ms();
    login->expires = yd_now_ms() + expires_in;
    yd_store_insert(f->store, &yd_login_type, login, &error);
    g_assert_no_error(error);
    return g_strdup(login->id);
}

static void
log_out(Desk *f, const char *login)
{
    g_autoptr(GError) error = NULL;
    yd_store_delete(f->store, &yd_login_type, login, 0, &error);
    g_assert_no_error(error);
}

// "50000=192.0.2.7,2001:db8::1 50001=…", in order.
static char *
open_at(Desk *f, gint64 now)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GHashTable) open = yd_fixed_ports_open(f->service, now, &error);
    g_assert_no_error(error);
    g_autoptr(GList) ports = g_list_sort(g_hash_table_get_keys(open), (GCompareFunc)strcmp);
    GString *text = g_string_new(NULL);
    for (GList *port = ports; port; port = port->next) {
        g_autofree char *sources = g_strjoinv(",", g_hash_table_lookup(open, port->data));
        g_string_append_printf(text, "%s%s=%s", text->len ? " " : "", (char *)port->data, sources);
    }
    return g_string_free(text, FALSE);
}

#define assert_open(f, expected)                                                                   \
    G_STMT_START                                                                                   \
    {                                                                                              \
        g_autofree char *is_open = open_at(f, yd_now_ms());                                        \
        g_assert_cmpstr(is_open, ==, expected);                                                    \
    }                                                                                              \
    G_STMT_END

static void
test_numbers(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    gint64 port = 0;
    choose(f, TRUE);
    g_autofree char *bob = desk_user(f, "bob", TRUE);
    g_autofree char *cleo = desk_user(f, "cleo", TRUE);
    g_autofree char *a = make_desktop(f, f->user_id, "a", "off");
    g_autofree char *b = make_desktop(f, bob, "b", "off");
    g_autofree char *c = make_desktop(f, cleo, "c", "off");
    g_assert_cmpint(port_of(f, a), ==, 50000);
    g_assert_cmpint(port_of(f, b), ==, 50001);
    g_assert_cmpint(port_of(f, c), ==, 50002);
    // Given back with the desktop; the lowest free one is taken again.
    yd_store_delete(f->store, &yd_desktop_type, b, 0, &error);
    g_assert_no_error(error);
    g_autofree char *again = make_desktop(f, bob, "b2", "off");
    g_assert_cmpint(port_of(f, again), ==, 50001);
    yd_store_delete(f->store, &yd_desktop_type, a, 0, &error);
    g_assert_true(yd_store_free_fixed_port(f->store, 50000, 50002, &port, &error));
    g_assert_cmpint(port, ==, 50000);
    // Another range; the end of one.
    g_assert_true(yd_store_free_fixed_port(f->store, 50001, 50009, &port, &error));
    g_assert_cmpint(port, ==, 50003);
    g_assert_true(yd_store_free_fixed_port(f->store, 40000, 40000, &port, &error));
    g_assert_cmpint(port, ==, 40000);
    g_assert_false(yd_store_free_fixed_port(f->store, 50001, 50002, &port, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_LIMIT);
}

// The choice of the pool counts for its desktops at once, both ways.
static void
test_policy(Desk *f, gconstpointer data)
{
    g_autofree char *a = make_desktop(f, f->user_id, "a", "ready");
    g_autofree char *login = log_in(f, f->user_id, "192.0.2.7", HOUR);
    g_assert_cmpint(port_of(f, a), ==, 0);
    assert_open(f, "");
    choose(f, TRUE);
    g_assert_cmpint(port_of(f, a), ==, 50000);
    assert_open(f, "50000=192.0.2.7");
    choose(f, FALSE);
    g_assert_cmpint(port_of(f, a), ==, 0);
    assert_open(f, "");
}

static void
test_open(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    choose(f, TRUE);
    g_autofree char *bob = desk_user(f, "bob", TRUE);
    g_autofree char *stranger = desk_user(f, "mallory", FALSE);
    g_autofree char *a = make_desktop(f, f->user_id, "a", "ready");
    g_autofree char *off = make_desktop(f, bob, "b", "off");
    g_autofree char *not_given = make_desktop(f, stranger, "m", "ready");
    assert_open(f, "");
    g_autofree char *home = log_in(f, f->user_id, "::ffff:192.0.2.7", HOUR);
    g_autofree char *twice = log_in(f, f->user_id, "192.0.2.7", HOUR);
    g_autofree char *bobs = log_in(f, bob, "192.0.2.8", HOUR);
    g_autofree char *strangers = log_in(f, stranger, "192.0.2.9", HOUR);
    assert_open(f, "50000=192.0.2.7");
    g_autofree char *v6 = log_in(f, f->user_id, "2001:db8::1", HOUR);
    g_autofree char *both = open_at(f, yd_now_ms());
    g_assert_nonnull(strstr(both, "2001:db8::1"));
    log_out(f, v6);
    log_out(f, twice);
    assert_open(f, "50000=192.0.2.7");
    // A log-in that runs out, or is idle for too long, closes it without an event.
    g_autofree char *later = open_at(f, yd_now_ms() + 2 * HOUR);
    g_assert_cmpstr(later, ==, "");
    log_out(f, home);
    assert_open(f, "");
    // Disabled, or with a password still to be changed.
    g_autofree char *back = log_in(f, f->user_id, "192.0.2.7", HOUR);
    g_autoptr(YdUser) user = yd_store_get(f->store, &yd_user_type, f->user_id, &error);
    user->must_change = TRUE;
    yd_store_update(f->store, &yd_user_type, user, &error);
    g_assert_no_error(error);
    assert_open(f, "");
    user->must_change = FALSE;
    user->enabled = FALSE;
    yd_store_update(f->store, &yd_user_type, user, &error);
    g_assert_no_error(error);
    assert_open(f, "");
}

static char *
enter(Desk *f, gint64 port, const char *address)
{
    g_autoptr(GError) error = NULL;
    YdGrant grant = {0};
    yd_fixed_port_enter(f->service, "gate-1", port, address, &grant, &error);
    g_assert_no_error(error);
    char *result = g_strdup(grant.session ? grant.session : grant.code);
    g_assert_true((grant.session != NULL) == (grant.target != NULL));
    yd_grant_clear(&grant);
    return result;
}

static void
assert_session(Desk *f, const char *id, const char *state, gint64 sockets)
{
    g_autoptr(YdConnection) row = yd_store_get(f->store, &yd_connection_type, id, NULL);
    g_assert_nonnull(row);
    g_assert_cmpstr(row->state, ==, state);
    g_assert_cmpint(row->sockets, ==, sockets);
    g_assert_cmpint(row->fixed_port, ==, 50000);
    g_assert_cmpstr(row->protocol, ==, "rdp");
    g_assert_cmpstr(row->client_address, ==, "192.0.2.7");
}

static void
sweep(Desk *f)
{
    g_autoptr(GError) error = NULL;
    yd_fixed_ports_sweep(f->service, yd_now_ms(), &error);
    g_assert_no_error(error);
}

static void
test_sessions(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    choose(f, TRUE);
    g_autofree char *a = make_desktop(f, f->user_id, "a", "ready");
    g_autofree char *early = enter(f, 50000, "192.0.2.7");
    g_assert_cmpstr(early, ==, "not-open");
    g_autofree char *login = log_in(f, f->user_id, "192.0.2.7", HOUR);
    g_autofree char *colleague = enter(f, 50000, "192.0.2.8");
    g_autofree char *elsewhere = enter(f, 50001, "192.0.2.7");
    g_autofree char *nowhere = enter(f, 50000, "not an address");
    g_assert_cmpstr(colleague, ==, "not-open");
    g_assert_cmpstr(elsewhere, ==, "not-open");
    g_assert_cmpstr(nowhere, ==, "not-open");
    g_autofree char *first = enter(f, 50000, "192.0.2.7");
    g_autofree char *second = enter(f, 50000, "::ffff:192.0.2.7");
    g_assert_cmpstr(first, ==, second);
    sweep(f);
    assert_session(f, first, "open", 2);
    // The desktop restarts: nobody gets in, but what runs is not cut for it.
    g_autoptr(YdDesktop) desktop = desk_get(f, a);
    yd_set_string(&desktop->state, "preparing");
    yd_store_update(f->store, &yd_desktop_type, desktop, &error);
    g_assert_no_error(error);
    g_autofree char *restarting = enter(f, 50000, "192.0.2.7");
    g_assert_cmpstr(restarting, ==, "desktop-not-running");
    sweep(f);
    assert_session(f, first, "open", 2);
    log_out(f, login);
    sweep(f);
    assert_session(f, first, "ended", 0);
}

static void
test_taken_away(Desk *f, gconstpointer data)
{
    choose(f, TRUE);
    g_autofree char *a = make_desktop(f, f->user_id, "a", "ready");
    g_autofree char *login = log_in(f, f->user_id, "192.0.2.7", HOUR);
    g_autofree char *session = enter(f, 50000, "192.0.2.7");
    assert_session(f, session, "open", 1);
    choose(f, FALSE);
    sweep(f);
    assert_session(f, session, "ended", 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name, function)                                                                       \
    g_test_add("/fixed-port/" name, Desk, NULL, desk_set_up, function, desk_tear_down)
    TEST("numbers", test_numbers);
    TEST("policy", test_policy);
    TEST("open", test_open);
    TEST("sessions", test_sessions);
    TEST("taken-away", test_taken_away);
    return g_test_run();
}
