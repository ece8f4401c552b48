// SPDX-License-Identifier: Apache-2.0
// Backups on a fake host with real images: made running and off, with a kill at each step, put back
// into a disk that is there and one that is lost; nights, what is kept, and the first start on a
// new machine.
#include "desk-fixture.h"

#include <string.h>

#include "base/id.h"
#include "base/json-util.h"
#include "service/backup.h"
#include "service/personal-disk.h"
#include "service/pool.h"
#include "service/settings.h"
#include "storage/backup.h"

#define DAY_MS ((gint64)24 * 3600 * 1000)

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
reopen(Desk *f)
{
    g_autofree char *target = g_build_filename(f->directory, "target", NULL);
    desk_reopen(f);
    yd_backup_set_place(yd_service_storage(f->service), target, f->directory, "/nonexistent.conf");
}

static void
set_up(Desk *f, gconstpointer data)
{
    desk_set_up(f, data);
    g_assert_true(shell("mkdir -p %s/target %s/keys && echo k > %s/keys/note.pem", f->directory,
                        f->directory, f->directory));
    f->config.backups = TRUE;
    reopen(f);
    desk_run(f);
    set_policy(f, NULL);
}

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
put(Desk *f, const char *id, gboolean personal, int pattern)
{
    g_autofree char *path = path_of(f, id, personal);
    g_assert_true(shell("qemu-io -f qcow2 -c 'write -P %d 0 64k' %s", pattern, path));
}

static void
check_holds(Desk *f, const char *id, gboolean personal, int pattern)
{
    g_autofree char *path = path_of(f, id, personal);
    g_assert_false(
        shell("qemu-io -f qcow2 -c 'read -P %d 0 64k' %s | grep -q failed", pattern, path));
    g_assert_true(shell("qemu-img check %s", path));
}

static guint
moments(Desk *f, const char *id, gboolean personal)
{
    g_autofree char *path = path_of(f, id, personal), *out = NULL;
    g_autofree char *line =
        g_strdup_printf("/bin/sh -c \"qemu-img snapshot -l %s | grep -c bkp-\"", path);
    g_assert_true(g_spawn_command_line_sync(line, &out, NULL, NULL, NULL));
    return (guint)g_ascii_strtoull(out, NULL, 10);
}

static YdJob *
begin(Desk *f, const char *what, const char *object)
{
    g_autoptr(GError) error = NULL;
    YdJob *job = yd_backup_make(f->service, &f->admin, what, object, &error);
    g_assert_no_error(error);
    return job;
}

static YdBackup *
read_row(Desk *f, const char *id)
{
    return yd_store_get(f->store, &yd_backup_type, id, NULL);
}

static YdBackup *
make(Desk *f, const char *what, const char *object)
{
    YdJob *job = begin(f, what, object);
    g_autofree char *id = g_strdup(job->object_id);
    desk_job_ends(f, job, "done");
    WAIT_FOR(desk_is_quiet(f));
    YdBackup *backup = read_row(f, id);
    g_assert_cmpstr(backup->state, ==, "ready");
    return backup;
}

static void
restore(Desk *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    YdJob *job = yd_backup_restore(f->service, &f->admin, id, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    WAIT_FOR(desk_is_quiet(f));
}

static char *
personal_id(Desk *f, const char *id)
{
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    return g_strdup(desktop->personal_disk_id);
}

static void
made_and_put_back(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *disk = personal_id(f, id);
    put(f, id, FALSE, 1);
    put(f, id, TRUE, 1);
    g_autoptr(YdBackup) system = make(f, "desktop", id);
    g_autoptr(YdBackup) home = make(f, "personal-disk", disk);
    g_assert_true(system->frozen && system->point);
    g_assert_cmpstr(system->kind, ==, "full");
    g_assert_nonnull(system->base);
    g_assert_true(shell("test -e %s/target/images/%s", f->directory, system->base));
    put(f, id, FALSE, 2);
    put(f, id, TRUE, 2);
    g_autoptr(YdBackup) second = make(f, "personal-disk", disk);
    g_assert_cmpstr(second->kind, ==, "incremental");
    g_assert_cmpstr(second->previous_id, ==, home->id);
    g_assert_cmpuint(moments(f, id, TRUE), ==, 1);
    put(f, id, TRUE, 3);
    restore(f, home->id);
    check_holds(f, id, TRUE, 1);
    check_holds(f, id, FALSE, 2);
    desk_assert_state(f, id, "ready"); // it ran
    restore(f, second->id);
    check_holds(f, id, TRUE, 2);
    restore(f, system->id);
    check_holds(f, id, FALSE, 1);
    g_autoptr(GPtrArray) kept =
        yd_store_all(f->store, &yd_restore_point_type, "kind", "before-restore", NULL);
    g_assert_cmpuint(kept->len, ==, 3);
}

// The file itself is gone: it is made anew, and there is no present state to keep.
static void
lost_disk(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *path = path_of(f, id, FALSE);
    put(f, id, FALSE, 1);
    g_autoptr(YdBackup) system = make(f, "desktop", id);
    YdJob *job = yd_desktop_shutdown(f->service, &f->admin, id, &error);
    desk_job_ends(f, job, "done");
    g_assert_true(shell("rm %s", path));
    restore(f, system->id);
    check_holds(f, id, FALSE, 1);
    g_autoptr(GPtrArray) kept =
        yd_store_all(f->store, &yd_restore_point_type, "desktop_id", id, NULL);
    g_assert_cmpuint(kept->len, ==, 0);
}

// Whatever is killed where: it goes on, once, and leaves one moment.
static void
survives_kills(Desk *f, gconstpointer data)
{
    static const char *const at[] = {
        "backup-make:moment",       "backup-take:take",          "backup-take:take:after",
        "backup-make:moment:after", "backup-make:copy",          "backup-make:copy:after",
        "backup-make:base",         "backup-make:base:after",    "backup-make:finish",
        "backup-make:finish:after", "backup-drop:drop",          "backup-drop:drop:after",
        "desktop-restore:back",     "desktop-restore:back:after"};
    g_autofree char *id = desk_make_ready(f);
    put(f, id, FALSE, 1);
    g_autoptr(YdBackup) first = make(f, "desktop", id);
    for (gsize i = 0; i < G_N_ELEMENTS(at); i++) {
        g_autoptr(GError) error = NULL;
        gboolean makes = g_str_has_prefix(at[i], "backup");
        put(f, id, FALSE, 2);
        yd_jobs_stop_at(f->service, at[i]);
        YdJob *job = makes ? begin(f, "desktop", id)
                           : yd_backup_restore(f->service, &f->admin, first->id, &error);
        g_assert_no_error(error);
        desk_abandoned(f);
        reopen(f);
        desk_run(f);
        desk_job_ends(f, job, "done");
        WAIT_FOR(desk_is_quiet(f));
        check_holds(f, id, FALSE, makes ? 2 : 1);
        g_assert_cmpuint(moments(f, id, FALSE), ==, 1);
    }
    g_autoptr(GPtrArray) all = yd_store_all(f->store, &yd_backup_type, "state", "ready", NULL);
    g_assert_cmpuint(all->len, ==, 1 + 12);
    g_assert_true(shell("test -z \"$(ls %s/target/part)\"", f->directory));
}

static void
product_survives_kills(Desk *f, gconstpointer data)
{
    static const char *const at[] = {"backup-make:moment", "backup-make:moment:after",
                                     "backup-make:copy",   "backup-make:copy:after",
                                     "backup-make:base",   "backup-make:finish:after"};
    g_autofree char *id = desk_make_ready(f);
    for (gsize i = 0; i < G_N_ELEMENTS(at); i++) {
        yd_jobs_stop_at(f->service, at[i]);
        YdJob *job = begin(f, "product", NULL);
        g_autofree char *backup = g_strdup(job->object_id);
        desk_abandoned(f);
        reopen(f);
        desk_run(f);
        desk_job_ends(f, job, "done");
        g_autoptr(GError) error = NULL;
        job = yd_backup_recheck(f->service, &f->admin, backup, &error);
        g_assert_no_error(error);
        desk_job_ends(f, job, "done");
        g_assert_true(
            shell("cd %s/target/product/%s && sqlite3 yundesk.db 'PRAGMA integrity_check' "
                  "| grep -q ok && sqlite3 yundesk.db 'SELECT username FROM users' | "
                  "grep -q anna && grep -q %s plan.json && test -s keys/note.pem",
                  f->directory, backup, id));
        g_assert_true(shell("test ! -e %s/backup/%s", f->directory, backup));
    }
}

static void
deletion_survives_kills(Desk *f, gconstpointer data)
{
    static const char *const at[] = {"backup-delete:moment",     "backup-delete:moment:after",
                                     "backup-delete:wait:after", "backup-delete:drop",
                                     "backup-delete:drop:after", "backup-delete:row",
                                     "backup-delete:row:after",  "backup-delete:sweep"};
    g_autofree char *id = desk_make_ready(f);
    put(f, id, FALSE, 1);
    for (gsize i = 0; i < G_N_ELEMENTS(at); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(YdBackup) backup = make(f, "desktop", id);
        yd_jobs_stop_at(f->service, at[i]);
        YdJob *job = yd_backup_delete(f->service, &f->admin, backup->id, &error);
        g_assert_no_error(error);
        desk_abandoned(f);
        reopen(f);
        desk_run(f);
        desk_job_ends(f, job, "done");
        g_autoptr(YdBackup) gone = read_row(f, backup->id);
        g_assert_null(gone);
        g_assert_cmpuint(moments(f, id, FALSE), ==, 0);
        g_assert_true(shell("test -z \"$(find %s/target/chunks %s/target/disks -type f)\"",
                            f->directory, f->directory));
    }
}

// What fails leaves neither a moment nor half a backup, and says why.
static void
things_go_wrong(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    put(f, id, FALSE, 1);
    yd_fake_fail(desk_hv(f), "point", 1, YD_ERROR_NO_SPACE);
    desk_job_ends(f, begin(f, "desktop", id), "failed");
    WAIT_FOR(desk_is_quiet(f));
    g_assert_true(shell("mv %s/target %s/away", f->directory, f->directory));
    desk_job_ends(f, begin(f, "desktop", id), "failed");
    WAIT_FOR(desk_is_quiet(f));
    g_assert_cmpuint(moments(f, id, FALSE), ==, 0);
    g_autoptr(GPtrArray) failed = yd_store_all(f->store, &yd_backup_type, "state", "failed", NULL);
    g_assert_cmpuint(failed->len, ==, 2);
    g_assert_nonnull(strstr(((YdBackup *)failed->pdata[1])->error, "is not there"));
    g_autofree char *alarm = yd_backup_alarm(f->service, f->store, yd_now_ms());
    g_assert_nonnull(strstr(alarm, "failed"));
    g_autoptr(json_t) status = yd_backup_status(f->service, &f->admin, &error);
    g_assert_no_error(error);
    g_assert_true(json_is_string(json_object_get(status, "problem")));
    g_assert_true(shell("mv %s/away %s/target", f->directory, f->directory));
    g_autoptr(YdBackup) good = make(f, "desktop", id);
    // An empty folder in place of one with backups: its disk is not mounted.
    g_assert_true(
        shell("mv %s/target %s/away && mkdir %s/target", f->directory, f->directory, f->directory));
    desk_job_ends(f, begin(f, "desktop", id), "failed");
    g_assert_true(shell("test -z \"$(ls %s/target)\"", f->directory));
    // Who may: nobody but administrators.
    g_assert_null(yd_backup_make(f->service, &f->user, "product", NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
    g_clear_error(&error);
    g_assert_null(yd_backup_make(f->service, &f->admin, "desktop", NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_clear_error(&error);
    g_assert_null(yd_backup_make(f->service, &f->admin, "everything", NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
}

// A disk whose desktop is gone: what it has now is backed up, then it goes back; killed on the way.
static void
disk_alone(Desk *f, gconstpointer data)
{
    static const char *const at[] = {
        "personal-disk-restore:before", "personal-disk-restore:before:after",
        "personal-disk-restore:fill", "personal-disk-restore:fill:after"};
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *disk = personal_id(f, id), *path = path_of(f, id, TRUE);
    put(f, id, TRUE, 1);
    g_autoptr(YdBackup) home = make(f, "personal-disk", disk);
    desk_job_ends(f, yd_desktop_delete(f->service, &f->admin, id, 0, &error), "done");
    g_assert_no_error(error);
    for (gsize i = 0; i < G_N_ELEMENTS(at); i++) {
        g_assert_true(shell("qemu-io -f qcow2 -c 'write -P 2 0 64k' %s", path));
        yd_jobs_stop_at(f->service, at[i]);
        YdJob *job = yd_backup_restore(f->service, &f->admin, home->id, &error);
        g_assert_no_error(error);
        desk_abandoned(f);
        reopen(f);
        desk_run(f);
        desk_job_ends(f, job, "done");
        WAIT_FOR(desk_is_quiet(f));
        g_assert_false(shell("qemu-io -f qcow2 -c 'read -P 1 0 64k' %s | grep -q failed", path));
    }
    g_autoptr(GPtrArray) kept =
        yd_store_all(f->store, &yd_backup_type, "origin", "before-restore", NULL);
    g_assert_cmpuint(kept->len, >=, G_N_ELEMENTS(at));
}

static guint
count(Desk *f, const char *column, const char *value)
{
    g_autoptr(GPtrArray) all = yd_store_all(f->store, &yd_backup_type, column, value, NULL);
    return all->len;
}

static void
night(Desk *f, gint64 now)
{
    for (guint i = 0; i < 6; i++) {
        yd_backups_tidy(f->service, now);
        WAIT_FOR(desk_is_quiet(f));
    }
}

static void
nights(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(json_t) early = json_pack("{s:i}", "backup_hour", 0);
    g_assert_true(yd_settings_set(f->service, &f->admin, early, &error));
    set_policy(f, "{\"backup_desktops\":true}");
    night(f, yd_now_ms());
    g_assert_cmpuint(count(f, "what", "desktop"), ==, 1);
    g_assert_cmpuint(count(f, "what", "personal-disk"), ==, 1);
    g_assert_cmpuint(count(f, "what", "product"), ==, 1);
    g_autofree char *alarm = yd_backup_alarm(f->service, f->store, yd_now_ms());
    g_assert_null(alarm);
    alarm = yd_backup_alarm(f->service, f->store, yd_now_ms() + 3 * DAY_MS);
    g_assert_nonnull(strstr(alarm, "days old"));
    set_policy(f, "{\"backup_personal\":false}");
    night(f, yd_now_ms() + DAY_MS);
    g_assert_cmpuint(count(f, "what", "desktop"), ==, 1);
    g_assert_cmpuint(count(f, "what", "personal-disk"), ==, 1);
    g_assert_cmpuint(count(f, "what", "product"), >=, 1);
}

static void
what_is_kept(void)
{
    gint64 taken[400];
    gboolean keep[400];
    guint n = 0;
    for (guint i = 0; i < 400; i++) // newest first: 2026-03-31 02:00 and backwards
        taken[i] = 1774922400000 - (gint64)i * DAY_MS;
    yd_backup_keep(taken, 400, "UTC", 7, 4, 6, keep);
    for (guint i = 0; i < 400; i++)
        n += keep[i];
    for (guint i = 0; i < 7; i++)
        g_assert_true(keep[i]);
    g_assert_false(keep[7]);
    g_assert_true(keep[9]);  // Sunday 22 March
    g_assert_true(keep[31]); // 28 February
    g_assert_true(keep[59]); // 31 January
    g_assert_false(keep[60]);
    g_assert_cmpuint(n, ==, 7 + 2 + 5);
    yd_backup_keep(taken, 3, "UTC", 0, 0, 0, keep);
    g_assert_true(keep[0] && !keep[1]);
}

static void
tell(const char *text)
{
    g_test_message("%s", text);
}

// The database comes back as of the moment of its backup, at work on itself.
static void
new_machine(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *disk = personal_id(f, id);
    put(f, id, TRUE, 5);
    g_autoptr(YdBackup) home = make(f, "personal-disk", disk);
    g_autoptr(YdBackup) product = make(f, "product", NULL);
    YdStorage *storage = yd_service_storage(f->service);
    g_assert_true(shell("cd %s && mkdir old && mv yundesk.db* images keys old && mkdir images",
                        f->directory));
    g_assert_true(shell("cd %s/old/images && find . -name '*.qcow2' ! -name 'dsk-*' ! -name "
                        "'pdk-*' -exec cp -a {} %s/images/ ';'",
                        f->directory, f->directory));
    g_assert_true(yd_backup_restore_all(storage, NULL, NULL, tell, &error));
    g_assert_no_error(error);
    reopen(f);
    g_assert_true(yd_backup_settle(f->service, &error));
    g_assert_no_error(error);
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    g_assert_cmpstr(desktop->state, ==, "failed"); // its system disk was in no backup
    g_assert_nonnull(desktop->error);
    check_holds(f, id, TRUE, 5);
    g_autoptr(YdBackup) own = read_row(f, product->id);
    g_assert_cmpstr(own->state, ==, "ready");
    g_assert_cmpstr(own->checksum, ==, product->checksum);
    g_assert_cmpuint(count(f, "point", "1"), ==, 0);
    g_assert_true(shell("test ! -e %s/restored.json", f->directory));
    desk_run(f);
    YdJob *job = yd_desktop_rebuild(f->service, &f->admin, id, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, function) g_test_add(path, Desk, NULL, set_up, function, desk_tear_down)
    ADD("/backup/made-and-put-back", made_and_put_back);
    ADD("/backup/lost-disk", lost_disk);
    ADD("/backup/kills", survives_kills);
    ADD("/backup/kills-product", product_survives_kills);
    ADD("/backup/kills-delete", deletion_survives_kills);
    ADD("/backup/things-go-wrong", things_go_wrong);
    ADD("/backup/disk-alone", disk_alone);
    ADD("/backup/nights", nights);
    ADD("/backup/new-machine", new_machine);
    g_test_add_func("/backup/kept", what_is_kept);
    return g_test_run();
}
