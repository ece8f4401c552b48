// SPDX-License-Identifier: Apache-2.0
// The local storage with the real qemu-img: import, derive, grow, verify, delete; what is refused,
// a full disk and a cancelled import leave nothing behind.
#include "storage/storage.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1024 * 1024)

typedef struct {
    char *root, *images;
    YdStorage *storage;
} Place;

static void
set_up(Place *place, gconstpointer data)
{
    place->root = g_dir_make_tmp("yd-storage-XXXXXX", NULL);
    place->images = g_build_filename(place->root, "images", NULL);
    g_assert_cmpint(g_mkdir(place->images, 0755), ==, 0);
    place->storage = yd_storage_local(place->images);
}

static void
remove_tree(const char *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        remove_tree(child);
    }
    if (dir)
        g_dir_close(dir);
    g_remove(path);
}

static void
list_files(void)
{
    const char *name;
    GDir *dir = g_dir_open("/proc/self/fd", 0, NULL);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename("/proc/self/fd", name, NULL);
        g_autofree char *target = g_file_read_link(path, NULL);
        g_printerr("file %s: %s\n", name, target);
    }
    g_dir_close(dir);
}

static guint
open_files(void)
{
    guint n = 0;
    GDir *dir = g_dir_open("/proc/self/fd", 0, NULL);
    while (g_dir_read_name(dir))
        n++;
    g_dir_close(dir);
    return n;
}

// Every test ends with as many open files as the first one did, or one more: GLib's worker thread
// closes some a moment later, and was once seen to keep one. A leak in each test adds up.
static void
check_files(void)
{
    static guint first;
    gint64 deadline = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;
    if (first == 0)
        first = open_files();
    while (open_files() > first && g_get_monotonic_time() < deadline)
        g_usleep(1000);
    guint now = open_files();
    if (now > first)
        list_files();
    g_assert_cmpuint(now, <=, first + 1);
}

static void
tear_down(Place *place, gconstpointer data)
{
    yd_storage_free(place->storage);
    check_files();
    remove_tree(place->root);
    g_free(place->root);
    g_free(place->images);
}

static void
qemu_img(const char *arguments)
{
    g_autofree char *line = g_strdup_printf("qemu-img %s", arguments);
    g_autoptr(GError) error = NULL;
    g_autofree char *out = NULL;
    int status = -1;
    g_assert_true(g_spawn_command_line_sync(line, &out, NULL, &status, &error));
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 0);
}

// A raw disk with an MBR and `mib` MiB of random-looking data in a file of twice that size; owned
// path.
static char *
raw_disk(Place *place, gsize mib)
{
    char *path = g_build_filename(place->root, "disk.raw", NULL);
    gsize size = mib * MIB;
    g_autofree guint8 *bytes = g_malloc0(size);
    for (gsize i = 512; i < size; i++)
        bytes[i] = (guint8)(i * 2654435761u >> 13);
    memset(bytes, 0, 512);
    bytes[510] = 0x55;
    bytes[511] = 0xaa;
    g_assert_true(g_file_set_contents(path, (char *)bytes, (gssize)size, NULL));
    g_assert_cmpint(truncate(path, (off_t)(2 * size)), ==, 0);
    return path;
}

static guint
files_in(const char *path)
{
    guint n = 0;
    GDir *dir = g_dir_open(path, 0, NULL);
    while (g_dir_read_name(dir))
        n++;
    g_dir_close(dir);
    return n;
}

static gboolean
remember(double percent, gpointer data)
{
    double *last = data;
    g_assert_cmpfloat(percent, >=, 0);
    g_assert_cmpfloat(percent, <=, 100);
    *last = MAX(*last, percent);
    return TRUE;
}

static YdImageInfo *
import(Place *place, const char *source, const char *image)
{
    g_autoptr(GError) error = NULL;
    YdImageInfo *info = yd_storage_import(place->storage, source, image, NULL, NULL, &error);
    g_assert_no_error(error);
    g_assert_nonnull(info);
    return info;
}

static void
import_quietly(Place *place, const char *source, const char *image)
{
    yd_image_info_free(import(place, source, image));
}

static void
test_import(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *raw = raw_disk(place, 4);
    double last = -1;
    g_autoptr(YdImageInfo) info =
        yd_storage_import(place->storage, raw, "tplv-1.qcow2", remember, &last, &error);
    g_assert_no_error(error);
    g_assert_cmpfloat(last, >=, 0);
    g_assert_cmpstr(info->format, ==, "qcow2");
    g_assert_cmpint(info->virtual_bytes, ==, 8 * MIB);
    g_assert_null(info->backing);
    g_assert_cmpuint(strlen(info->checksum), ==, 64);

    g_autofree char *path = yd_storage_path(place->storage, "tplv-1.qcow2");
    struct stat st;
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 0777, ==, 0444);
    g_autofree char *bytes = NULL;
    gsize length;
    g_assert_true(g_file_get_contents(path, &bytes, &length, NULL));
    g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (guchar *)bytes, length);
    g_assert_cmpstr(info->checksum, ==, sum);
    g_autofree char *compare = g_strdup_printf("compare -f raw -F qcow2 %s %s", raw, path);
    qemu_img(compare);

    g_autoptr(YdImageInfo) verified =
        yd_storage_verify(place->storage, "tplv-1.qcow2", NULL, NULL, NULL);
    g_assert_cmpstr(verified->checksum, ==, sum);
    // asked again (the answer was lost): the same image
    g_autoptr(YdImageInfo) again = import(place, raw, "tplv-1.qcow2");
    g_assert_cmpstr(again->checksum, ==, sum);
    g_assert_cmpuint(files_in(place->images), ==, 1);
}

static void
test_formats(Place *place, gconstpointer data)
{
    static const char *const formats[][2] = {
        {"qcow2", ""},
        {"qcow2", "-o compat=0.10"},
        {"qcow2", "-c"},
        {"vmdk", ""},
        {"vmdk", "-o subformat=streamOptimized"},
    };
    g_autofree char *raw = raw_disk(place, 1);
    for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_autofree char *source = g_strdup_printf("%s/source-%u", place->root, i);
        g_autofree char *image = g_strdup_printf("tplv-%u.qcow2", i);
        g_autofree char *make = g_strdup_printf("convert -f raw -O %s %s %s %s", formats[i][0],
                                                formats[i][1], raw, source);
        qemu_img(make);
        g_autoptr(YdImageInfo) seen = yd_storage_inspect(place->storage, source, NULL);
        g_assert_nonnull(seen);
        g_assert_cmpstr(seen->format, ==, formats[i][0]);
        g_assert_cmpint(seen->virtual_bytes, ==, 2 * MIB);
        import_quietly(place, source, image);
        g_autofree char *path = yd_storage_path(place->storage, image);
        g_autofree char *compare = g_strdup_printf("compare -f raw -F qcow2 %s %s", raw, path);
        qemu_img(compare);
    }
}

static void
assert_import_fails(Place *place, const char *source, YdErrorCode code, const char *part)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(yd_storage_import(place->storage, source, "tplv-x.qcow2", NULL, NULL, &error));
    g_assert_error(error, YD_ERROR, (gint)code);
    if (!strstr(error->message, part))
        g_error("'%s' does not say '%s'", error->message, part);
    g_assert_cmpuint(files_in(place->images), ==, 0);
}

static void
test_refused(Place *place, gconstpointer data)
{
    g_autofree char *raw = raw_disk(place, 1);
    g_autofree char *good = g_strdup_printf("%s/good.qcow2", place->root);
    g_autofree char *make = g_strdup_printf("convert -f raw -O qcow2 %s %s", raw, good);
    qemu_img(make);
    struct stat st;
    g_assert_cmpint(stat(good, &st), ==, 0);
    g_autofree char *cut = g_strdup_printf("%s/cut.qcow2", place->root);
    g_autofree char *bytes = NULL;
    g_assert_true(g_file_get_contents(good, &bytes, NULL, NULL));
    // the header and its tables are whole, clusters at the end are not there
    g_assert_true(g_file_set_contents(cut, bytes, st.st_size - 600 * 1024, NULL));
    assert_import_fails(place, cut, YD_ERROR_INVALID, "truncated");

    g_autofree char *child = g_strdup_printf("%s/child.qcow2", place->root);
    g_autofree char *overlay = g_strdup_printf("create -q -f qcow2 -F qcow2 -b %s %s", good, child);
    qemu_img(overlay);
    assert_import_fails(place, child, YD_ERROR_INVALID, "backing file");

    g_autofree char *text = g_strdup_printf("%s/text.qcow2", place->root);
    g_autofree char *words = g_strnfill(4096, 'x');
    g_assert_true(g_file_set_contents(text, words, -1, NULL));
    assert_import_fails(place, text, YD_ERROR_INVALID, "not a disk image");
    g_autofree char *link = g_strdup_printf("%s/link.qcow2", place->root);
    g_assert_cmpint(symlink(good, link), ==, 0);
    assert_import_fails(place, link, YD_ERROR_INVALID, "link.qcow2");
    assert_import_fails(place, place->root, YD_ERROR_INVALID, "not a regular file");
    assert_import_fails(place, "/nowhere/x.qcow2", YD_ERROR_NOT_FOUND, "/nowhere/x.qcow2");
    assert_import_fails(place, "x.qcow2", YD_ERROR_INVALID, "absolute");
}

static gboolean
no(double percent, gpointer data)
{
    return FALSE;
}

static void
test_cancelled(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *raw = raw_disk(place, 8);
    g_assert_null(yd_storage_import(place->storage, raw, "tplv-1.qcow2", no, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_CANCELLED);
    g_assert_cmpuint(files_in(place->images), ==, 0);
}

// A leftover of an import that died is replaced; list never shows it.
static void
test_begun_anew(Place *place, gconstpointer data)
{
    g_autofree char *raw = raw_disk(place, 1);
    g_autofree char *part = g_strdup_printf("%s/.tplv-1.qcow2.part", place->images);
    g_assert_true(g_file_set_contents(part, "half", -1, NULL));
    g_autoptr(GPtrArray) before = yd_storage_list(place->storage, NULL);
    g_assert_cmpuint(before->len, ==, 0);
    import_quietly(place, raw, "tplv-1.qcow2");
    g_assert_cmpuint(files_in(place->images), ==, 1);
}

static void
test_disk_full(Place *place, gconstpointer data)
{
    // a small file system that only this thread sees
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", place->images, "tmpfs", 0, "size=2m") != 0) {
        g_test_skip("mounting a small file system needs root");
        return;
    }
    g_autofree char *raw = raw_disk(place, 8);
    assert_import_fails(place, raw, YD_ERROR_NO_SPACE, "No space left");
    g_assert_cmpint(umount(place->images), ==, 0);
}

static void
test_overlays(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *raw = raw_disk(place, 1);
    import_quietly(place, raw, "tplv-1.qcow2");
    import_quietly(place, raw, "tplv-2.qcow2");
    YdStorage *storage = place->storage;
    g_assert_true(yd_storage_derive(storage, "tplv-1.qcow2", "dsk-1.qcow2", 16 * MIB, &error));
    g_assert_no_error(error);
    g_assert_true(yd_storage_derive(storage, "tplv-1.qcow2", "dsk-1.qcow2", 16 * MIB, NULL));
    g_assert_false(yd_storage_derive(storage, "tplv-2.qcow2", "dsk-1.qcow2", 0, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_EXISTS);
    g_clear_error(&error);
    g_assert_false(yd_storage_derive(storage, "tplv-3.qcow2", "dsk-2.qcow2", 0, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_false(yd_storage_derive(storage, "tplv-1.qcow2", "dsk-2.qcow2", MIB, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_clear_error(&error);
    g_assert_false(yd_storage_derive(storage, "tplv-1.qcow2", "../dsk-2.qcow2", 0, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_clear_error(&error);

    g_assert_true(yd_storage_grow(storage, "dsk-1.qcow2", 32 * MIB, &error));
    g_assert_true(yd_storage_grow(storage, "dsk-1.qcow2", 32 * MIB, &error));
    g_autoptr(YdImageInfo) grown = yd_storage_verify(storage, "dsk-1.qcow2", NULL, NULL, NULL);
    g_assert_cmpint(grown->virtual_bytes, ==, 32 * MIB);
    g_assert_false(yd_storage_grow(storage, "dsk-1.qcow2", 16 * MIB, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_clear_error(&error);
    g_assert_false(yd_storage_grow(storage, "tplv-1.qcow2", 16 * MIB, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_clear_error(&error);

    g_assert_false(yd_storage_delete(storage, "tplv-1.qcow2", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_IN_USE);
    g_clear_error(&error);
    g_assert_true(yd_storage_delete(storage, "dsk-1.qcow2", NULL));
    g_assert_true(yd_storage_delete(storage, "dsk-1.qcow2", NULL));
    g_assert_true(yd_storage_delete(storage, "tplv-1.qcow2", NULL));
    g_autoptr(GPtrArray) names = yd_storage_list(storage, NULL);
    g_assert_cmpuint(names->len, ==, 1);
    g_assert_cmpstr(names->pdata[0], ==, "tplv-2.qcow2");
}

// A change of version 1 becomes version 2 by its name alone; flattened, it has all of both.
static void
test_seal_flatten(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    YdStorage *storage = place->storage;
    g_autofree char *raw = raw_disk(place, 1);
    import_quietly(place, raw, "tplv-1.qcow2");
    g_assert_true(yd_storage_derive(storage, "tplv-1.qcow2", "dsk-1.qcow2", 0, NULL));
    g_assert_true(yd_storage_derive(storage, NULL, "dsk-2.qcow2", MIB, NULL));
    g_assert_false(yd_storage_seal(storage, "dsk-1.qcow2", NULL, "tplv-2.qcow2", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE); // it has a base
    g_clear_error(&error);
    g_assert_false(yd_storage_seal(storage, "dsk-2.qcow2", "tplv-1.qcow2", "tplv-2.qcow2", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE); // it has none
    g_clear_error(&error);
    g_autofree char *base = yd_storage_path(storage, "tplv-1.qcow2");
    g_assert_cmpint(g_chmod(base, 0644), ==, 0); // one that might change
    g_assert_false(yd_storage_seal(storage, "dsk-1.qcow2", "tplv-1.qcow2", "tplv-2.qcow2", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_clear_error(&error);
    g_chmod(base, 0444);
    for (guint twice = 0; twice < 2; twice++)
        g_assert_true(
            yd_storage_seal(storage, "dsk-1.qcow2", "tplv-1.qcow2", "tplv-2.qcow2", &error));
    g_assert_false(yd_storage_delete(storage, "tplv-1.qcow2", NULL));

    g_autoptr(GPtrArray) chain = yd_storage_chain(storage, "tplv-2.qcow2", &error);
    g_assert_cmpuint(chain->len, ==, 2);
    const YdImageFacts *top = chain->pdata[0], *below = chain->pdata[1];
    g_assert_cmpstr(top->base, ==, "tplv-1.qcow2");
    g_assert_true(top->sealed && below->sealed && !below->base && !below->damage);
    g_assert_cmpuint(strlen(below->header), ==, 64);
    g_assert_cmpint(below->allocated_bytes, >, 0);
    g_assert_null(yd_storage_chain(storage, "tplv-9.qcow2", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);

    g_assert_null(yd_storage_flatten(storage, "dsk-2.qcow2", "tplv-3.qcow2", NULL, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE); // not sealed
    g_clear_error(&error);
    for (guint twice = 0; twice < 2; twice++) {
        g_autoptr(YdImageInfo) flat =
            yd_storage_flatten(storage, "tplv-2.qcow2", "tplv-3.qcow2", NULL, NULL, &error);
        g_assert_no_error(error);
        g_assert_null(flat->backing);
        g_assert_cmpuint(strlen(flat->checksum), ==, 64);
    }
    g_assert_cmpint(g_unlink(base), ==, 0);
    g_autoptr(GPtrArray) broken = yd_storage_chain(storage, "tplv-2.qcow2", &error);
    g_assert_cmpstr(((YdImageFacts *)broken->pdata[1])->damage, ==, "is missing");
    g_autoptr(GPtrArray) all = yd_storage_usage(storage, &error);
    g_assert_cmpuint(all->len, ==, 3);
}

// QEMU's lock on the disk of a running machine (block/file-posix.c: byte 101 for writing).
static void
test_in_use(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *raw = raw_disk(place, 1);
    import_quietly(place, raw, "tplv-1.qcow2");
    g_assert_true(yd_storage_derive(place->storage, "tplv-1.qcow2", "dsk-1.qcow2", 0, NULL));
    g_autofree char *path = yd_storage_path(place->storage, "dsk-1.qcow2");
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 101, .l_len = 1};
    g_assert_cmpint(fcntl(fd, F_OFD_SETLK, &lock), ==, 0);
    g_assert_false(yd_storage_delete(place->storage, "dsk-1.qcow2", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_IN_USE);
    g_clear_error(&error);
    g_assert_false(yd_storage_grow(place->storage, "dsk-1.qcow2", 64 * MIB, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_IN_USE);
    close(fd);
    g_assert_true(yd_storage_delete(place->storage, "dsk-1.qcow2", NULL));
}

static void
test_nvram_and_space(Place *place, gconstpointer data)
{
    gint64 bytes = 0, left = 0;
    g_autofree char *folder = g_build_filename(place->images, "nvram", NULL);
    g_autofree char *file = g_build_filename(folder, "dsk-1.fd", NULL);
    g_assert_cmpint(g_mkdir(folder, 0755), ==, 0);
    g_assert_true(g_file_set_contents(file, "x", 1, NULL));
    g_assert_true(yd_storage_delete(place->storage, "dsk-1.qcow2", NULL));
    g_assert_false(g_file_test(file, G_FILE_TEST_EXISTS));
    g_assert_true(yd_storage_space(place->storage, &bytes, &left, NULL));
    g_assert_cmpint(bytes, >, 0);
    g_assert_cmpint(left, <=, bytes);
    g_assert_null(yd_storage_path(place->storage, "a/b.qcow2"));
    g_assert_null(yd_storage_path(place->storage, ".qcow2"));
    g_assert_null(yd_storage_path(place->storage, "-a.qcow2"));
    g_assert_null(yd_storage_path(place->storage, "a.raw"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_autofree char *tool = g_find_program_in_path("qemu-img");
    if (!tool) {
        g_print("1..0 # SKIP qemu-img is not installed (package qemu-utils)\n");
        return 0;
    }
#define ADD(name, function) g_test_add("/local/" name, Place, NULL, set_up, function, tear_down)
    ADD("import", test_import);
    ADD("formats", test_formats);
    ADD("refused", test_refused);
    ADD("cancelled", test_cancelled);
    ADD("begun-anew", test_begun_anew);
    ADD("overlays", test_overlays);
    ADD("seal-flatten", test_seal_flatten);
    ADD("in-use", test_in_use);
    ADD("nvram-and-space", test_nvram_and_space);
    ADD("disk-full", test_disk_full);
    return g_test_run();
}
