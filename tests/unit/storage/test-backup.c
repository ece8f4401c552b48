// SPDX-License-Identifier: Apache-2.0
// Backups of real images in a folder: what is read and what is new, going back with what is in
// between, damage that is found before anything is written, and a machine that is built anew.
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json-util.h"
#include "storage/backup.h"
#include "storage/local.h"
#include "storage/qcow2-map.h"

typedef struct {
    char *home, *state, *images, *target;
    YdStorage *storage;
} Fixture;

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
open_storage(Fixture *f)
{
    g_clear_pointer(&f->storage, yd_storage_free);
    f->storage = yd_storage_local(f->images);
    yd_backup_set_place(f->storage, f->target, f->state, "/nonexistent.conf");
}

static void
set_up(Fixture *f, gconstpointer data)
{
    f->home = g_dir_make_tmp("yd-backup-XXXXXX", NULL);
    f->state = g_build_filename(f->home, "state", NULL);
    f->images = g_build_filename(f->state, "images", NULL);
    f->target = g_build_filename(f->home, "target", NULL);
    g_assert_true(shell("mkdir -p %s %s %s/keys", f->images, f->target, f->state));
    open_storage(f);
    g_assert_true(shell("cd %s && qemu-img create -q -f qcow2 base.qcow2 16M && qemu-io -f qcow2 "
                        "-c 'write -P 9 0 4M' base.qcow2 && chmod 444 base.qcow2",
                        f->images));
    g_assert_true(yd_storage_derive(f->storage, "base.qcow2", "dsk-a.qcow2", 64 << 20, NULL));
    g_assert_true(yd_storage_derive(f->storage, NULL, "pdk-a.qcow2", 32 << 20, NULL));
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    yd_storage_free(f->storage);
    shell("rm -rf %s", f->home);
    g_free(f->home);
    g_free(f->state);
    g_free(f->images);
    g_free(f->target);
}

static void
io(Fixture *f, const char *image, const char *command)
{
    g_assert_true(shell("qemu-io -f qcow2 -c '%s' %s/%s | grep -qv 'verification failed'", command,
                        f->images, image));
    g_assert_false(shell("qemu-io -f qcow2 -c '%s' %s/%s | grep -q 'verification failed'", command,
                         f->images, image));
}

static json_t *
backup(Fixture *f, const char *id, const char *image, const char *previous)
{
    g_autoptr(GError) error = NULL;
    const YdBackupDisk what = {.id = id, .image = image, .point = id, .previous = previous};
    g_assert_true(yd_storage_point(f->storage, image, id, YD_POINT_MAKE, &error));
    json_t *facts = yd_backup_disk(f->storage, &what, NULL, NULL, &error);
    g_assert_no_error(error);
    return facts;
}

static gint64
number(const json_t *facts, const char *name)
{
    return json_integer_value(json_object_get(facts, name));
}

static const char *
sum_of(const json_t *facts)
{
    return json_string_value(json_object_get(facts, "checksum"));
}

static void
fill(Fixture *f, const char *id, const json_t *facts, const char *image)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(json_t) done =
        yd_backup_fill(f->storage, id, sum_of(facts), image, NULL, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(shell("qemu-img check %s/%s", f->images, image));
}

static void
test_incremental(Fixture *f, gconstpointer data)
{
    io(f, "dsk-a.qcow2", "write -P 1 0 1M");
    io(f, "dsk-a.qcow2", "write -P 2 40M 1M");
    g_autoptr(json_t) one = backup(f, "bkp-1", "dsk-a.qcow2", NULL);
    g_assert_true(json_is_true(json_object_get(one, "full")));
    g_assert_cmpint(number(one, "held_bytes"), ==, 2 << 20);
    g_assert_cmpint(number(one, "stored_bytes"), ==, 512 << 10); // each pattern once
    g_assert_cmpstr(json_string_value(json_object_get(one, "base")), ==, "base.qcow2");
    io(f, "dsk-a.qcow2", "write -P 3 512k 4k");
    g_autoptr(json_t) two = backup(f, "bkp-2", "dsk-a.qcow2", "bkp-1");
    g_assert_true(json_is_false(json_object_get(two, "full")));
    g_assert_cmpint(number(two, "stored_bytes"), ==, 256 << 10);
    // Back, with restore points in between that stay.
    g_assert_true(yd_storage_point(f->storage, "dsk-a.qcow2", "rpt-x", YD_POINT_MAKE, NULL));
    io(f, "dsk-a.qcow2", "write -P 7 2M 1M");
    io(f, "dsk-a.qcow2", "write -P 7 0 64k");
    fill(f, "bkp-1", one, "dsk-a.qcow2");
    io(f, "dsk-a.qcow2", "read -P 1 0 1M");
    io(f, "dsk-a.qcow2", "read -P 9 1M 3M"); // the base's again
    io(f, "dsk-a.qcow2", "read -P 2 40M 1M");
    fill(f, "bkp-2", two, "dsk-a.qcow2");
    io(f, "dsk-a.qcow2", "read -P 3 512k 4k");
    io(f, "dsk-a.qcow2", "read -P 1 516k 508k");
    g_assert_true(shell("qemu-img snapshot -l %s/dsk-a.qcow2 | grep -q rpt-x", f->images));
}

// The tables tell also what going back to a restore point changed.
static void
test_after_going_back(Fixture *f, gconstpointer data)
{
    io(f, "dsk-a.qcow2", "write -P 1 0 1M");
    g_assert_true(yd_storage_point(f->storage, "dsk-a.qcow2", "rpt-x", YD_POINT_MAKE, NULL));
    io(f, "dsk-a.qcow2", "write -P 2 0 1M");
    g_autoptr(json_t) one = backup(f, "bkp-1", "dsk-a.qcow2", NULL);
    g_assert_true(yd_storage_point(f->storage, "dsk-a.qcow2", "rpt-x", YD_POINT_BACK, NULL));
    io(f, "dsk-a.qcow2", "write -z -u 512k 128k");
    g_autoptr(json_t) two = backup(f, "bkp-2", "dsk-a.qcow2", "bkp-1");
    g_assert_true(json_is_false(json_object_get(two, "full")));
    io(f, "dsk-a.qcow2", "write -P 5 0 64M");
    fill(f, "bkp-2", two, "dsk-a.qcow2");
    io(f, "dsk-a.qcow2", "read -P 1 0 512k");
    io(f, "dsk-a.qcow2", "read -P 0 512k 128k");
    io(f, "dsk-a.qcow2", "read -P 9 1M 3M");
    io(f, "dsk-a.qcow2", "read -P 0 4M 60M");
}

static void
test_lost_and_grown(Fixture *f, gconstpointer data)
{
    io(f, "pdk-a.qcow2", "write -P 4 1M 1M");
    g_autoptr(json_t) one = backup(f, "bkp-1", "pdk-a.qcow2", NULL);
    g_assert_true(yd_storage_grow(f->storage, "pdk-a.qcow2", 48 << 20, NULL));
    io(f, "pdk-a.qcow2", "write -P 6 40M 1M");
    g_autoptr(json_t) two = backup(f, "bkp-2", "pdk-a.qcow2", "bkp-1");
    g_assert_true(json_is_false(json_object_get(two, "full")));
    fill(f, "bkp-1", one, "pdk-a.qcow2"); // stays large
    io(f, "pdk-a.qcow2", "read -P 4 1M 1M");
    io(f, "pdk-a.qcow2", "read -P 0 40M 1M");
    g_assert_true(shell("rm %s/pdk-a.qcow2", f->images));
    fill(f, "bkp-2", two, "pdk-a.qcow2");
    io(f, "pdk-a.qcow2", "read -P 4 1M 1M");
    io(f, "pdk-a.qcow2", "read -P 6 40M 1M");
    // The old moment is not in the new file: a full one again.
    g_autoptr(json_t) three = backup(f, "bkp-3", "pdk-a.qcow2", "bkp-2");
    g_assert_true(json_is_true(json_object_get(three, "full")));
    g_assert_cmpint(number(three, "stored_bytes"), ==, 0);
}

static void
test_damage(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    io(f, "pdk-a.qcow2", "write -P 4 1M 1M");
    io(f, "pdk-a.qcow2", "write -P 5 8M 1M");
    g_autoptr(json_t) one = backup(f, "bkp-1", "pdk-a.qcow2", NULL);
    g_assert_true(yd_backup_verify(f->storage, "bkp-1", sum_of(one), NULL, NULL, &error));
    io(f, "pdk-a.qcow2", "write -P 7 0 16M");
    // The first content that is needed is whole, the second one damaged: nothing is written.
    g_autofree char *second = NULL;
    guint8 *five = g_malloc(256 << 10);
    memset(five, 5, 256 << 10);
    second = g_compute_checksum_for_data(G_CHECKSUM_SHA256, five, 256 << 10);
    g_free(five);
    g_assert_true(shell("printf x | dd of=%s/chunks/%.2s/%s conv=notrunc bs=1 seek=100", f->target,
                        second, second));
    g_assert_false(yd_backup_verify(f->storage, "bkp-1", sum_of(one), NULL, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_clear_error(&error);
    g_assert_null(
        yd_backup_fill(f->storage, "bkp-1", sum_of(one), "pdk-a.qcow2", NULL, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    io(f, "pdk-a.qcow2", "read -P 7 0 16M");
    g_clear_error(&error);
    // Its list exchanged.
    g_assert_true(shell("echo >> %s/disks/bkp-1.json", f->target));
    g_assert_null(
        yd_backup_fill(f->storage, "bkp-1", sum_of(one), "pdk-a.qcow2", NULL, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
}

static gint64
files_in(const char *folder)
{
    g_autofree char *line = g_strdup_printf("/bin/sh -c \"find %s -type f | wc -l\"", folder);
    g_autofree char *out = NULL;
    g_assert_true(g_spawn_command_line_sync(line, &out, NULL, NULL, NULL));
    return g_ascii_strtoll(out, NULL, 10);
}

static void
test_sweep(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *chunks = g_build_filename(f->target, "chunks", NULL);
    io(f, "pdk-a.qcow2", "write -P 4 1M 1M");
    g_autoptr(json_t) one = backup(f, "bkp-1", "pdk-a.qcow2", NULL);
    io(f, "pdk-a.qcow2", "write -P 5 1M 256k");
    g_autoptr(json_t) two = backup(f, "bkp-2", "pdk-a.qcow2", "bkp-1");
    g_assert_cmpint(files_in(chunks), ==, 2);
    g_assert_true(shell("mkdir %s/part/bkp-old && touch %s/part/bkp-old/x", f->target, f->target));
    // The first goes, the second needs what both had.
    g_assert_true(yd_backup_drop(f->storage, "bkp-1", &error));
    json_decref(yd_backup_sweep(f->storage, &error));
    g_assert_no_error(error);
    g_assert_cmpint(files_in(chunks), ==, 2);
    g_assert_false(shell("test -e %s/part/bkp-old", f->target));
    g_assert_true(yd_backup_verify(f->storage, "bkp-2", sum_of(two), NULL, NULL, &error));
    // A list that cannot be read keeps everything.
    g_assert_true(shell("echo '{' > %s/disks/bkp-3.json", f->target));
    g_assert_null(yd_backup_sweep(f->storage, &error));
    g_assert_cmpint(files_in(chunks), ==, 2);
    g_clear_error(&error);
    g_assert_true(yd_backup_drop(f->storage, "bkp-3", &error));
    g_assert_true(yd_backup_drop(f->storage, "bkp-2", &error));
    json_decref(yd_backup_sweep(f->storage, &error));
    g_assert_no_error(error);
    g_assert_cmpint(files_in(chunks), ==, 0);
}

static void
refused(json_t *answer, GError **error, int code)
{
    g_assert_null(answer);
    g_assert_error(*error, YD_ERROR, code);
    g_clear_error(error);
}

static void
test_refusals(Fixture *f, gconstpointer data)
{
    GError *error = NULL;
    io(f, "pdk-a.qcow2", "write -P 4 1M 1M");
    const YdBackupDisk climb = {.id = "../x", .image = "pdk-a.qcow2", .point = "bkp-1"};
    refused(yd_backup_disk(f->storage, &climb, NULL, NULL, &error), &error, YD_ERROR_INVALID);
    const YdBackupDisk none = {.id = "bkp-1", .image = "pdk-a.qcow2", .point = "bkp-1"};
    refused(yd_backup_disk(f->storage, &none, NULL, NULL, &error), &error, YD_ERROR_NOT_FOUND);
    // A look changes nothing, so that an empty folder stays one.
    g_assert_true(shell("rm -rf %s && mkdir %s", f->target, f->target));
    json_decref(yd_backup_space(f->storage, FALSE, &error));
    g_assert_no_error(error);
    g_assert_true(shell("test -z \"$(ls %s)\"", f->target));
    refused(yd_backup_space(f->storage, TRUE, &error), &error, YD_ERROR_UNAVAILABLE);
    refused(yd_backup_image(f->storage, "base.qcow2", TRUE, NULL, NULL, &error), &error,
            YD_ERROR_UNAVAILABLE);
    // The disk of the folder is not mounted.
    const YdBackupDisk known = {
        .id = "bkp-1", .image = "pdk-a.qcow2", .point = "bkp-1", .known = TRUE};
    g_assert_true(shell("rm -rf %s && mkdir %s", f->target, f->target));
    refused(yd_backup_disk(f->storage, &known, NULL, NULL, &error), &error, YD_ERROR_UNAVAILABLE);
    g_assert_true(shell("rmdir %s", f->target));
    refused(yd_backup_space(f->storage, TRUE, &error), &error, YD_ERROR_UNAVAILABLE);
    g_assert_true(shell("mkdir %s", f->target));
    refused(yd_backup_image(f->storage, "pdk-a.qcow2", FALSE, NULL, NULL, &error), &error,
            YD_ERROR_STATE);
    g_assert_false(yd_backup_drop(f->storage, "", &error));
    g_clear_error(&error);
    yd_backup_set_place(f->storage, NULL, f->state, NULL);
    refused(yd_backup_space(f->storage, TRUE, &error), &error, YD_ERROR_STATE);
}

// A base that is another one since.
static void
test_other_base(Fixture *f, gconstpointer data)
{
    GError *error = NULL;
    io(f, "dsk-a.qcow2", "write -P 1 0 1M");
    g_autoptr(json_t) one = backup(f, "bkp-1", "dsk-a.qcow2", NULL);
    g_assert_true(shell(
        "cd %s && cp base.qcow2 next.qcow2 && chmod 444 next.qcow2 && rm dsk-a.qcow2", f->images));
    g_assert_true(yd_storage_derive(f->storage, "next.qcow2", "dsk-a.qcow2", 64 << 20, NULL));
    refused(yd_backup_fill(f->storage, "bkp-1", sum_of(one), "dsk-a.qcow2", NULL, NULL, &error),
            &error, YD_ERROR_STATE);
}

static void
tell(const char *text)
{
    g_test_message("%s", text);
}

static void
test_new_machine(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    io(f, "dsk-a.qcow2", "write -P 1 0 1M");
    g_autoptr(json_t) disk = backup(f, "bkp-1", "dsk-a.qcow2", NULL);
    g_autoptr(json_t) image = yd_backup_image(f->storage, "base.qcow2", FALSE, NULL, NULL, &error);
    g_assert_no_error(error);
    g_autoptr(json_t) again = yd_backup_image(f->storage, "base.qcow2", FALSE, NULL, NULL, &error);
    g_assert_cmpint(number(again, "stored_bytes"), ==, 0);
    g_assert_true(
        shell("cd %s && mkdir -p backup/bkp-9 && echo db > backup/bkp-9/yundesk.db && echo "
              "secret > keys/ca.key && chmod 600 keys/ca.key && touch yundesk.db",
              f->state));
    g_autofree char *plan = g_strdup_printf(
        "{\"images\":[{\"image\":\"base.qcow2\",\"checksum\":\"%s\"}],\"disks\":[{\"image\":\"dsk-"
        "a."
        "qcow2\",\"backup\":\"bkp-1\",\"checksum\":\"%s\"},{\"image\":\"dsk-b.qcow2\",\"backup\":"
        "\"bkp-2\",\"checksum\":\"%s\",\"object_id\":\"dsk-b\"}],\"missing\":[]}",
        sum_of(image), sum_of(disk), sum_of(disk));
    g_autofree char *file = g_build_filename(f->state, "backup/bkp-9/plan.json", NULL);
    g_assert_true(g_file_set_contents(file, plan, -1, NULL));
    g_autoptr(json_t) product = yd_backup_product(f->storage, "bkp-9", TRUE, &error);
    g_assert_no_error(error);
    g_assert_true(yd_backup_verify(f->storage, "bkp-9", sum_of(product), NULL, NULL, &error));
    g_assert_true(shell("test `stat -c %%a %s/product/bkp-9/yundesk.db` = 600 && test `stat -c %%a "
                        "%s/product` = 700",
                        f->target, f->target));
    g_assert_false(yd_backup_restore_all(f->storage, NULL, NULL, tell, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_EXISTS); // there is a database
    g_clear_error(&error);
    g_assert_true(shell("rm -rf %s && mkdir -p %s", f->state, f->images));
    open_storage(f);
    for (guint i = 0; i < 2; i++) { // and once more, as after a kill
        shell("rm -f %s/yundesk.db", f->state);
        g_assert_true(yd_backup_restore_all(f->storage, NULL, NULL, tell, &error));
        g_assert_no_error(error);
    }
    io(f, "dsk-a.qcow2", "read -P 1 0 1M");
    io(f, "dsk-a.qcow2", "read -P 9 1M 3M");
    g_assert_true(
        shell("cd %s && grep -q secret keys/ca.key && test `stat -c %%a keys/ca.key` = 600 "
              "&& grep -q db yundesk.db && grep -q dsk-b restored.json && test ! -w "
              "images/base.qcow2 -o `id -u` = 0",
              f->state));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, function) g_test_add(path, Fixture, NULL, set_up, function, tear_down)
    ADD("/backup/incremental", test_incremental);
    ADD("/backup/after-going-back", test_after_going_back);
    ADD("/backup/lost-and-grown", test_lost_and_grown);
    ADD("/backup/damage", test_damage);
    ADD("/backup/sweep", test_sweep);
    ADD("/backup/refusals", test_refusals);
    ADD("/backup/other-base", test_other_base);
    ADD("/backup/new-machine", test_new_machine);
    return g_test_run();
}
