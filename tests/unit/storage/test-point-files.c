// SPDX-License-Identifier: Apache-2.0
// Files of a restore point with the real reader and qemu-nbd: in this process and over deskhost's
// socket, while another process writes to the image.
#include "storage/point-files.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json-util.h"
#include "deskhost/folders.h"
#include "deskhost/server.h"

#define MIB (1024 * 1024)

typedef struct {
    char *root, *images;
    YdHostConfig config;
    YdHostServer *server;
    YdStorage *local, *remote;
} Place;

static void run(const char *format, ...) G_GNUC_PRINTF(1, 2);

static void
run(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    const char *argv[] = {"/bin/sh", "-ec", text, NULL};
    g_autofree char *said = NULL;
    int status = -1;
    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
                               NULL, &said, &status, NULL));
    if (status != 0)
        g_error("%s: %s", text, said);
}

// dsk-1.qcow2 with points p1 (the file is "first") and p2 (it is "second").
static void
set_up(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    place->root = g_dir_make_tmp("yd-points-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(place->root, "yundesk.conf", NULL);
    g_autofree char *text =
        g_strdup_printf("[paths]\nstate=%s/state\nrun=%s/"
                        "run\n[deskhost]\nuser=nobody-here\nqemu_user=nobody-here\n",
                        place->root, place->root);
    g_assert_true(g_file_set_contents(file, text, -1, NULL));
    g_assert_true(yd_host_config_load(file, &place->config, &error));
    g_assert_true(yd_folders_prepare(&place->config, &error));
    place->server = yd_host_server_new(&place->config, &error);
    g_assert_no_error(error);
    place->images = g_strdup(place->config.images_dir);
    place->remote = yd_storage_remote(place->config.socket_path);
    place->local = yd_storage_local(place->images);
    run("PATH=$PATH:/sbin:/usr/sbin; cd '%s'; mkdir -p tree/home; echo first >tree/home/note; "
        "seq 1 200000 >tree/home/big; mkfs.ext4 -q -F -d tree first.raw 32M; "
        "qemu-img convert -O qcow2 first.raw '%s/dsk-1.qcow2'; "
        "qemu-img snapshot -c p1 '%s/dsk-1.qcow2'; echo second >tree/home/note; "
        "mkfs.ext4 -q -F -d tree second.raw 32M; "
        "qemu-img convert -n -O qcow2 second.raw '%s/dsk-1.qcow2'; "
        "qemu-img snapshot -c p2 '%s/dsk-1.qcow2'",
        place->root, place->images, place->images, place->images, place->images);
}

static void
tear_down(Place *place, gconstpointer data)
{
    yd_storage_free(place->remote);
    yd_storage_free(place->local);
    yd_host_server_free(place->server);
    yd_host_config_clear(&place->config);
    run("rm -rf '%s'", place->root);
    g_free(place->root);
    g_free(place->images);
}

static gboolean
into_array(gpointer data, const void *bytes, gsize n, GError **error)
{
    g_byte_array_append(data, bytes, (guint)n);
    return TRUE;
}

static gboolean
enough(gpointer data, const void *bytes, gsize n, GError **error)
{
    g_set_error(error, YD_ERROR, YD_ERROR_NO_SPACE, "the cup is full");
    return FALSE;
}

static void
assert_note(YdStorage *storage, const char *point, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GByteArray) got = g_byte_array_new();
    YdPointFile file;
    yd_point_files_read(storage, "dsk-1.qcow2", point, "/home/note", MIB, into_array, got, &file,
                        &error);
    g_assert_no_error(error);
    g_assert_cmpmem(got->data, got->len, text, strlen(text));
    g_assert_cmpint(file.bytes, ==, (gint64)strlen(text));
    g_assert_cmpuint(file.mode, ==, 0644);
}

static void
check(Place *place, YdStorage *storage)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *big_path = g_build_filename(place->root, "tree/home/big", NULL);
    g_autofree char *big = NULL;
    gsize length = 0;
    g_autoptr(GByteArray) got = g_byte_array_new();
    YdPointFile file;
    g_autoptr(json_t) list =
        yd_point_files_list(storage, "dsk-1.qcow2", "p1", "/home", 0, 1, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(json_array_size(json_object_get(list, "items")), ==, 1);
    g_assert_cmpint(json_integer_value(json_object_get(list, "next")), ==, 1);
    assert_note(storage, "p1", "first\n");
    assert_note(storage, "p2", "second\n");
    g_assert_true(g_file_get_contents(big_path, &big, &length, NULL));
    g_assert_true(yd_point_files_read(storage, "dsk-1.qcow2", "p1", "/home/big", 4 * MIB,
                                      into_array, got, &file, NULL));
    g_assert_cmpmem(got->data, got->len, big, length);
}

static void
test_both(Place *place, gconstpointer data)
{
    check(place, place->local);
    check(place, place->remote);
}

static void
check_refused(YdStorage *storage, const char *image, const char *point, const char *path,
              YdPointSink sink, YdErrorCode code)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GByteArray) got = g_byte_array_new();
    YdPointFile file;
    g_assert_false(yd_point_files_read(storage, image, point, path, MIB, sink, got, &file, &error));
    g_assert_error(error, YD_ERROR, (int)code);
}

static void
test_refused(Place *place, gconstpointer data)
{
    YdStorage *both[] = {place->local, place->remote};
    run("qemu-img create -q -f qcow2 '%s/dsk-2.qcow2' 8M; qemu-img snapshot -c p1 "
        "'%s/dsk-2.qcow2'; head -c 2000 /dev/urandom >'%s/dsk-3.qcow2'",
        place->images, place->images, place->images);
    for (guint i = 0; i < G_N_ELEMENTS(both); i++) {
        YdStorage *storage = both[i];
        check_refused(storage, "dsk-1.qcow2", "p3", "/home/note", into_array, YD_ERROR_NOT_FOUND);
        check_refused(storage, "dsk-9.qcow2", "p1", "/home/note", into_array, YD_ERROR_NOT_FOUND);
        check_refused(storage, "dsk-1.qcow2", "p1", "/none", into_array, YD_ERROR_NOT_FOUND);
        check_refused(storage, "dsk-1.qcow2", "p1", "/home", into_array, YD_ERROR_STATE);
        check_refused(storage, "dsk-1.qcow2", "p1", "/home/big", into_array, YD_ERROR_TOO_LARGE);
        check_refused(storage, "dsk-1.qcow2", "p1", "/../x", into_array, YD_ERROR_INVALID);
        check_refused(storage, "dsk-1.qcow2", "p1", "x", into_array, YD_ERROR_INVALID);
        check_refused(storage, "dsk-1.qcow2", "p1,snapshot.id=1", "/x", into_array,
                      YD_ERROR_INVALID);
        check_refused(storage, "../dsk-1.qcow2", "p1", "/x", into_array, YD_ERROR_INVALID);
        check_refused(storage, "dsk-2.qcow2", "p1", "/x", into_array, YD_ERROR_INVALID);
        check_refused(storage, "dsk-3.qcow2", "p1", "/x", into_array, YD_ERROR_UNAVAILABLE);
        check_refused(storage, "dsk-1.qcow2", "p1", "/home/note", enough, YD_ERROR_NO_SPACE);
    }
}

// Whether somebody has QEMU's lock of writers on it (block/file-posix.c).
static gboolean
is_written(const char *path)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 101, .l_len = 1};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    g_assert_cmpint(fcntl(fd, F_OFD_GETLK, &lock), ==, 0);
    close(fd);
    return lock.l_type != F_UNLCK;
}

// A writer holds QEMU's locks on the image and changes it all the time.
static void
test_in_use(Place *place, gconstpointer data)
{
    g_autofree char *path = g_build_filename(place->images, "dsk-1.qcow2", NULL);
    g_autofree char *script = g_strdup_printf(
        "i=0; while [ $i -lt 2000 ]; do echo \"write -P $((i %% 250)) $((i %% 500 * 65536)) 64k\"; "
        "i=$((i + 1)); sleep 0.01; done | exec qemu-io -f qcow2 '%s'",
        path);
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    GPid writer;
    g_assert_true(g_spawn_async(NULL, (char **)argv, NULL,
                                G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL,
                                (GSpawnChildSetupFunc)(void (*)(void))setsid, NULL, &writer, NULL));
    gboolean locked = FALSE;
    for (guint i = 0; i < 1000 && !locked; i++) {
        locked = is_written(path);
        g_usleep(10000);
    }
    g_assert_true(locked);
    check(place, place->remote);
    g_assert_true(is_written(path));
    kill(-writer, SIGKILL);
    waitpid(writer, NULL, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_autofree char *reader =
        g_build_filename(g_getenv("YD_BUILD"), "src", "deskhost", "deskread", NULL);
    yd_point_files_reader(reader);
    g_test_add("/point-files/both ways list and read", Place, NULL, set_up, test_both, tear_down);
    g_test_add("/point-files/what is refused says why", Place, NULL, set_up, test_refused,
               tear_down);
    g_test_add("/point-files/an image in use is read as it was", Place, NULL, set_up, test_in_use,
               tear_down);
    return g_test_run();
}
