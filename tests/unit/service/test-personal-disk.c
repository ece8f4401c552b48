// SPDX-License-Identifier: Apache-2.0
// Personal disks on a fake host with real images: made once, kept whatever happens to the desktop,
// at one machine at a time, with a kill at each step that touches them.
#include "desk-fixture.h"

#include <string.h>
#include <glib/gstdio.h>

#include "service/personal-disk.h"
#include "service/pool.h"
#include "service/settings.h"
#include "service/template-image.h"

static void
want_disks(Desk *f, const char *pool_id, gint64 gib)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, pool_id, &error);
    pool->personal_disk_gib = gib;
    yd_pool_update(f->service, &f->admin, pool, 0, &error);
    g_assert_no_error(error);
}

static void
set_up(Desk *f, gconstpointer data)
{
    desk_set_up(f, data);
    want_disks(f, f->pool_id, 3);
}

static YdPersonalDisk *
disk_of(Desk *f)
{
    g_autoptr(GError) error = NULL;
    YdPersonalDisk *disk = yd_personal_disk_of(f->store, f->pool_id, f->user_id, &error);
    g_assert_no_error(error);
    return disk;
}

static char *
file_of(Desk *f, const YdPersonalDisk *disk)
{
    return g_build_filename(f->directory, "images", disk->image, NULL);
}

#define ACT(verb, f, id, end)                                                                      \
    G_STMT_START                                                                                   \
    {                                                                                              \
        g_autoptr(GError) act_error = NULL;                                                        \
        YdJob *act_job = yd_desktop_##verb((f)->service, &(f)->admin, id, &act_error);             \
        g_assert_no_error(act_error);                                                              \
        desk_job_ends(f, act_job, end);                                                            \
    }                                                                                              \
    G_STMT_END

static void
delete_desktop(Desk *f, const char *id, const char *disk)
{
    g_autoptr(GError) error = NULL;
    YdJob *job = yd_desktop_delete_with(f->service, &f->admin, id, 0, disk, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
}

static void
outlives_its_desktop(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdPersonalDisk) first = disk_of(f);
    g_autofree char *file = file_of(f, first);
    GStatBuf made, now;
    g_assert_cmpstr(first->name, ==, "anna@Office");
    g_assert_cmpstr(first->state, ==, "ready");
    g_assert_true(first->formatted);
    g_assert_cmpint(first->size_gib, ==, 3);
    g_assert_cmpstr(first->desktop_id, ==, id);
    g_assert_cmpint(g_stat(file, &made), ==, 0);

    ACT(rebuild, f, id, "done");
    want_disks(f, f->pool_id, 0); // no new ones; those that there are stay
    ACT(start, f, id, "done");
    delete_desktop(f, id, NULL);
    g_autoptr(YdPersonalDisk) kept = disk_of(f);
    g_assert_cmpstr(kept->id, ==, first->id);
    g_assert_null(kept->desktop_id);

    g_autofree char *again = desk_make_ready(f);
    g_autoptr(YdPersonalDisk) used = disk_of(f);
    g_assert_cmpstr(used->id, ==, first->id);
    g_assert_cmpstr(used->desktop_id, ==, again);
    g_assert_cmpint(g_stat(file, &now), ==, 0);
    g_assert_cmpuint(made.st_ino, ==, now.st_ino);
    g_assert_cmpuint(desk_count(f, &yd_personal_disk_type), ==, 1);

    // What it takes counts for its person, beside their desktop.
    yd_template_image_tidy(f->service, yd_now_ms());
    g_autoptr(YdPersonalDisk) measured = disk_of(f);
    g_autoptr(YdDesktop) desktop = desk_get(f, again);
    g_autoptr(YdUser) user = yd_store_get(f->store, &yd_user_type, f->user_id, NULL);
    g_assert_cmpint(measured->disk_bytes, >, 0);
    g_assert_cmpint(desktop->disk_bytes, >, 0);
    g_assert_cmpint(user->disk_bytes, ==, measured->disk_bytes + desktop->disk_bytes);
}

static void
starts_survive_kills(Desk *f, gconstpointer data)
{
    static const char *const at[] = {"personal", "personal:after", "launch:after", "home",
                                     "home:after"};
    g_autofree char *id = desk_make(f);
    for (gsize i = 0; i < G_N_ELEMENTS(at); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *where = g_strconcat("desktop-start:", at[i], NULL);
        yd_jobs_stop_at(f->service, where);
        YdJob *job = yd_desktop_start(f->service, &f->admin, id, &error);
        g_assert_no_error(error);
        desk_abandoned(f);
        desk_reopen(f);
        desk_run(f);
        desk_job_ends(f, job, "done");
        g_autoptr(YdPersonalDisk) disk = disk_of(f);
        g_assert_cmpstr(disk->state, ==, "ready");
        g_assert_true(disk->formatted);
        g_assert_cmpuint(desk_count(f, &yd_personal_disk_type), ==, 1);
        ACT(power_off, f, id, "done");
    }
}

// A kill between the row and the file, and between the file and the word that it is there.
static void
half_made(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make(f);
    g_autoptr(YdPersonalDisk) disk = yd_personal_disk_new();
    disk->pool_id = g_strdup(f->pool_id);
    disk->user_id = g_strdup(f->user_id);
    disk->owner = g_strdup("anna");
    disk->image = g_strdup("pdk-half.qcow2");
    disk->state = g_strdup("new");
    disk->size_gib = 2;
    g_assert_true(yd_store_insert(f->store, &yd_personal_disk_type, disk, &error));
    g_assert_true(yd_storage_derive(yd_service_storage(f->service), NULL, disk->image,
                                    (gint64)2 << 30, &error));
    ACT(start, f, id, "done");
    g_autoptr(YdPersonalDisk) now = disk_of(f);
    g_assert_cmpstr(now->id, ==, disk->id);
    g_assert_cmpstr(now->state, ==, "ready");
}

static void
start_fails(Desk *f, const char *id, const char *why)
{
    g_autoptr(GError) error = NULL;
    YdJob *job = yd_desktop_start(f->service, &f->admin, id, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "failed");
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    g_assert_cmpstr(desktop->state, ==, "off");
    if (!strstr(desktop->error, why))
        g_error("\"%s\" is not in \"%s\"", why, desktop->error);
}

static void
missing_or_damaged(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdPersonalDisk) disk = disk_of(f);
    g_autofree char *file = file_of(f, disk), *away = g_strconcat(file, ".away", NULL);
    ACT(power_off, f, id, "done");
    g_assert_cmpint(g_rename(file, away), ==, 0);
    start_fails(f, id, "is missing");
    g_assert_false(g_file_test(file, G_FILE_TEST_EXISTS));
    g_assert_true(g_file_set_contents(file, "no image", -1, NULL));
    start_fails(f, id, "is damaged");
    g_autoptr(YdPersonalDisk) bad = disk_of(f);
    g_assert_nonnull(bad->error);
    g_assert_cmpint(g_rename(away, file), ==, 0);
    ACT(start, f, id, "done");
    g_autoptr(YdPersonalDisk) good = disk_of(f);
    g_assert_null(good->error);
}

// --- at one machine at a time ---

static char *
second_pool(Desk *f, gint64 gib)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdPool) pool = yd_pool_new();
    pool->name = g_strdup("Second");
    pool->network_id = g_strdup(f->network_id);
    pool->template_version_id = g_strdup(f->version_id);
    pool->vcpus = 1;
    pool->memory_mib = 128;
    pool->personal_disk_gib = gib;
    pool->enabled = TRUE;
    g_assert_true(yd_pool_create(f->service, &f->admin, pool, &error));
    g_assert_true(yd_pool_entitle(f->service, &f->admin, pool->id, NULL, f->user_id, NULL, &error));
    return g_strdup(pool->id);
}

static void
refuse_move(Desk *f, const char *id, const char *pool_id, int code, const char *why)
{
    g_autoptr(GError) error = NULL;
    g_assert_false(yd_personal_disk_move(f->service, &f->admin, id, pool_id, &error));
    g_assert_error(error, YD_ERROR, code);
    if (!strstr(error->message, why))
        g_error("\"%s\" is not in \"%s\"", why, error->message);
}

static void
moves(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f), *second = second_pool(f, 0);
    g_autoptr(YdPersonalDisk) disk = disk_of(f);
    refuse_move(f, disk->id, second, YD_ERROR_INVALID, "has no personal disks");
    refuse_move(f, disk->id, "pol-none", YD_ERROR_INVALID, "pool_id");
    want_disks(f, second, 1);
    refuse_move(f, disk->id, second, YD_ERROR_STATE, "attached to desktop “Office-anna”");
    g_assert_false(yd_personal_disk_delete(f->service, &f->admin, disk->id, 0, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_clear_error(&error);
    g_assert_false(yd_personal_disk_move(f->service, &f->user, disk->id, second, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
    g_clear_error(&error);

    ACT(power_off, f, id, "done");
    yd_personal_disk_move(f->service, &f->admin, disk->id, second, &error);
    g_assert_no_error(error);
    g_autoptr(YdPersonalDisk) none = disk_of(f);
    g_assert_null(none);
    ACT(start, f, id, "done"); // gets a new one of its own
    g_autoptr(YdPersonalDisk) other = disk_of(f);
    g_assert_cmpstr(other->id, !=, disk->id);
    refuse_move(f, disk->id, f->pool_id, YD_ERROR_EXISTS, "already");
}

// The row says off, the host knows better: a disk that a machine has is not given to another.
static void
second_machine_is_refused(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f), *second = second_pool(f, 1);
    g_autoptr(YdDesktop) other = NULL;
    YdJob *job = NULL;
    g_assert_true(yd_desktop_derive(f->service, &f->user, second, &other, &job, &error));
    desk_job_ends(f, job, "done");
    g_autoptr(YdPersonalDisk) disk = disk_of(f);
    yd_set_string(&disk->pool_id, second); // as if the move had not looked
    g_assert_true(yd_store_update(f->store, &yd_personal_disk_type, disk, &error));
    start_fails(f, other->id, "attached to desktop “Office-anna”");
    g_autoptr(YdDesktop) holder = desk_get(f, id);
    yd_fake_set_alive(desk_hv(f), FALSE); // nobody can tell whether it runs
    g_assert_false(yd_personal_disk_delete(f->service, &f->admin, disk->id, 0, &error));
    yd_fake_set_alive(desk_hv(f), TRUE);
}

// --- growing ---

static gint64
image_bytes(Desk *f, const YdPersonalDisk *disk)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdImageInfo) info =
        yd_storage_look(yd_service_storage(f->service), disk->image, &error);
    g_assert_no_error(error);
    return info->virtual_bytes;
}

static void
grows(Desk *f, gconstpointer data)
{
    static const char *const at[] = {"image", "image:after", "guest", "guest:after"};
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdPersonalDisk) disk = disk_of(f);
    YdJob *job = NULL;
    ACT(power_off, f, id, "done");
    for (gsize i = 0; i < G_N_ELEMENTS(at); i++) {
        g_autofree char *where = g_strconcat("personal-disk-grow:", at[i], NULL);
        yd_jobs_stop_at(f->service, where);
        yd_personal_disk_grow(f->service, &f->admin, disk->id, 4 + (gint64)i, &job, &error);
        g_assert_no_error(error);
        desk_abandoned(f);
        desk_reopen(f);
        desk_run(f);
        desk_job_ends(f, job, "done");
        g_autoptr(YdPersonalDisk) now = disk_of(f);
        g_assert_cmpint(now->size_gib, ==, 4 + (gint64)i);
        g_assert_cmpint(image_bytes(f, disk), ==, (4 + (gint64)i) << 30);
    }
    // Running: by the host, which makes the fake's disk larger and not the file.
    ACT(start, f, id, "done");
    yd_personal_disk_grow(f->service, &f->admin, disk->id, 9, &job, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    g_autoptr(YdPersonalDisk) now = disk_of(f);
    g_assert_cmpint(now->size_gib, ==, 9);
    g_assert_cmpint(image_bytes(f, disk), ==, (gint64)7 << 30);
}

static void
grow_refused(Desk *f, gconstpointer data)
{
    static const struct {
        gint64 gib;
        int code;
        const char *why;
    } cases[] = {{3, YD_ERROR_INVALID, "can only grow"},
                 {2, YD_ERROR_INVALID, "can only grow"},
                 {0, YD_ERROR_INVALID, "size_gib"},
                 {4096, YD_ERROR_INVALID, "size_gib"},
                 {11, YD_ERROR_LIMIT, "personal_quota_gib"}};
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdPersonalDisk) disk = disk_of(f);
    g_autoptr(GError) error = NULL;
    json_auto_t *changes = json_pack("{s:i}", "personal_quota_gib", 10);
    g_assert_true(yd_settings_set(f->service, &f->admin, changes, &error));
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        YdJob *job = NULL;
        g_assert_false(
            yd_personal_disk_grow(f->service, &f->admin, disk->id, cases[i].gib, &job, &error));
        g_assert_error(error, YD_ERROR, cases[i].code);
        g_assert_nonnull(strstr(error->message, cases[i].why));
        g_clear_error(&error);
    }
}

static void
quota_refuses_a_start(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make(f);
    json_auto_t *changes = json_pack("{s:i}", "personal_quota_gib", 2);
    g_assert_true(yd_settings_set(f->service, &f->admin, changes, &error));
    start_fails(f, id, "personal_quota_gib");
    g_assert_cmpuint(desk_count(f, &yd_personal_disk_type), ==, 0);
}

// --- the end ---

static void
goes_when_it_is_named(Desk *f, gconstpointer data)
{
    static const char *const at[] = {NULL, "personal", "personal:after", "row"};
    g_autoptr(GError) error = NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(at); i++) {
        g_autofree char *id = desk_make_ready(f);
        g_autoptr(YdPersonalDisk) disk = disk_of(f);
        g_autofree char *file = file_of(f, disk);
        g_assert_null(yd_desktop_delete_with(f->service, &f->admin, id, 0, "pdk-other", &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
        g_clear_error(&error);
        if (at[i]) {
            g_autofree char *where = g_strconcat("desktop-delete:", at[i], NULL);
            yd_jobs_stop_at(f->service, where);
        }
        YdJob *job = yd_desktop_delete_with(f->service, &f->admin, id, 0, disk->id, &error);
        g_assert_no_error(error);
        if (at[i]) {
            desk_abandoned(f);
            desk_reopen(f);
            desk_run(f);
        }
        desk_job_ends(f, job, "done");
        g_assert_cmpuint(desk_count(f, &yd_personal_disk_type), ==, 0);
        g_assert_false(g_file_test(file, G_FILE_TEST_EXISTS));
    }
}

static void
outlives_its_person(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdPersonalDisk) disk = disk_of(f);
    g_autofree char *file = file_of(f, disk);
    delete_desktop(f, id, NULL);
    g_autoptr(YdUser) user = yd_store_get(f->store, &yd_user_type, f->user_id, &error);
    g_autoptr(GPtrArray) given =
        yd_store_all(f->store, &yd_entitlement_type, "user_id", f->user_id, &error);
    for (guint i = 0; i < given->len; i++)
        g_assert_true(yd_store_delete(f->store, &yd_entitlement_type,
                                      ((YdEntitlement *)given->pdata[i])->id, 0, &error));
    g_autoptr(YdLogin) login = yd_store_get(f->store, &yd_login_type, f->login_id, &error);
    g_assert_true(yd_store_delete(f->store, &yd_login_type, login->id, 0, &error));
    g_assert_true(yd_store_delete(f->store, &yd_user_type, f->user_id, 0, &error));
    g_autoptr(YdPersonalDisk) left =
        yd_store_get(f->store, &yd_personal_disk_type, disk->id, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(left->name, ==, "anna@Office");
    g_assert_false(yd_pool_delete(f->service, &f->admin, f->pool_id, 0, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_IN_USE);
    g_clear_error(&error);
    g_assert_true(g_file_test(file, G_FILE_TEST_EXISTS));
    g_assert_true(yd_personal_disk_delete(f->service, &f->admin, disk->id, 0, &error));
    g_assert_false(g_file_test(file, G_FILE_TEST_EXISTS));
    g_assert_true(yd_pool_delete(f->service, &f->admin, f->pool_id, 0, &error));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name, func)                                                                           \
    g_test_add("/personal-disk/" name, Desk, NULL, set_up, func, desk_tear_down)
    TEST("outlives-its-desktop", outlives_its_desktop);
    TEST("starts-survive-kills", starts_survive_kills);
    TEST("half-made", half_made);
    TEST("missing-or-damaged", missing_or_damaged);
    TEST("moves", moves);
    TEST("second-machine-is-refused", second_machine_is_refused);
    TEST("grows", grows);
    TEST("grow-refused", grow_refused);
    TEST("quota-refuses-a-start", quota_refuses_a_start);
    TEST("goes-when-it-is-named", goes_when_it_is_named);
    TEST("outlives-its-person", outlives_its_person);
    return g_test_run();
}
