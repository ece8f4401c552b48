// SPDX-License-Identifier: Apache-2.0
// Connecting and what becomes of connections: rights, passwords, tickets and their limits, gates'
// reports, cutting, hung agents.
#include "desk-fixture.h"

#include <string.h>
#include <time.h>

#include "base/id.h"
#include "service/connect.h"
#include "service/connection.h"
#include "service/pool.h"
#include "store/store-connect.h"
#include "store/store-people.h"

static YdConnectAnswer *
try_connect(Desk *f, const YdActor *actor, const char *id, const char *protocol, GError **error)
{
    const YdConnectRequest request = {.desktop_id = id, .protocol = protocol};
    return yd_connect(f->service, actor, &request, error);
}

static YdConnectAnswer *
connect_to(Desk *f, const char *id, const char *protocol)
{
    g_autoptr(GError) error = NULL;
    YdConnectAnswer *answer = try_connect(f, &f->user, id, protocol, &error);
    g_assert_no_error(error);
    g_assert_null(answer->job);
    return answer;
}

static void
redeem(Desk *f, const char *ticket, const char *protocol, const char *address, YdGrant *grant)
{
    g_autoptr(GError) error = NULL;
    *grant = (YdGrant){0};
    yd_connection_redeem(f->service, "gate-1", ticket, protocol, address, grant, &error);
    g_assert_no_error(error);
}

// The code of a refusal, or "granted".
static const char *
verdict(Desk *f, const char *ticket, const char *protocol, const char *address)
{
    YdGrant grant;
    redeem(f, ticket, protocol, address, &grant);
    const char *code = grant.session ? "granted" : grant.code;
    g_assert_true(grant.session || grant.message);
    yd_grant_clear(&grant);
    return code;
}

static YdConnection *
row_of(Desk *f, const char *id)
{
    YdConnection *row = yd_store_get(f->store, &yd_connection_type, id, NULL);
    g_assert_nonnull(row);
    return row;
}

static void
report(Desk *f, const char *session, gint64 sockets, gint64 up, gint64 down)
{
    g_autoptr(GError) error = NULL;
    const YdConnectionStats stats = {
        .session = session, .sockets = sockets, .bytes_up = up, .bytes_down = down, .rtt_us = 900};
    yd_connection_stats(f->service, "gate-1", &stats, 1, &error);
    g_assert_no_error(error);
}

// --- cuts, as the gate hears them ---

static GMutex cut_lock;
static GString *cuts;

static void
on_cut(const char *gate, const char *session, const char *reason, gpointer data)
{
    g_mutex_lock(&cut_lock);
    g_string_append_printf(cuts, "%s|%s;", session, reason);
    g_mutex_unlock(&cut_lock);
}

static gboolean
was_cut(const char *session)
{
    g_mutex_lock(&cut_lock);
    gboolean cut = strstr(cuts->str, session) != NULL;
    g_mutex_unlock(&cut_lock);
    return cut;
}

static void
set_up(Desk *f, gconstpointer data)
{
    cuts = g_string_new(NULL);
    desk_set_up(f, data);
    yd_connection_on_cut(f->service, on_cut, NULL);
}

static void
tear_down(Desk *f, gconstpointer data)
{
    desk_tear_down(f, data);
    g_string_free(cuts, TRUE);
}

// --- connecting ---

// From nothing: made, started, connected, by asking again after each job.
static void
first_connect(Desk *f, gconstpointer data)
{
    const YdConnectRequest request = {.pool_id = f->pool_id, .protocol = "rdp"};
    g_autofree char *kinds = g_strdup("");
    desk_run(f);
    for (guint i = 0; i < 10; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(YdConnectAnswer) answer = yd_connect(f->service, &f->user, &request, &error);
        g_assert_no_error(error);
        if (!answer->job) {
            g_assert_cmpuint(strlen(answer->ticket), ==, 43);
            g_assert_cmpstr(answer->username, ==, "anna");
            g_assert_cmpstr(answer->protocol, ==, "rdp");
            g_assert_cmpstr(answer->file_name, ==, "Office-anna.rdp");
            g_assert_nonnull(strstr(answer->file_content, answer->ticket));
            g_assert_nonnull(strstr(answer->file_content, "signature:s:"));
            break;
        }
        char *more = g_strdup_printf("%s%s ", kinds, answer->job->kind);
        g_free(kinds);
        kinds = more;
        desk_job_ends(f, g_steal_pointer(&answer->job), "done");
    }
    g_assert_cmpstr(kinds, ==, "desktop-create desktop-start ");
}

static void
answers_fit_the_guest(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    g_autoptr(YdConnectAnswer) rdp = connect_to(f, id, NULL);
    g_autofree char *password = yd_fake_last_password(desk_hv(f), desktop->uuid);
    g_assert_cmpstr(rdp->protocol, ==, "rdp");
    g_assert_cmpstr(rdp->password, ==, password);
    g_assert_null(strstr(rdp->file_content, password));

    g_autoptr(YdConnectAnswer) spice = connect_to(f, id, "spice");
    g_autofree char *display = yd_fake_last_spice_password(desk_hv(f), desktop->uuid);
    g_assert_cmpstr(spice->password, ==, display);
    g_assert_nonnull(strstr(spice->file_content, display));

    // What the database holds opens nothing.
    g_autoptr(YdConnection) row = row_of(f, rdp->id);
    g_assert_cmpstr(row->ticket_hash, !=, rdp->ticket);
    g_auto(YdConnectFacts) facts = {0};
    g_assert_true(yd_store_connect_facts(f->store, id, NULL, yd_now_ms(), &facts, NULL));
    g_assert_null(strstr(facts.sealed, password));
}

// The one-time password is used again while a session lives, and made anew afterwards.
static void
passwords(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    g_autoptr(YdConnectAnswer) first = connect_to(f, id, "rdp");
    g_autoptr(YdConnectAnswer) soon = connect_to(f, id, "rdp");
    g_assert_cmpstr(first->password, ==, soon->password);
    g_assert_cmpstr(first->ticket, !=, soon->ticket);

    // Later, with a session in the guest: the same; without: another.
    f->config.first_use_seconds = 0;
    desk_reopen(f);
    const char *anna[] = {"anna", NULL};
    yd_fake_set_users(desk_hv(f), desktop->uuid, anna);
    g_autoptr(YdConnectAnswer) living = connect_to(f, id, "rdp");
    g_assert_cmpstr(first->password, ==, living->password);
    yd_fake_set_users(desk_hv(f), desktop->uuid, NULL);
    g_autoptr(YdConnectAnswer) fresh = connect_to(f, id, "rdp");
    g_assert_cmpstr(first->password, !=, fresh->password);
    g_autofree char *set = yd_fake_last_password(desk_hv(f), desktop->uuid);
    g_assert_cmpstr(fresh->password, ==, set);
}

static void
set_policy(Desk *f, const char *policy)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, f->pool_id, &error);
    g_assert_no_error(error);
    yd_set_string(&pool->policy, policy);
    yd_store_update(f->store, &yd_pool_type, pool, &error);
    g_assert_no_error(error);
}

// The guest is told the policy before a ticket is made, once for each policy, and who can't be told
// is not connected to. Browsers' sessions have what it forbids closed at the gate.
static void
policies(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    g_autoptr(GError) error = NULL;
    yd_fake_exec_answer(desk_hv(f), 7, "no");
    g_autoptr(YdConnectAnswer) as_started = connect_to(f, id, "rdp"); // told at its start
    set_policy(f, "{\"clipboard\": false}");
    g_assert_null(try_connect(f, &f->user, id, "rdp", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_assert_nonnull(strstr(error->message, "policy could not be set"));
    yd_fake_exec_answer(desk_hv(f), 0, "");
    g_autoptr(YdConnectAnswer) told = connect_to(f, id, "rdp-web");
    g_autofree char *input = yd_fake_last_input(desk_hv(f), desktop->uuid);
    g_assert_nonnull(strstr(input, "channels:cliprdr=false"));
    g_assert_null(strstr(input, "rdpdr=false"));
    yd_fake_exec_answer(desk_hv(f), 7, "no");
    g_autoptr(YdConnectAnswer) again = connect_to(f, id, "rdp");
    YdGrant grant;
    redeem(f, told->ticket, "rdp-web", "192.0.2.7", &grant);
    g_assert_cmpstr(grant.closed[0], ==, "cliprdr");
    g_assert_null(grant.closed[1]);
    yd_grant_clear(&grant);
    // A session that comes back comes back under the policy of now.
    set_policy(f, "{\"smartcards\": false, \"audio\": false}");
    redeem(f, told->ticket, "rdp-web", "192.0.2.7", &grant);
    g_assert_cmpstr(grant.closed[0], ==, "rdpdr");
    g_assert_cmpstr(grant.closed[1], ==, "rdpsnd");
    g_assert_cmpstr(grant.closed[2], ==, "drdynvc");
    g_assert_null(grant.closed[3]);
    yd_grant_clear(&grant);
}

// SPICE of a workbench (nobody's, of no pool) is for who may see consoles; of a desktop it is its
// person's.
static void
workbench_screen(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_assert_null(try_connect(f, &f->admin, id, "spice", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_autoptr(YdDesktop) desktop = yd_store_get(f->store, &yd_desktop_type, id, NULL);
    yd_set_string(&desktop->user_id, NULL);
    yd_set_string(&desktop->pool_id, NULL);
    g_assert_true(yd_store_update(f->store, &yd_desktop_type, desktop, &error));
    g_autoptr(YdConnectAnswer) answer = try_connect(f, &f->admin, id, "spice", &error);
    g_assert_no_error(error);
    g_assert_nonnull(strstr(answer->file_content, "[virt-viewer]"));
    g_assert_null(try_connect(f, &f->user, id, "spice", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
}

static void
refusals(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *bob = desk_user(f, "bob", TRUE);
    YdActor actor = desk_actor(bob, "bob");
    g_assert_null(try_connect(f, &actor, id, "rdp", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    // Not even an administrator opens somebody else's desktop, but sees its console.
    g_assert_null(try_connect(f, &f->admin, id, "rdp", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_autoptr(YdConnectAnswer) console = try_connect(f, &f->admin, id, "console", &error);
    g_assert_no_error(error);
    g_assert_null(console->file_content);
    g_assert_null(try_connect(f, &f->user, id, "console", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
    g_clear_error(&error);
    g_assert_null(try_connect(f, &f->user, id, "telnet", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_clear_error(&error);
    g_assert_null(try_connect(f, &f->user, "dsk-none", "rdp", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);

    // The log-in ended meanwhile.
    YdActor gone = f->user;
    gone.login_id = "log-none";
    g_assert_null(try_connect(f, &gone, id, "rdp", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAUTHENTICATED);
    g_clear_error(&error);

    // The pool was taken away.
    g_autoptr(GPtrArray) given =
        yd_store_all(f->store, &yd_entitlement_type, "user_id", f->user_id, NULL);
    const YdEntitlement *entitlement = g_ptr_array_index(given, 0);
    g_assert_true(yd_store_delete(f->store, &yd_entitlement_type, entitlement->id, 0, &error));
    g_assert_null(try_connect(f, &f->user, id, "rdp", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_ENTITLED);
}

static void
by_the_template(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdTemplate) template =
        yd_store_find(f->store, &yd_template_type, "name", "Small", NULL);
    yd_set_string(&template->access, "spice");
    g_assert_true(yd_store_update(f->store, &yd_template_type, template, NULL));
    g_assert_null(try_connect(f, &f->user, id, "rdp", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_autoptr(YdConnectAnswer) answer = connect_to(f, id, NULL);
    g_assert_cmpstr(answer->protocol, ==, "spice");
}

static void
hosts_in_answers(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(GError) error = NULL;
    const YdConnectRequest request = {
        .desktop_id = id, .protocol = "spice", .host = "desk.example.org", .port = 8443};
    g_autoptr(YdConnectAnswer) came_by = yd_connect(f->service, &f->user, &request, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(came_by->host, ==, "desk.example.org");
    g_assert_cmpuint(came_by->port, ==, 8443);
    g_assert_nonnull(strstr(came_by->file_content, "proxy=https://ticket:"));
    f->config.public_host = g_strdup("public.example.org");
    f->config.public_port = 444;
    desk_reopen(f);
    g_autoptr(YdConnectAnswer) named = yd_connect(f->service, &f->user, &request, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(named->host, ==, "public.example.org");
    g_assert_cmpuint(named->port, ==, 444);
}

// --- tickets ---

static void
redeems(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdConnectAnswer) answer = connect_to(f, id, "rdp");
    YdGrant grant;
    redeem(f, answer->ticket, "rdp", "192.0.2.7", &grant);
    g_assert_cmpstr(grant.session, ==, answer->id);
    g_assert_cmpstr(grant.target, ==, "tcp:10.99.0.10:3389");
    yd_grant_clear(&grant);
    g_autoptr(YdConnection) row = row_of(f, answer->id);
    g_assert_cmpstr(row->state, ==, "open");
    g_assert_cmpstr(row->gate, ==, "gate-1");
    g_assert_cmpint(row->first_used, >, 0);

    g_autoptr(YdConnectAnswer) spice = connect_to(f, id, "spice");
    redeem(f, spice->ticket, "spice", "192.0.2.7", &grant);
    g_assert_true(g_str_has_prefix(grant.target, "tcp:127.0.0.1:"));
    yd_grant_clear(&grant);
    g_autoptr(YdConnectAnswer) console = try_connect(f, &f->admin, id, "console", NULL);
    redeem(f, console->ticket, "console", "192.0.2.1", &grant);
    g_assert_true(g_str_has_prefix(grant.target, "unix:/"));
    yd_grant_clear(&grant);
}

static void
refused_tickets(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *guessed = yd_token_new(32);
    g_autoptr(YdConnectAnswer) answer = connect_to(f, id, "rdp");
    g_assert_cmpstr(verdict(f, guessed, "rdp", "192.0.2.7"), ==, "ticket-unknown");
    g_assert_cmpstr(verdict(f, "", "rdp", "192.0.2.7"), ==, "ticket-unknown");
    g_assert_cmpstr(verdict(f, answer->ticket, "spice", "192.0.2.7"), ==, "wrong-protocol");
    g_assert_cmpstr(verdict(f, answer->ticket, "rdp", "192.0.2.8"), ==, "wrong-source");
    g_assert_cmpstr(verdict(f, answer->ticket, "rdp", "nonsense"), ==, "wrong-source");
    g_assert_cmpstr(verdict(f, answer->ticket, "rdp", "::ffff:192.0.2.7"), ==, "granted");

    // Late.
    g_autoptr(YdConnectAnswer) late = connect_to(f, id, "rdp");
    g_autoptr(YdConnection) row = row_of(f, late->id);
    row->expires = yd_now_ms() - 1;
    g_assert_true(yd_store_update(f->store, &yd_connection_type, row, NULL));
    g_assert_cmpstr(verdict(f, late->ticket, "rdp", "192.0.2.7"), ==, "ticket-expired");

    // The desktop is off.
    g_autoptr(YdConnectAnswer) other = connect_to(f, id, "rdp");
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    g_assert_true(yd_store_desktop_move(f->store, desktop, "off", NULL));
    g_assert_cmpstr(verdict(f, other->ticket, "rdp", "192.0.2.7"), ==, "desktop-not-running");
}

static void
sources(Desk *f, gconstpointer data)
{
    static const struct {
        const char *policy, *made, *used, *verdict;
    } cases[] = {
        {"exact", "192.0.2.7", "192.0.2.7", "granted"},
        {"exact", "192.0.2.7", "192.0.2.77", "wrong-source"},
        {"exact", "2001:db8::1", "2001:db8::1", "granted"},
        {"exact", "2001:db8::1", "2001:db8::2", "wrong-source"},
        {"net", "192.0.2.7", "192.0.2.200", "granted"},
        {"net", "192.0.2.7", "192.0.3.7", "wrong-source"},
        {"net", "2001:db8::1", "2001:db8::ffff:2", "granted"},
        {"net", "2001:db8::1", "2001:db8:0:1::1", "wrong-source"},
        {"net", "192.0.2.7", "2001:db8::1", "wrong-source"},
        {"none", "192.0.2.7", "203.0.113.9", "granted"},
        // All loopback addresses are one.
        {"exact", "127.0.0.1", "::1", "granted"},
        {"exact", "::1", "127.0.0.1", "granted"},
        {"exact", "127.0.0.1", "127.200.0.9", "granted"},
        {"exact", "::ffff:127.0.0.1", "::1", "granted"},
        {"net", "::1", "127.0.0.53", "granted"},
        {"exact", "127.0.0.1", "192.0.2.7", "wrong-source"},
        {"exact", "::1", "::2", "wrong-source"},
        {"exact", "::1", "7f00::", "wrong-source"},
        {"exact", "192.0.2.7", "127.0.0.1", "wrong-source"},
    };
    g_autofree char *id = desk_make_ready(f);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, f->pool_id, NULL);
        g_free(pool->policy);
        pool->policy = g_strdup_printf("{\"source\":\"%s\"}", cases[i].policy);
        g_assert_true(yd_store_update(f->store, &yd_pool_type, pool, NULL));
        const YdConnectRequest request = {
            .desktop_id = id, .protocol = "rdp", .address = cases[i].made};
        g_autoptr(YdConnectAnswer) answer = yd_connect(f->service, &f->user, &request, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(verdict(f, answer->ticket, "rdp", cases[i].used), ==, cases[i].verdict);
    }
}

// Further sockets while it lives; coming back within the grace, not too often.
static void
reconnects(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdConnectAnswer) answer = connect_to(f, id, "rdp");
    for (guint i = 0; i < 30; i++) // channels of one session
        g_assert_cmpstr(verdict(f, answer->ticket, "rdp", "192.0.2.7"), ==, "granted");
    for (guint i = 0; i < f->config.reconnects; i++) {
        report(f, answer->id, 0, 100, 200);
        g_autoptr(YdConnection) row = row_of(f, answer->id);
        g_assert_cmpstr(row->state, ==, "dropped");
        g_assert_cmpstr(verdict(f, answer->ticket, "rdp", "192.0.2.7"), ==, "granted");
    }
    report(f, answer->id, 0, 100, 200);
    g_assert_cmpstr(verdict(f, answer->ticket, "rdp", "192.0.2.7"), ==, "ticket-used");

    g_autoptr(YdConnectAnswer) away = connect_to(f, id, "rdp");
    g_assert_cmpstr(verdict(f, away->ticket, "rdp", "192.0.2.7"), ==, "granted");
    report(f, away->id, 0, 1, 2);
    g_autoptr(YdConnection) row = row_of(f, away->id);
    row->last_seen -= (f->config.grace_seconds + 1) * 1000;
    g_assert_true(yd_store_update(f->store, &yd_connection_type, row, NULL));
    g_assert_cmpstr(verdict(f, away->ticket, "rdp", "192.0.2.7"), ==, "session-ended");
}

static void
reports(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdConnectAnswer) answer = connect_to(f, id, "rdp");
    verdict(f, answer->ticket, "rdp", "192.0.2.7");
    report(f, answer->id, 2, 123, 456);
    g_autoptr(YdConnection) row = row_of(f, answer->id);
    g_assert_cmpint(row->sockets, ==, 2);
    g_assert_cmpint(row->bytes_up, ==, 123);
    g_assert_cmpint(row->bytes_down, ==, 456);
    g_assert_cmpint(row->rtt_us, ==, 900);
    g_assert_cmpint(row->score, ==, 100);
    g_assert_cmpstr(row->score_reason, ==, "good");
    // A gate that still has sockets of a session we do not know is told.
    report(f, "con-unknown", 1, 0, 0);
    g_assert_true(was_cut("con-unknown"));
}

static gint64
events_so_far(Desk *f)
{
    gint64 newest = 0;
    g_autoptr(GPtrArray) events = yd_store_events(f->store, 0, 1, NULL, &newest, NULL);
    g_assert_nonnull(events);
    return newest;
}

// A gate's figures: score and reason follow them, and whoever looks hears of what counts only.
static void
scores(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdConnectAnswer) answer = connect_to(f, id, "rdp");
    g_autoptr(YdConnection) fresh = row_of(f, answer->id);
    g_assert_cmpint(fresh->score, ==, -1);
    g_assert_null(fresh->score_reason);
    verdict(f, answer->ticket, "rdp", "192.0.2.7");
    const struct {
        gint64 rtt_ms, loss_ppm, score;
        const char *reason;
        gboolean told;
    } steps[] = {
        {10, 0, 100, "good", TRUE},     {50, 0, 100, "good", FALSE}, // 98: no news
        {150, 0, 75, "delay", TRUE},    {160, 0, 75, "delay", FALSE},
        {150, 50000, 41, "loss", TRUE}, {10, 50000, 55, "loss", TRUE},
        {10, 0, 100, "good", TRUE},     {0, 50000, 100, "good", FALSE}, // nothing was measured
    };
    for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
        const YdConnectionStats stats = {
            .session = answer->id,
            .sockets = 1,
            .rtt_us = steps[i].rtt_ms * 1000,
            .min_rtt_us = 1000,
            .loss_ppm = steps[i].loss_ppm,
            .first_byte_ms = 12,
            .first_picture_ms = 340,
        };
        gint64 before = events_so_far(f);
        g_assert_true(yd_connection_stats(f->service, "gate-1", &stats, 1, NULL));
        g_autoptr(YdConnection) row = row_of(f, answer->id);
        g_assert_cmpint(row->score, ==, steps[i].score);
        g_assert_cmpstr(row->score_reason, ==, steps[i].reason);
        g_assert_cmpint(row->rtt_us, ==, steps[i].rtt_ms * 1000);
        g_assert_cmpint(row->first_byte_ms, ==, 12);
        g_assert_cmpint(row->first_picture_ms, ==, 340);
        g_assert_cmpint(events_so_far(f) - before, ==, steps[i].told ? 1 : 0);
    }
}

// --- ends ---

static void
cut_by_people(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdConnectAnswer) answer = connect_to(f, id, "rdp");
    verdict(f, answer->ticket, "rdp", "192.0.2.7");
    g_autofree char *bob = desk_user(f, "bob", TRUE);
    YdActor stranger = desk_actor(bob, "bob");
    g_assert_false(yd_connection_cut(f->service, &stranger, answer->id, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_true(yd_connection_cut(f->service, &f->admin, answer->id, &error));
    g_assert_true(was_cut(answer->id));
    g_assert_cmpstr(verdict(f, answer->ticket, "rdp", "192.0.2.7"), ==, "session-ended");
    g_autoptr(YdConnection) row = row_of(f, answer->id);
    g_assert_cmpstr(row->state, ==, "ended");
    g_assert_cmpstr(row->reason, ==, "disconnected by an administrator");
    g_assert_false(yd_connection_cut(f->service, &f->admin, answer->id, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
}

static void
cut_with_what_they_hang_on(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    guint n = 0;
    g_autoptr(YdConnectAnswer) a = connect_to(f, id, "rdp");
    verdict(f, a->ticket, "rdp", "192.0.2.7");
    g_assert_true(yd_connection_cut_user(f->service, f->user_id, "the user is disabled", &n, NULL));
    g_assert_cmpuint(n, ==, 1);
    g_assert_true(was_cut(a->id));

    g_autoptr(YdConnectAnswer) b = connect_to(f, id, "rdp");
    g_assert_true(yd_connection_cut_login(f->service, f->login_id, "logged out", &n, NULL));
    g_assert_true(was_cut(b->id));

    g_autoptr(YdConnectAnswer) c = connect_to(f, id, "rdp");
    g_autoptr(GError) error = NULL;
    YdJob *job = yd_desktop_shutdown(f->service, &f->user, id, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    g_assert_true(was_cut(c->id));
    g_autoptr(YdConnection) row = row_of(f, c->id);
    g_assert_cmpstr(row->reason, ==, "the desktop was switched off");
    g_assert_cmpstr(verdict(f, c->ticket, "rdp", "192.0.2.7"), ==, "session-ended");
}

static void
swept(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdConnectAnswer) unused = connect_to(f, id, "rdp");
    g_autoptr(YdConnectAnswer) open = connect_to(f, id, "rdp");
    g_autoptr(YdConnectAnswer) dropped = connect_to(f, id, "rdp");
    verdict(f, open->ticket, "rdp", "192.0.2.7");
    verdict(f, dropped->ticket, "rdp", "192.0.2.7");
    report(f, dropped->id, 0, 1, 1);
    g_autoptr(GError) error = NULL;
    g_assert_true(yd_connection_sweep(f->service, yd_now_ms(), &error));
    g_autoptr(YdConnection) young = row_of(f, unused->id);
    g_assert_cmpstr(young->state, ==, "new");
    g_assert_true(yd_connection_sweep(f->service, yd_now_ms() + 100 * 1000, &error));
    g_autoptr(YdConnection) late = row_of(f, unused->id);
    g_autoptr(YdConnection) live = row_of(f, open->id);
    g_autoptr(YdConnection) closed = row_of(f, dropped->id);
    g_assert_cmpstr(late->reason, ==, "not used in time");
    g_assert_cmpstr(live->state, ==, "open");
    g_assert_cmpstr(closed->reason, ==, "closed by the client");
    // Its log-in expires.
    g_assert_true(yd_store_delete(f->store, &yd_login_type, f->login_id, 0, &error));
    g_assert_true(yd_connection_sweep(f->service, yd_now_ms(), &error));
    g_assert_true(was_cut(open->id));
}

// A desktop that went silent gives its session that reason; one that came back forgets it.
static void
desktop_lost(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdConnectAnswer) a = connect_to(f, id, "rdp");
    g_autoptr(GError) error = NULL;
    const YdConnectionStats lost = {.session = a->id, .desktop_lost = TRUE};
    g_assert_cmpstr(verdict(f, a->ticket, "rdp", "192.0.2.7"), ==, "granted");
    g_assert_true(yd_connection_stats(f->service, "gate-1", &lost, 1, &error));
    g_autoptr(YdConnection) dropped = row_of(f, a->id);
    g_assert_cmpstr(dropped->state, ==, "dropped");
    g_assert_cmpstr(dropped->reason, ==, "the desktop does not answer any more");
    g_assert_cmpstr(verdict(f, a->ticket, "rdp", "192.0.2.7"), ==, "granted");
    g_autoptr(YdConnection) back = row_of(f, a->id);
    g_assert_cmpstr(back->state, ==, "open");
    g_assert_null(back->reason);
    g_assert_true(yd_connection_stats(f->service, "gate-1", &lost, 1, &error));
    g_assert_true(yd_connection_sweep(f->service, yd_now_ms() + 100 * 1000, &error));
    g_autoptr(YdConnection) ended = row_of(f, a->id);
    g_assert_cmpstr(ended->state, ==, "ended");
    g_assert_cmpstr(ended->reason, ==, "the desktop does not answer any more");
}

// One person's sessions: told at the connect, and looked at again when a ticket is used, since many
// can be asked for beforehand. Coming back counts as well; what is open may open more sockets.
static void
too_many_sessions(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    f->config.max_sessions_per_user = 2;
    desk_reopen(f);
    yd_connection_on_cut(f->service, on_cut, NULL);
    g_autoptr(YdConnectAnswer) a = connect_to(f, id, "rdp");
    g_autoptr(YdConnectAnswer) b = connect_to(f, id, "rdp");
    g_autoptr(YdConnectAnswer) c = connect_to(f, id, "rdp");
    g_assert_cmpstr(verdict(f, a->ticket, "rdp", "192.0.2.7"), ==, "granted");
    g_assert_cmpstr(verdict(f, b->ticket, "rdp", "192.0.2.7"), ==, "granted");
    g_assert_cmpstr(verdict(f, c->ticket, "rdp", "192.0.2.7"), ==, "too-many-sessions");
    g_assert_cmpstr(verdict(f, b->ticket, "rdp", "192.0.2.7"), ==, "granted");
    g_autoptr(GError) error = NULL;
    g_autoptr(YdConnectAnswer) refused = try_connect(f, &f->user, id, "rdp", &error);
    g_assert_null(refused);
    g_assert_error(error, YD_ERROR, YD_ERROR_LIMIT);
    g_assert_nonnull(strstr(error->message, "(2)"));
    // One ends for a while: another one takes its place, and then it can't come back.
    report(f, a->id, 0, 1, 1);
    g_assert_cmpstr(verdict(f, c->ticket, "rdp", "192.0.2.7"), ==, "granted");
    g_assert_cmpstr(verdict(f, a->ticket, "rdp", "192.0.2.7"), ==, "too-many-sessions");
    report(f, b->id, 0, 1, 1);
    g_assert_cmpstr(verdict(f, a->ticket, "rdp", "192.0.2.7"), ==, "granted");
}

// --- hung agents ---

typedef struct {
    Desk *f;
    char *user_id, *username, *desktop_id;
    GThread *thread;
    gint64 ms;
    gboolean good;
} Caller;

static gpointer
call(gpointer data)
{
    Caller *caller = data;
    YdActor actor = desk_actor(caller->user_id, caller->username);
    gint64 since = g_get_monotonic_time();
    g_autoptr(GError) error = NULL;
    g_autoptr(YdConnectAnswer) answer =
        try_connect(caller->f, &actor, caller->desktop_id, "rdp", &error);
    caller->good = answer != NULL && answer->ticket != NULL;
    if (!caller->good)
        g_assert_error(error, YD_ERROR, YD_ERROR_TIMEOUT);
    caller->ms = (g_get_monotonic_time() - since) / 1000;
    return NULL;
}

static void
caller_set_up(Desk *f, Caller *caller, guint number)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdDesktop) desktop = NULL;
    YdJob *job = NULL;
    caller->f = f;
    caller->username = g_strdup_printf("p%u", number);
    caller->user_id = desk_user(f, caller->username, TRUE);
    YdActor actor = desk_actor(caller->user_id, caller->username);
    g_assert_true(yd_desktop_derive(f->service, &actor, f->pool_id, &desktop, &job, &error));
    desk_job_ends(f, job, "done");
    job = yd_desktop_start(f->service, &actor, desktop->id, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    caller->desktop_id = g_strdup(desktop->id);
}

static void
hung_agents_hold_up_nobody(Desk *f, gconstpointer data)
{
    Caller hung[3] = {0};
    Caller well = {0};
    desk_run(f);
    caller_set_up(f, &well, 9);
    for (guint i = 0; i < G_N_ELEMENTS(hung); i++) {
        caller_set_up(f, &hung[i], i);
        g_autoptr(YdDesktop) desktop = desk_get(f, hung[i].desktop_id);
        yd_fake_agent_hang(desk_hv(f), desktop->uuid, TRUE);
    }
    for (guint i = 0; i < G_N_ELEMENTS(hung); i++)
        hung[i].thread = g_thread_new("hung", call, &hung[i]);
    call(&well);
    g_assert_true(well.good);
    g_assert_cmpint(well.ms, <, 2000);
    for (guint i = 0; i < G_N_ELEMENTS(hung); i++) {
        g_thread_join(hung[i].thread);
        g_assert_false(hung[i].good);
        g_assert_cmpint(hung[i].ms, <, 8000); // in parallel, five seconds each
    }
    Caller *all[] = {&well, &hung[0], &hung[1], &hung[2]};
    for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
        g_free(all[i]->username);
        g_free(all[i]->user_id);
        g_free(all[i]->desktop_id);
    }
}

// Many at once for one desktop: one password, all tickets good.
static void
many_at_once(Desk *f, gconstpointer data)
{
    Caller callers[8] = {0};
    g_autofree char *id = desk_make_ready(f);
    yd_fake_agent_delay(desk_hv(f), 5, 10);
    for (guint i = 0; i < G_N_ELEMENTS(callers); i++) {
        callers[i] =
            (Caller){.f = f, .user_id = f->user_id, .username = (char *)"anna", .desktop_id = id};
        callers[i].thread = g_thread_new("caller", call, &callers[i]);
    }
    for (guint i = 0; i < G_N_ELEMENTS(callers); i++) {
        g_thread_join(callers[i].thread);
        g_assert_true(callers[i].good);
    }
    g_assert_cmpuint(desk_count(f, &yd_connection_type), ==, G_N_ELEMENTS(callers));
}

#define ADD(name, func) g_test_add("/connect/" name, Desk, NULL, set_up, func, tear_down)

// As if the wall clock showed that much more than it does.
static void
settle(Desk *f, gint64 more_ms)
{
    g_autoptr(GError) error = NULL;
    struct timespec steady;
    clock_gettime(CLOCK_BOOTTIME, &steady);
    gint64 steady_ms = steady.tv_sec * 1000 + steady.tv_nsec / 1000000;
    g_assert_true(yd_connection_settle_clock(f->service, yd_now_ms() + more_ms, steady_ms, &error));
    g_assert_no_error(error);
}

static gboolean
is_near(gint64 a, gint64 b)
{
    return ABS(a - b) < 1000;
}

// A clock that is put right by an hour, either way, ends no session and neither kills nor revives
// tickets.
static void
clock_jumps(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    static const gint64 jumps[] = {3600 * 1000, -3600 * 1000};
    for (gsize i = 0; i < G_N_ELEMENTS(jumps); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(YdConnectAnswer) open = connect_to(f, id, "rdp");
        g_autoptr(YdConnectAnswer) fresh = connect_to(f, id, "rdp");
        g_assert_cmpstr(verdict(f, open->ticket, "rdp", "192.0.2.7"), ==, "granted");
        g_autoptr(YdConnection) before = row_of(f, open->id);
        settle(f, 3000); // kept right by a second or two at a time: no jump
        settle(f, 0);
        g_autoptr(YdConnection) same = row_of(f, open->id);
        g_assert_cmpint(same->last_seen, ==, before->last_seen);
        settle(f, jumps[i]);
        g_autoptr(YdConnection) after = row_of(f, open->id);
        g_autoptr(YdConnection) unused = row_of(f, fresh->id);
        g_assert_true(is_near(after->last_seen, before->last_seen + jumps[i]));
        g_assert_true(is_near(unused->expires, fresh->expires + jumps[i]));
        // And back again, which the sweep and the redeem see themselves.
        g_assert_true(yd_connection_sweep(f->service, yd_now_ms(), &error));
        g_autoptr(YdConnection) live = row_of(f, open->id);
        g_assert_cmpstr(live->state, ==, "open");
        g_assert_cmpstr(verdict(f, fresh->ticket, "rdp", "192.0.2.7"), ==, "granted");
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("first-connect", first_connect);
    ADD("answers-fit-the-guest", answers_fit_the_guest);
    ADD("passwords", passwords);
    ADD("policies", policies);
    ADD("refusals", refusals);
    ADD("workbench-screen", workbench_screen);
    ADD("by-the-template", by_the_template);
    ADD("hosts-in-answers", hosts_in_answers);
    ADD("redeems", redeems);
    ADD("clock-jumps", clock_jumps);
    ADD("refused-tickets", refused_tickets);
    ADD("sources", sources);
    ADD("reconnects", reconnects);
    ADD("reports", reports);
    ADD("scores", scores);
    ADD("cut-by-people", cut_by_people);
    ADD("cut-with-what-they-hang-on", cut_with_what_they_hang_on);
    ADD("swept", swept);
    ADD("desktop-lost", desktop_lost);
    ADD("too-many-sessions", too_many_sessions);
    ADD("hung-agents-hold-up-nobody", hung_agents_hold_up_nobody);
    ADD("many-at-once", many_at_once);
    return g_test_run();
}
