// SPDX-License-Identifier: Apache-2.0
// Restore points on a fake host with real images: made running, asleep and off, gone back to and
// forth, with a kill at each step, guests that do not answer, disks that come and go.
#include "desk-fixture.h"

#include <string.h>

#include "base/id.h"
#include "service/personal-disk.h"
#include "service/pool.h"
#include "service/restore-files.h"
#include "service/restore-point.h"

#define HOUR_MS (3600 * (gint64)1000)

static gboolean G_GNUC_PRINTF(1, 2) shell(const char *format, ...)
{
    va_list args;
    int status = -1;
    va_start(args, format);
    g_autofree char *line = g_strdup_vprintf(format, args);
    va_end(args);
    const char *argv[] = {"/bin/sh", "-c", line, NULL};
    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
                               NULL, NULL, &status, NULL));
    return status == 0;
}

static void
set_policy(Desk *f, const char *policy)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, f->pool_id, &error);
    yd_set_string(&pool->policy, policy);
    pool->personal_disk_gib = 1;
    yd_pool_update(f->service, &f->admin, pool, 0, &error);
    g_assert_no_error(error);
}

static void
set_up(Desk *f, gconstpointer data)
{
    desk_set_up(f, data);
    set_policy(f, NULL);
}

// --- what is on the disks ---

static char *
path_of(Desk *f, const char *id, gboolean personal)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    if (!personal)
        return g_build_filename(f->directory, "images", desktop->image, NULL);
    g_autoptr(YdPersonalDisk) disk =
        yd_store_get(f->store, &yd_personal_disk_type, desktop->personal_disk_id, &error);
    g_assert_no_error(error);
    return g_build_filename(f->directory, "images", disk->image, NULL);
}

static void
put(Desk *f, const char *id, int system, int personal)
{
    g_autofree char *one = path_of(f, id, FALSE), *two = path_of(f, id, TRUE);
    g_assert_true(shell("qemu-io -f qcow2 -c 'write -P %d 0 64k' %s", system, one));
    g_assert_true(shell("qemu-io -f qcow2 -c 'write -P %d 0 64k' %s", personal, two));
}

static void
check_holds(Desk *f, const char *id, int system, int personal)
{
    g_autofree char *one = path_of(f, id, FALSE), *two = path_of(f, id, TRUE);
    g_assert_true(shell("qemu-io -f qcow2 -c 'read -P %d 0 64k' %s", system, one));
    g_assert_true(shell("qemu-io -f qcow2 -c 'read -P %d 0 64k' %s", personal, two));
    g_assert_true(shell("qemu-img check %s", one));
    g_assert_true(shell("qemu-img check %s", two));
}

static gboolean
has(const char *path, const char *point)
{
    return shell("qemu-img snapshot -l %s | grep -q %s", path, point);
}

// --- points ---

static GPtrArray *
points_of(Desk *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *points = yd_store_all(f->store, &yd_restore_point_type, "desktop_id", id, &error);
    g_assert_no_error(error);
    return points;
}

// The newest of that kind.
static YdRestorePoint *
newest(Desk *f, const char *id, const char *kind)
{
    g_autoptr(GPtrArray) points = points_of(f, id);
    for (guint i = points->len; i-- > 0;) {
        const YdRestorePoint *point = g_ptr_array_index(points, i);
        if (strcmp(point->kind, kind) == 0)
            return yd_restore_point_copy(point);
    }
    g_error("no restore point of that kind");
}

static YdJob *
begin_make(Desk *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    YdJob *job = yd_restore_point_create(f->service, &f->admin, id, "before the test", &error);
    g_assert_no_error(error);
    return job;
}

static YdRestorePoint *
make(Desk *f, const char *id)
{
    desk_job_ends(f, begin_make(f, id), "done");
    YdRestorePoint *point = newest(f, id, "manual");
    g_assert_cmpstr(point->state, ==, "ready");
    g_assert_cmpint(point->taken, >, 0);
    return point;
}

static YdJob *
begin_back(Desk *f, const char *point, gboolean system, gboolean personal)
{
    g_autoptr(GError) error = NULL;
    YdJob *job = yd_restore_point_restore(f->service, &f->admin, point, system, personal, &error);
    g_assert_no_error(error);
    return job;
}

static void
back(Desk *f, const char *point, gboolean system, gboolean personal)
{
    desk_job_ends(f, begin_back(f, point, system, personal), "done");
    WAIT_FOR(desk_is_quiet(f));
}

static gboolean
is_still(Desk *f, const char *id)
{
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    return yd_fake_is_still(desk_hv(f), desktop->uuid);
}

static void
power(Desk *f, const char *id,
      YdJob *(*verb)(YdService *, const YdActor *, const char *, GError **))
{
    g_autoptr(GError) error = NULL;
    YdJob *job = verb(f->service, &f->admin, id, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
}

static void
back_and_forth(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    put(f, id, 1, 1);
    g_autoptr(YdRestorePoint) point = make(f, id);
    g_assert_true(point->system && point->frozen);
    g_assert_nonnull(point->personal_disk_id);
    g_assert_cmpstr(point->note, ==, "before the test");
    g_assert_cmpstr(point->username, ==, "anna");
    g_assert_false(is_still(f, id));
    put(f, id, 2, 2);

    back(f, point->id, FALSE, TRUE);
    check_holds(f, id, 2, 1);
    desk_assert_state(f, id, "ready"); // it ran
    back(f, point->id, TRUE, FALSE);
    check_holds(f, id, 1, 1);
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    g_assert_true(desktop->prepared);
    g_assert_nonnull(desktop->certificate); // a new one, by the start

    g_autoptr(GPtrArray) points = points_of(f, id);
    g_assert_cmpuint(points->len, ==, 3);
    const YdRestorePoint *first = points->pdata[1];
    g_assert_cmpstr(first->kind, ==, "before-restore");
    g_assert_true(first->frozen);
    power(f, id, yd_desktop_shutdown);
    back(f, first->id, TRUE, TRUE);
    check_holds(f, id, 2, 2);
    desk_assert_state(f, id, "off");
    back(f, point->id, TRUE, TRUE);
    check_holds(f, id, 1, 1);
}

// Whatever is killed where: it goes on, once.
static void
survives_kills(Desk *f, gconstpointer data)
{
    static const char *const at[] = {"restore-point-create:take", "restore-point-create:take:after",
                                     "desktop-restore:rouse",     "desktop-restore:ask",
                                     "desktop-restore:ask:after", "desktop-restore:wait",
                                     "desktop-restore:off",       "desktop-restore:off:after",
                                     "desktop-restore:before",    "desktop-restore:before:after",
                                     "desktop-restore:back",      "desktop-restore:back:after",
                                     "desktop-restore:start",     "desktop-restore:start:after"};
    g_autofree char *id = desk_make_ready(f);
    put(f, id, 1, 1);
    g_autoptr(YdRestorePoint) point = make(f, id);
    for (gsize i = 0; i < G_N_ELEMENTS(at); i++) {
        gboolean creates = g_str_has_prefix(at[i], "restore-point");
        put(f, id, 2, 2);
        yd_jobs_stop_at(f->service, at[i]);
        YdJob *job = creates ? begin_make(f, id) : begin_back(f, point->id, TRUE, TRUE);
        desk_abandoned(f);
        desk_reopen(f);
        desk_run(f);
        desk_job_ends(f, job, "done");
        WAIT_FOR(desk_is_quiet(f));
        check_holds(f, id, creates ? 2 : 1, creates ? 2 : 1);
        desk_assert_state(f, id, "ready");
        g_assert_false(is_still(f, id));
        g_autoptr(YdRestorePoint) made = newest(f, id, creates ? "manual" : "before-restore");
        g_assert_cmpstr(made->state, ==, "ready");
    }
    g_autoptr(GPtrArray) points = points_of(f, id);
    g_assert_cmpuint(points->len, ==, 1 + G_N_ELEMENTS(at));
}

static void
deletion_survives_kills(Desk *f, gconstpointer data)
{
    static const char *const at[] = {"restore-point-delete:drop",
                                     "restore-point-delete:drop:after"};
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *system = path_of(f, id, FALSE), *personal = path_of(f, id, TRUE);
    for (gsize i = 0; i < G_N_ELEMENTS(at); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(YdRestorePoint) one = make(f, id), two = make(f, id);
        g_assert_true(has(system, one->id) && has(personal, one->id));
        yd_jobs_stop_at(f->service, at[i]);
        YdJob *job = yd_restore_point_delete(f->service, &f->admin, one->id, &error);
        g_assert_no_error(error);
        desk_abandoned(f);
        // asked for while the job waits: it takes both away
        g_autoptr(YdJob) same =
            i == 0 ? yd_restore_point_delete(f->service, &f->admin, two->id, &error) : NULL;
        g_assert_no_error(error);
        g_assert_true(i > 0 || strcmp(same->id, job->id) == 0);
        desk_reopen(f);
        desk_run(f);
        desk_job_ends(f, job, "done");
        g_autoptr(GPtrArray) points = points_of(f, id);
        g_assert_cmpuint(points->len, ==, i);
        g_assert_false(has(system, one->id) || has(personal, one->id));
        g_assert_cmpint(has(system, two->id) && has(personal, two->id), ==, i);
    }
}

// A guest that cannot stand still gives a point all the same; a host that cannot make one, none.
static void
things_go_wrong(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    yd_fake_fail(desk_hv(f), "agent_still", 1, YD_ERROR_TIMEOUT);
    g_autoptr(YdRestorePoint) loud = make(f, id);
    g_assert_false(loud->frozen);
    g_assert_true(loud->system);

    yd_fake_fail(desk_hv(f), "point", 1, YD_ERROR_NO_SPACE);
    yd_fake_fail(desk_hv(f), "agent_on", 1, YD_ERROR_UNAVAILABLE);
    desk_job_ends(f, begin_make(f, id), "failed");
    g_autoptr(YdRestorePoint) failed = newest(f, id, "manual");
    g_assert_cmpstr(failed->state, ==, "failed");
    g_assert_nonnull(failed->error);
    g_assert_false(is_still(f, id));
    desk_assert_state(f, id, "ready");

    g_autoptr(GError) error = NULL;
    g_assert_null(yd_restore_point_restore(f->service, &f->admin, failed->id, TRUE, TRUE, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
}

static void
asleep(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    put(f, id, 1, 1);
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    static const char *const kinds[] = {"desktop-pause", "desktop-save"};
    for (guint i = 0; i < 2; i++) {
        YdJob *job = yd_job_submit(f->service, &f->admin, kinds[i], id, "x", NULL, NULL, &error);
        g_assert_no_error(error);
        desk_job_ends(f, job, "done");
        desk_assert_state(f, id, i == 0 ? "paused" : "saved");
        g_autoptr(YdRestorePoint) point = make(f, id);
        g_assert_false(point->frozen); // what was in its memory is on no disk
        desk_assert_state(f, id, i == 0 ? "paused" : "saved");
        put(f, id, 2, 2);
        back(f, point->id, TRUE, TRUE);
        check_holds(f, id, 1, 1);
        desk_assert_state(f, id, "off"); // nobody was using it
        gboolean saved = TRUE;
        g_assert_true(yd_hypervisor_is_saved(desk_hv(f), desktop->uuid, &saved, &error));
        g_assert_false(saved);
        power(f, id, yd_desktop_start);
    }
}

static void
who_may(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *bob_id = desk_user(f, "bob", TRUE);
    const YdActor bob = desk_actor(bob_id, "bob");
    g_assert_null(yd_restore_point_create(f->service, &f->user, id, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
    g_clear_error(&error);
    g_autoptr(YdRestorePoint) point = make(f, id);
    g_assert_null(yd_restore_point_restore(f->service, &f->user, point->id, TRUE, TRUE, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
    g_clear_error(&error);
    g_assert_null(yd_restore_point_delete(f->service, &f->user, point->id, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
    g_clear_error(&error);

    set_policy(f, "{\"restore_by_person\":true}");
    YdJob *job = yd_restore_point_restore(f->service, &f->user, point->id, TRUE, TRUE, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    WAIT_FOR(desk_is_quiet(f));
    g_assert_null(yd_restore_point_create(f->service, &bob, id, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_null(yd_restore_point_restore(f->service, &bob, point->id, TRUE, TRUE, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    YdQuery query = {0};
    g_autoptr(YdPage) mine = yd_service_list(f->service, &f->user, YD_RIGHT_DESKTOPS_READ,
                                             &yd_restore_point_type, &query, &error);
    g_assert_cmpuint(mine->records->len, ==, 2);
    g_autoptr(YdPage) his = yd_service_list(f->service, &bob, YD_RIGHT_DESKTOPS_READ,
                                            &yd_restore_point_type, &query, &error);
    g_assert_cmpuint(his->records->len, ==, 0);
}

static void
check_refused(Desk *f, const char *point, gboolean system, gboolean personal, YdErrorCode code)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(yd_restore_point_restore(f->service, &f->admin, point, system, personal, &error));
    g_assert_error(error, YD_ERROR, (gint)code);
}

static void
two_at_once(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdRestorePoint) point = make(f, id);
    check_refused(f, point->id, FALSE, FALSE, YD_ERROR_INVALID);
    yd_jobs_stop(f->service);
    YdJob *one = begin_make(f, id);
    g_autoptr(YdJob) two = begin_make(f, id);
    g_assert_cmpstr(one->id, ==, two->id);
    YdJob *goes = begin_back(f, point->id, TRUE, TRUE);
    check_refused(f, point->id, TRUE, TRUE, YD_ERROR_STATE);
    g_autoptr(GError) error = NULL;
    g_assert_null(yd_restore_point_delete(f->service, &f->admin, point->id, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    desk_reopen(f);
    desk_run(f);
    desk_job_ends(f, one, "done");
    desk_job_ends(f, goes, "done");
    WAIT_FOR(desk_is_quiet(f));
    g_assert_cmpuint(desk_count(f, &yd_restore_point_type), ==, 3);
}

// A rebuild makes the system anew: only what the personal disk has of it stays. A deletion leaves
// nothing in a personal disk that outlives it.
static void
disks_come_and_go(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *personal = path_of(f, id, TRUE);
    put(f, id, 1, 1);
    g_autoptr(YdRestorePoint) point = make(f, id);
    power(f, id, yd_desktop_rebuild);
    g_autoptr(YdRestorePoint) after = newest(f, id, "manual");
    g_assert_false(after->system);
    g_assert_cmpstr(after->personal_disk_id, ==, point->personal_disk_id);
    check_refused(f, point->id, TRUE, FALSE, YD_ERROR_INVALID);
    // Who read files of it meanwhile is told, where they may be of another moment.
    g_autoptr(GError) error = NULL;
    g_autofree char *name = g_path_get_basename(personal);
    g_assert_true(yd_restore_files_still(f->store, point->id, "personal", name, &error));
    g_assert_false(yd_restore_files_still(f->store, point->id, "system", point->image, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_clear_error(&error);
    put(f, id, 2, 2);
    back(f, point->id, FALSE, TRUE);
    check_holds(f, id, 2, 1);
    g_autoptr(YdRestorePoint) before = newest(f, id, "before-restore");
    g_assert_false(before->system); // never used since, it may be made anew
    g_assert_true(has(personal, before->id) && has(personal, point->id));
    // A system disk that another took the place of, with no personal disk: nothing is left.
    power(f, id, yd_desktop_start);
    g_autoptr(YdRestorePoint) system = make(f, id);
    g_assert_true(system->system);
    yd_set_string(&system->personal_disk_id, NULL);
    g_assert_true(yd_store_update(f->store, &yd_restore_point_type, system, &error));
    power(f, id, yd_desktop_rebuild);
    g_assert_cmpuint(desk_count(f, &yd_restore_point_type), ==, 2);
    YdJob *job = yd_desktop_delete(f->service, &f->admin, id, 0, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    g_assert_cmpuint(desk_count(f, &yd_restore_point_type), ==, 0);
    g_assert_false(has(personal, before->id) || has(personal, point->id));
}

static void
grown_since(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    put(f, id, 1, 1);
    g_autoptr(YdRestorePoint) point = make(f, id);
    power(f, id, yd_desktop_shutdown);
    YdJob *job = NULL;
    g_assert_true(
        yd_personal_disk_grow(f->service, &f->admin, point->personal_disk_id, 2, &job, &error));
    desk_job_ends(f, job, "done");
    put(f, id, 2, 2);
    back(f, point->id, TRUE, TRUE);
    check_holds(f, id, 1, 1);
    g_autofree char *path = path_of(f, id, TRUE);
    g_autofree char *image = g_path_get_basename(path);
    g_autoptr(YdImageInfo) info = yd_storage_look(yd_service_storage(f->service), image, &error);
    g_assert_cmpint(info->virtual_bytes, ==, (gint64)2 << 30);
    power(f, id, yd_desktop_start);
}

static void
set_kind(Desk *f, const char *kind)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, f->pool_id, &error);
    yd_set_string(&pool->kind, kind);
    g_assert_true(yd_store_update(f->store, &yd_pool_type, pool, &error));
}

static void
check_no_point(Desk *f, const char *id, YdErrorCode code)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(yd_restore_point_create(f->service, &f->admin, id, NULL, &error));
    g_assert_error(error, YD_ERROR, (gint)code);
}

static void
not_for_all(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make(f);
    check_no_point(f, id, YD_ERROR_STATE); // never started
    power(f, id, yd_desktop_start);
    set_kind(f, "floating");
    check_no_point(f, id, YD_ERROR_STATE);
    set_kind(f, "dedicated");
    for (guint i = 0; i < YD_RESTORE_POINTS_MAX; i++) {
        g_autoptr(YdRestorePoint) point = yd_restore_point_new();
        point->desktop_id = g_strdup(id);
        point->kind = g_strdup("manual");
        point->state = g_strdup("ready");
        g_assert_true(yd_store_insert(f->store, &yd_restore_point_type, point, &error));
    }
    check_no_point(f, id, YD_ERROR_LIMIT);
}

static void
night(Desk *f, gint64 days)
{
    yd_restore_points_tidy(f->service, yd_now_ms() + days * 24 * HOUR_MS);
    WAIT_FOR(desk_is_quiet(f));
}

static guint
count_kind(Desk *f, const char *id, const char *kind, const char *state)
{
    g_autoptr(GPtrArray) points = points_of(f, id);
    guint n = 0;
    for (guint i = 0; i < points->len; i++) {
        const YdRestorePoint *point = points->pdata[i];
        n += strcmp(point->kind, kind) == 0 && strcmp(point->state, state) == 0;
    }
    return n;
}

static void
nights(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    night(f, 1);
    g_assert_cmpuint(desk_count(f, &yd_restore_point_type), ==, 0); // the policy wants none
    set_policy(f, "{\"restore_nightly\":2,\"restore_hour\":0}");
    for (guint i = 1; i < 6; i++) {
        night(f, 1); // the rows are of now: each pass is the first night after them
        night(f, 1);
    }
    g_assert_cmpuint(count_kind(f, id, "nightly", "ready"), <=, 3);
    night(f, 0);
    night(f, 0);
    g_assert_cmpuint(count_kind(f, id, "nightly", "ready"), ==, 2);
    // those before going back are kept in part, those by hand all
    g_autoptr(YdRestorePoint) point = make(f, id);
    for (guint i = 0; i < YD_RESTORE_BEFORE_MAX + 2; i++)
        back(f, point->id, TRUE, FALSE);
    for (guint i = 0; i < 3; i++)
        night(f, 0);
    g_assert_cmpuint(count_kind(f, id, "before-restore", "ready"), ==, YD_RESTORE_BEFORE_MAX);
    g_assert_cmpuint(count_kind(f, id, "manual", "ready"), ==, 1);
    // one that failed says so until the next night
    power(f, id, yd_desktop_shutdown);
    power(f, id, yd_desktop_start);
    yd_fake_fail(desk_hv(f), "point", 1, YD_ERROR_NO_SPACE);
    night(f, 1);
    night(f, 0);
    g_assert_cmpuint(count_kind(f, id, "nightly", "failed"), ==, 1);
    for (guint i = 0; i < 6; i++) // one thing in each pass
        night(f, 1);
    g_assert_cmpuint(count_kind(f, id, "nightly", "failed"), ==, 0);
    set_policy(f, NULL);
    for (guint i = 0; i < 6; i++)
        night(f, 0);
    g_assert_cmpuint(count_kind(f, id, "nightly", "ready"), ==, 0);
}

static void
due(void)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier("Europe/Berlin");
    g_autoptr(GDateTime) at = g_date_time_new(zone, 2026, 3, 28, 1, 0, 0);
    gint64 one = g_date_time_to_unix(at) * 1000, day = 24 * HOUR_MS;
    g_assert_false(yd_restore_point_due(one - 1, "Europe/Berlin", 1, 0));
    g_assert_true(yd_restore_point_due(one, "Europe/Berlin", 1, 0));
    g_assert_true(yd_restore_point_due(one + 5 * HOUR_MS, "Europe/Berlin", 1, one - 1));
    g_assert_false(yd_restore_point_due(one + 5 * HOUR_MS, "Europe/Berlin", 1, one));
    g_assert_true(yd_restore_point_due(one + day, "Europe/Berlin", 1, one));
    // 29 March: two o'clock is skipped, three counts
    g_assert_false(yd_restore_point_due(one + day + HOUR_MS - 1, "Europe/Berlin", 2, one));
    g_assert_true(yd_restore_point_due(one + day + HOUR_MS, "Europe/Berlin", 2, one));
    g_assert_false(yd_restore_point_due(one, "Asia/Shanghai", 23, 0)); // eight in the morning
    g_assert_true(yd_restore_point_due(one, "Asia/Shanghai", 8, 0));
    g_assert_true(yd_restore_point_due(one + 30 * HOUR_MS, "Nowhere/None", 0, one));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(name, func) g_test_add(name, Desk, NULL, set_up, func, desk_tear_down)
    CASE("/restore-point/back-and-forth", back_and_forth);
    CASE("/restore-point/survives-kills", survives_kills);
    CASE("/restore-point/deletion-survives-kills", deletion_survives_kills);
    CASE("/restore-point/things-go-wrong", things_go_wrong);
    CASE("/restore-point/asleep", asleep);
    CASE("/restore-point/who-may", who_may);
    CASE("/restore-point/two-at-once", two_at_once);
    CASE("/restore-point/disks-come-and-go", disks_come_and_go);
    CASE("/restore-point/grown-since", grown_since);
    CASE("/restore-point/not-for-all", not_for_all);
    CASE("/restore-point/nights", nights);
#undef CASE
    g_test_add_func("/restore-point/due", due);
    return g_test_run();
}
