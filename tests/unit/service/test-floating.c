// SPDX-License-Identifier: Apache-2.0
// Floating pools on the fake hypervisor: spares, giving out and taking back, kills at every step, a
// crowd at once. Real overlays by qemu-img: a disk that somebody had is gone before another person
// gets the desktop.
#include "desk-fixture.h"

#include <string.h>
#include <glib/gstdio.h>

#include "base/id.h"
#include "service/connect.h"
#include "service/connection.h"
#include "service/desktop-private.h"
#include "service/floating.h"
#include "service/pool-keeper.h"
#include "service/pool.h"

#define ROUNDS 400

static void
make_floating(Desk *f, gint64 min_ready, gint64 max_desktops, gint64 warm, const char *power)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, f->pool_id, &error);
    yd_set_string(&pool->kind, "floating");
    yd_set_string(&pool->power, power);
    pool->min_ready = min_ready;
    pool->max_desktops = max_desktops;
    pool->warm = warm;
    g_assert_true(yd_store_update(f->store, &yd_pool_type, pool, &error));
    g_assert_no_error(error);
    g_autoptr(YdNetwork) network = yd_store_get(f->store, &yd_network_type, f->network_id, &error);
    yd_set_string(&network->range_last, "10.99.0.200");
    g_assert_true(yd_store_update(f->store, &yd_network_type, network, &error));
}

static guint
in_state(Desk *f, const char *state, gboolean spares)
{
    g_autoptr(GPtrArray) all = yd_store_all(f->store, &yd_desktop_type, "state", state, NULL);
    guint n = 0;
    for (guint i = 0; i < all->len; i++) {
        const YdDesktop *desktop = g_ptr_array_index(all, i);
        n += !spares || (!desktop->user_id && desktop->taken == 0);
    }
    return n;
}

// The keeper looks again and again until nothing is left to do.
static void
settle_at(Desk *f, gint64 ahead)
{
    for (guint i = 0, calm = 0; calm < 3; i++) {
        g_assert_cmpuint(i, <, ROUNDS);
        yd_pool_keep(f->service, yd_now_ms() + ahead);
        yd_pool_keep_wait(f->service);
        calm = desk_is_quiet(f) ? calm + 1 : 0;
        WAIT_FOR(desk_is_quiet(f));
    }
}

static void
settle(Desk *f)
{
    settle_at(f, 0);
}

static YdConnectAnswer *
ask(Desk *f, const YdActor *actor, GError **error)
{
    const YdConnectRequest request = {.pool_id = f->pool_id, .protocol = "rdp"};
    return yd_connect(f->service, actor, &request, error);
}

// Connects, waiting for jobs.
static YdConnectAnswer *
get_in(Desk *f, const YdActor *actor)
{
    for (guint i = 0; i < 10; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(YdConnectAnswer) answer = ask(f, actor, &error);
        g_assert_no_error(error);
        if (!answer->job)
            return g_steal_pointer(&answer);
        desk_job_ends(f, g_steal_pointer(&answer->job), "done");
    }
    g_error("going in circles");
}

static YdActor
person(Desk *f, const char *name, char **ret_id)
{
    *ret_id = desk_user(f, name, TRUE);
    return desk_actor(*ret_id, g_intern_string(name));
}

static ino_t
inode(Desk *f, const char *id)
{
    GStatBuf info;
    g_autofree char *path = g_strdup_printf("%s/images/%s.qcow2", f->directory, id);
    return g_stat(path, &info) == 0 ? info.st_ino : 0;
}

// What the person would leave on their disk.
static void
leave_mark(Desk *f, const char *id)
{
    g_autofree char *path = g_strdup_printf("%s/images/%s.qcow2", f->directory, id);
    FILE *file = fopen(path, "a");
    g_assert_nonnull(file);
    fputs("SECRET OF THIS PERSON", file);
    fclose(file);
}

static gboolean
has_mark(Desk *f, const char *id)
{
    g_autofree char *path = g_strdup_printf("%s/images/%s.qcow2", f->directory, id);
    g_autofree char *text = NULL;
    gsize length = 0;
    if (!g_file_get_contents(path, &text, &length, NULL))
        return FALSE;
    return memmem(text, length, "SECRET OF THIS PERSON", 21) != NULL;
}

// --- spares ---

static void
keeps_spares(Desk *f, gconstpointer data)
{
    make_floating(f, 3, 5, 1, NULL);
    desk_run(f);
    settle(f);
    g_assert_cmpuint(desk_count(f, &yd_desktop_type), ==, 3);
    g_assert_cmpuint(in_state(f, "paused", TRUE), ==, 1);
    g_assert_cmpuint(in_state(f, "off", TRUE), ==, 2);
    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, f->pool_id, NULL);
    g_assert_cmpint(pool->desktops_warm, ==, 1);
    g_assert_cmpint(pool->desktops_used, ==, 0);
    make_floating(f, 1, 5, 0, NULL);
    settle(f);
    g_assert_cmpuint(desk_count(f, &yd_desktop_type), ==, 1);
    g_assert_cmpuint(in_state(f, "off", TRUE), ==, 1);
}

// A new version of the template: warm spares of the former one are replaced.
static void
replaces_old_spares(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    make_floating(f, 2, 5, 2, NULL);
    desk_run(f);
    settle(f);
    g_autoptr(YdTemplateVersion) version =
        yd_store_get(f->store, &yd_template_version_type, f->version_id, &error);
    g_clear_pointer(&version->id, g_free);
    version->number = 2;
    g_autofree char *from = g_build_filename(f->directory, "images", "tplv-test.qcow2", NULL);
    g_autofree char *to = g_build_filename(f->directory, "images", "tplv-two.qcow2", NULL);
    g_autofree char *copy = g_strdup_printf("cp -a %s %s", from, to);
    g_assert_true(g_spawn_command_line_sync(copy, NULL, NULL, NULL, &error));
    yd_set_string(&version->image, "tplv-two.qcow2");
    yd_store_insert(f->store, &yd_template_version_type, version, &error);
    g_assert_no_error(error);
    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, f->pool_id, NULL);
    yd_set_string(&pool->template_version_id, version->id);
    g_assert_true(yd_store_update(f->store, &yd_pool_type, pool, &error));
    settle(f);
    g_autoptr(GPtrArray) all =
        yd_store_all(f->store, &yd_desktop_type, "template_version_id", version->id, NULL);
    g_assert_cmpuint(all->len, ==, 2);
    g_assert_cmpuint(desk_count(f, &yd_desktop_type), ==, 2);
    g_assert_cmpuint(in_state(f, "paused", TRUE), ==, 2);
}

// A spare that cannot be made is not tried again at once.
static void
does_not_hammer(Desk *f, gconstpointer data)
{
    g_autofree char *base = g_build_filename(f->directory, "images", "tplv-test.qcow2", NULL);
    g_autofree char *away = g_build_filename(f->directory, "away", NULL);
    g_assert_cmpint(g_rename(base, away), ==, 0);
    make_floating(f, 1, 5, 0, NULL);
    desk_run(f);
    settle(f);
    guint jobs = desk_count(f, &yd_job_type);
    g_assert_cmpuint(jobs, <=, 2);
    g_assert_cmpint(g_rename(away, base), ==, 0);
    settle_at(f, 61 * 1000);
    g_assert_cmpuint(in_state(f, "off", TRUE), ==, 1);
}

// --- giving out ---

static void
hands_out_a_warm_one(Desk *f, gconstpointer data)
{
    g_autofree char *bob_id = NULL;
    make_floating(f, 2, 5, 2, NULL);
    desk_run(f);
    settle(f);
    guint jobs = desk_count(f, &yd_job_type);
    g_autoptr(GError) error = NULL;
    g_autoptr(YdConnectAnswer) anna = ask(f, &f->user, &error);
    g_assert_no_error(error);
    g_assert_null(anna->job); // at once, without a job
    g_assert_cmpuint(desk_count(f, &yd_job_type), ==, jobs);
    g_assert_cmpstr(anna->username, ==, "anna");
    g_autoptr(YdDesktop) hers = desk_get(f, anna->desktop_id);
    g_assert_cmpstr(hers->user_id, ==, f->user_id);
    g_assert_cmpstr(hers->state, ==, "ready");
    g_assert_cmpint(hers->taken, >, 0);
    g_autofree char *script = yd_fake_last_input(desk_hv(f), hers->uuid);
    g_assert_nonnull(strstr(script, "NAME='anna'"));
    g_assert_true(g_str_has_prefix(script, "date -u -s @"));
    YdActor bob = person(f, "bob", &bob_id);
    g_autoptr(YdConnectAnswer) his = ask(f, &bob, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(his->desktop_id, !=, anna->desktop_id);
    // again: the same one
    g_autoptr(YdConnectAnswer) again = ask(f, &f->user, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(again->desktop_id, ==, anna->desktop_id);
    g_assert_cmpstr(again->password, ==, anna->password);
}

static void
makes_one_on_demand(Desk *f, gconstpointer data)
{
    make_floating(f, 0, 1, 0, NULL);
    desk_run(f);
    g_autoptr(YdConnectAnswer) answer = get_in(f, &f->user);
    g_autoptr(YdDesktop) desktop = desk_get(f, answer->desktop_id);
    g_assert_cmpstr(desktop->name, ==, "Office-1");
    g_autofree char *bob_id = NULL;
    YdActor bob = person(f, "bob", &bob_id);
    g_autoptr(GError) error = NULL;
    g_assert_null(ask(f, &bob, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_LIMIT);
    g_assert_nonnull(strstr(error->message, "all 1 desktops of \"Office\" are in use"));
}

typedef struct {
    Desk *f;
    YdActor actor;
    char *id, *desktop_id;
    int code;
} Guest;

static GMutex start_lock;

static gpointer
connect_thread(gpointer data)
{
    Guest *guest = data;
    const YdConnectRequest request = {.pool_id = guest->f->pool_id, .protocol = "rdp"};
    g_mutex_lock(&start_lock); // all at once
    g_mutex_unlock(&start_lock);
    for (guint i = 0; i < 20; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(YdConnectAnswer) answer =
            yd_connect(guest->f->service, &guest->actor, &request, &error);
        if (error) {
            guest->code = error->code;
            return NULL;
        }
        if (!answer->job) {
            guest->desktop_id = g_strdup(answer->desktop_id);
            return NULL;
        }
        g_autoptr(YdJob) ended = NULL;
        yd_job_wait(guest->f->service, answer->job->id, 30000, &ended, NULL);
    }
    guest->code = -1;
    return NULL;
}

// Forty people in the same second, twenty desktops, five of them warm.
static void
forty_for_twenty(Desk *f, gconstpointer data)
{
    Guest guests[40] = {0};
    GThread *threads[40];
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    guint in = 0, refused = 0;
    make_floating(f, 5, 20, 5, NULL);
    desk_run(f);
    settle(f);
    g_mutex_lock(&start_lock);
    for (guint i = 0; i < 40; i++) {
        g_autofree char *name = g_strdup_printf("guest%02u", i);
        guests[i].f = f;
        guests[i].actor = person(f, name, &guests[i].id);
        threads[i] = g_thread_new("guest", connect_thread, &guests[i]);
    }
    g_mutex_unlock(&start_lock);
    for (guint i = 0; i < 40; i++) {
        g_thread_join(threads[i]);
        if (guests[i].desktop_id) {
            g_assert_true(g_hash_table_add(seen, guests[i].desktop_id)); // nobody else has it
            in++;
        } else {
            g_assert_cmpint(guests[i].code, ==, YD_ERROR_LIMIT);
            refused++;
        }
    }
    g_assert_cmpuint(in, ==, 20);
    g_assert_cmpuint(refused, ==, 20);
    g_assert_cmpuint(desk_count(f, &yd_desktop_type), ==, 20);
    for (guint i = 0; i < 40; i++) {
        g_free(guests[i].id);
        g_free(guests[i].desktop_id);
    }
}

// --- taking back ---

static void
drop(Desk *f, const YdConnectAnswer *answer, gint64 sockets)
{
    g_autoptr(GError) error = NULL;
    YdGrant grant = {0};
    if (sockets > 0) {
        yd_connection_redeem(f->service, "gate-1", answer->ticket, "rdp", "192.0.2.7", &grant,
                             &error);
        g_assert_no_error(error);
        g_assert_nonnull(grant.session);
        yd_grant_clear(&grant);
    }
    const YdConnectionStats stats = {.session = answer->id, .sockets = sockets};
    yd_connection_stats(f->service, "gate-1", &stats, 1, &error);
    g_assert_no_error(error);
}

static void
log_off_gives_back(Desk *f, gconstpointer data)
{
    const char *const in[] = {"anna", NULL};
    make_floating(f, 1, 5, 0, NULL);
    desk_run(f);
    settle(f);
    g_autoptr(YdConnectAnswer) answer = get_in(f, &f->user);
    g_autoptr(YdDesktop) before = desk_get(f, answer->desktop_id);
    leave_mark(f, before->id);
    yd_fake_set_users(desk_hv(f), before->uuid, in);
    drop(f, answer, 1);
    settle(f);
    desk_assert_state(f, before->id, "ready"); // connected
    drop(f, answer, 0);
    settle_at(f, 8000);
    desk_assert_state(f, before->id, "ready"); // away, but the session lives in the guest
    yd_fake_set_users(desk_hv(f), before->uuid, NULL);
    settle_at(f, 8000);
    desk_assert_state(f, before->id, "ready"); // never seen logged in: maybe still about to
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) all =
        yd_store_all(f->store, &yd_connection_type, "desktop_id", before->id, &error);
    for (guint i = 0; i < all->len; i++) {
        YdConnection *connection = g_ptr_array_index(all, i);
        yd_set_string(&connection->log_in, "in");
        g_assert_true(yd_store_update(f->store, &yd_connection_type, connection, &error));
    }
    settle_at(f, 8000);
    g_autoptr(YdDesktop) after = desk_get(f, before->id);
    g_assert_false(has_mark(f, before->id));
    if (after) { // else it was one too many
        g_assert_null(after->user_id);
        g_assert_cmpint(after->taken, ==, 0);
    }
    YdGrant grant = {0};
    g_assert_true(yd_connection_redeem(f->service, "gate-1", answer->ticket, "rdp", "192.0.2.7",
                                       &grant, NULL));
    g_assert_null(grant.session); // the ticket is of no use any more
    yd_grant_clear(&grant);
}

static void
shut_down_gives_back(Desk *f, gconstpointer data)
{
    g_autofree char *bob_id = NULL;
    make_floating(f, 0, 1, 0, NULL);
    desk_run(f);
    g_autoptr(YdConnectAnswer) answer = get_in(f, &f->user);
    g_autoptr(YdDesktop) hers = desk_get(f, answer->desktop_id);
    ino_t disk = inode(f, hers->id);
    leave_mark(f, hers->id);
    g_autoptr(GError) error = NULL;
    YdJob *job = yd_desktop_shutdown(f->service, &f->user, hers->id, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    // before the keeper looked: she comes back, and does not find what she left
    YdActor bob = person(f, "bob", &bob_id);
    g_assert_null(ask(f, &bob, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_LIMIT);
    make_floating(f, 1, 1, 0, NULL);
    settle(f);
    g_assert_false(has_mark(f, hers->id));
    g_autoptr(YdConnectAnswer) his = get_in(f, &bob);
    g_assert_cmpstr(his->desktop_id, ==, hers->id);
    g_assert_cmpuint(disk, !=, 0);
    g_assert_false(has_mark(f, hers->id));
    g_assert_cmpstr(his->password, !=, answer->password);
}

// Who left their session open keeps it for the policy's time.
static void
kept_for_a_while(Desk *f, gconstpointer data)
{
    const char *const in[] = {"anna", NULL};
    make_floating(f, 1, 2, 0, "{\"keep_seconds\":600}");
    desk_run(f);
    settle(f);
    g_autoptr(YdConnectAnswer) answer = get_in(f, &f->user);
    g_autoptr(YdDesktop) desktop = desk_get(f, answer->desktop_id);
    yd_fake_set_users(desk_hv(f), desktop->uuid, in);
    drop(f, answer, 1);
    drop(f, answer, 0);
    g_assert_true(yd_connection_sweep(f->service, yd_now_ms() + 61 * 1000, NULL)); // grace over
    settle_at(f, 590 * 1000);
    desk_assert_state(f, desktop->id, "ready");
    settle_at(f, 670 * 1000);
    g_autoptr(YdDesktop) after = desk_get(f, desktop->id);
    g_assert_true(!after || !after->user_id);
}

// Killed at every step of the way back: never a desktop for another person with this one's disk.
static void
taking_back_survives_kills(Desk *f, gconstpointer data)
{
    static const char *const at[] = {"stop",   "stop:after",   "version", "version:after",
                                     "delete", "delete:after", "derive",  "derive:after",
                                     "off",    "off:after"};
    g_autofree char *bob_id = NULL;
    make_floating(f, 0, 1, 0, NULL);
    YdActor bob = person(f, "bob", &bob_id);
    for (gsize i = 0; i < G_N_ELEMENTS(at); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *where = g_strdup_printf("desktop-rebuild:%s", at[i]);
        desk_run(f);
        g_autoptr(YdConnectAnswer) answer = get_in(f, &f->user);
        g_autoptr(YdDesktop) desktop = desk_get(f, answer->desktop_id);
        leave_mark(f, desktop->id);
        yd_jobs_stop_at(f->service, where);
        yd_floating_release(f->service, desktop->id, desktop->taken, "test", TRUE, &error);
        g_assert_no_error(error);
        desk_abandoned(f);
        desk_reopen(f);
        // as it was left
        g_autoptr(YdDesktop) left = desk_get(f, desktop->id);
        g_assert_true(left->taken > 0 || !has_mark(f, left->id));
        g_assert_null(left->user_id);
        g_autoptr(YdConnectAnswer) early = ask(f, &bob, &error);
        g_assert_true(early ? left->taken == 0 : error->code == YD_ERROR_LIMIT);
        g_clear_error(&error);
        desk_run(f);
        settle(f);
        g_assert_false(has_mark(f, desktop->id));
        g_autoptr(YdConnectAnswer) his = get_in(f, &bob);
        g_assert_false(has_mark(f, his->desktop_id));
        g_autoptr(YdDesktop) bobs = desk_get(f, his->desktop_id);
        yd_floating_release(f->service, bobs->id, bobs->taken, "test", TRUE, &error);
        g_assert_no_error(error);
        settle(f);
        yd_jobs_stop(f->service);
        g_assert_cmpuint(desk_count(f, &yd_desktop_type), ==, 0);
    }
}

// A rebuild that fails leaves nobody a desktop that somebody had.
static void
failed_way_back(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    make_floating(f, 0, 1, 0, NULL);
    desk_run(f);
    g_autoptr(YdConnectAnswer) answer = get_in(f, &f->user);
    g_autoptr(YdDesktop) desktop = desk_get(f, answer->desktop_id);
    leave_mark(f, desktop->id);
    yd_fake_fail(desk_hv(f), "remove", 1, YD_ERROR_INTERNAL);
    yd_floating_release(f->service, desktop->id, desktop->taken, "test", TRUE, &error);
    g_assert_no_error(error);
    WAIT_FOR(desk_is_quiet(f));
    g_autoptr(YdDesktop) failed = desk_get(f, desktop->id);
    g_assert_cmpstr(failed->state, ==, "failed");
    g_assert_cmpint(failed->taken, >, 0);
    settle(f);
    g_assert_null(desk_get(f, desktop->id)); // deleted, not given out
    g_assert_false(desk_image(f, desktop->id));
}

// The person whose desktop was taken back has a ticket for it; it is another's by now.
static void
old_ticket_opens_nothing(Desk *f, gconstpointer data)
{
    g_autofree char *bob_id = NULL;
    g_autoptr(GError) error = NULL;
    make_floating(f, 1, 1, 0, NULL);
    desk_run(f);
    settle(f);
    g_autoptr(YdConnectAnswer) answer = get_in(f, &f->user);
    g_autoptr(YdDesktop) desktop = desk_get(f, answer->desktop_id);
    YdActor bob = person(f, "bob", &bob_id);
    yd_set_string(&desktop->user_id, bob_id); // whatever went wrong
    g_assert_true(yd_store_update(f->store, &yd_desktop_type, desktop, &error));
    YdGrant grant = {0};
    g_assert_true(yd_connection_redeem(f->service, "gate-1", answer->ticket, "rdp", "192.0.2.7",
                                       &grant, NULL));
    g_assert_null(grant.session);
    g_assert_cmpstr(grant.code, ==, "session-ended");
    yd_grant_clear(&grant);
    (void)bob;
}

static void
refusals(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    const char *one[] = {f->user_id, NULL};
    make_floating(f, 0, 1, 0, NULL);
    g_assert_null(yd_desktop_handout(f->service, &f->admin, f->pool_id, NULL, one, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_assert_nonnull(strstr(error->message, "min_ready"));
    g_clear_error(&error);

    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, f->pool_id, &error);
    g_assert_no_error(error);
    pool->personal_disk_gib = 1;
    g_assert_false(yd_pool_update(f->service, &f->admin, pool, pool->version, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, "personal_disk_gib"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, test) g_test_add("/floating/" path, Desk, NULL, desk_set_up, test, desk_tear_down)
    ADD("keeps-spares", keeps_spares);
    ADD("replaces-old-spares", replaces_old_spares);
    ADD("does-not-hammer", does_not_hammer);
    ADD("hands-out-a-warm-one", hands_out_a_warm_one);
    ADD("makes-one-on-demand", makes_one_on_demand);
    ADD("forty-for-twenty", forty_for_twenty);
    ADD("log-off-gives-back", log_off_gives_back);
    ADD("shut-down-gives-back", shut_down_gives_back);
    ADD("kept-for-a-while", kept_for_a_while);
    ADD("taking-back-survives-kills", taking_back_survives_kills);
    ADD("failed-way-back", failed_way_back);
    ADD("old-ticket-opens-nothing", old_ticket_opens_nothing);
    ADD("refusals", refusals);
    return g_test_run();
}
