// SPDX-License-Identifier: Apache-2.0
// deskhost's server and its client (the remote storage) over a real socket.
#include "deskhost/folders.h"
#include "deskhost/segment.h"
#include "deskhost/server.h"
#include "deskhost/source.h"
#include "storage/storage.h"
#include "base/error.h"
#include "base/json-util.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1024 * 1024)

typedef struct {
    char *root, *import_dir, *raw;
    YdHostConfig config;
    YdHostServer *server;
    YdStorage *storage;
} Place;

static void
set_up(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    place->root = g_dir_make_tmp("yd-deskhost-XXXXXX", NULL);
    place->import_dir = g_build_filename(place->root, "import", NULL);
    place->raw = g_build_filename(place->import_dir, "disk.raw", NULL);
    g_autofree char *file = g_build_filename(place->root, "yundesk.conf", NULL);
    g_autofree char *text =
        g_strdup_printf("[paths]\nstate=%s/state\nrun=%s/run\n[deskhost]\nimport_dirs=%s\n"
                        "user=nobody-here\nqemu_user=nobody-here\nmax_requests=4\n",
                        place->root, place->root, place->import_dir);
    g_assert_true(g_file_set_contents(file, text, -1, NULL));
    g_assert_cmpint(g_mkdir(place->import_dir, 0755), ==, 0);
    g_autofree char *bytes = g_malloc0(MIB);
    bytes[510] = 0x55;
    bytes[511] = (char)0xaa;
    g_assert_true(g_file_set_contents(place->raw, bytes, MIB, NULL));
    g_assert_true(yd_host_config_load(file, &place->config, &error));
    g_assert_true(yd_folders_prepare(&place->config, &error));
    place->server = yd_host_server_new(&place->config, &error);
    g_assert_no_error(error);
    place->storage = yd_storage_remote(place->config.socket_path);
}

static void
remove_tree(const char *path)
{
    GDir *dir = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        remove_tree(child);
    }
    if (dir)
        g_dir_close(dir);
    g_remove(path);
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

// Every test ends with as many open files as the first one did (GLib's worker thread closes some a
// moment later).
static void
check_files(void)
{
    static guint first;
    gint64 deadline = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;
    if (first == 0)
        first = open_files();
    while (open_files() > first && g_get_monotonic_time() < deadline)
        g_usleep(1000);
    g_assert_cmpuint(open_files(), <=, first);
}

static void
tear_down(Place *place, gconstpointer data)
{
    yd_storage_free(place->storage);
    yd_host_server_free(place->server);
    yd_host_config_clear(&place->config);
    check_files();
    remove_tree(place->root);
    g_free(place->root);
    g_free(place->import_dir);
    g_free(place->raw);
}

// What is wrong is refused before the host is touched.
static void
test_segment_refused(void)
{
    static const struct {
        const char *request, *field;
    } bad[] = {
        {"{}", "vni"},
        {"{'vni':0}", "vni"},
        {"{'vni':16777216}", "vni"},
        {"{'vni':1,'bridge':'a/b','local':'10.0.0.1'}", "bridge"},
        {"{'vni':1,'bridge':'-x','local':'10.0.0.1'}", "bridge"},
        {"{'vni':1,'bridge':'a234567890123456','local':'10.0.0.1'}", "bridge"},
        {"{'vni':1,'bridge':'b','local':'fd00::1'}", "local"},
        {"{'vni':1,'bridge':'b','local':'10.0.0.1','gateway':'10.1.0.1; drop'}", "gateway"},
        {"{'vni':1,'bridge':'b','local':'10.0.0.1','gateway':'10.1.0.1','mac':'52:54'}", "mac"},
        {"{'vni':1,'bridge':'b','local':'10.0.0.1','gateway':'10.1.0.1',"
         "'mac':'52:54:0a:01:00:01','peers':'10.0.0.2'}",
         "peers"},
        {"{'vni':1,'bridge':'b','local':'10.0.0.1','gateway':'10.1.0.1',"
         "'mac':'52:54:0a:01:00:01','peers':['-d']}",
         "peers"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = g_strdup(bad[i].request);
        g_strdelimit(text, "'", '"');
        g_autoptr(json_t) request = yd_json_parse_object(text, &error);
        g_assert_no_error(error);
        g_assert_null(yd_segment_ensure(request, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
        g_assert_nonnull(strstr(error->message, bad[i].field));
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(json_t) keep = json_pack("{s:[s]}", "vnis", "1");
    g_assert_null(yd_segment_keep(keep, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
}

static void
test_segment_rules(void)
{
    g_autofree char *rules = yd_segment_rules(101, "10.50.0.1", "52:54:0a:32:00:01");
    g_assert_nonnull(strstr(rules, "arp daddr ip 10.50.0.1 drop"));
    g_assert_nonnull(strstr(rules, "ether saddr 52:54:0a:32:00:01 drop"));
    g_assert_nonnull(strstr(rules, "oifname \"yv101\" jump tunnel"));
    g_assert_nonnull(strstr(rules, "delete table bridge yundesk_101\n"));
}

static void
test_verbs(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    gint64 bytes = 0, left = 0;
    YdStorage *storage = place->storage;
    g_autoptr(YdImageInfo) seen = yd_storage_inspect(storage, place->raw, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(seen->format, ==, "raw");
    g_autoptr(YdImageInfo) info =
        yd_storage_import(storage, place->raw, "tplv-1.qcow2", NULL, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpint(info->virtual_bytes, ==, MIB);
    g_autoptr(YdImageInfo) verified = yd_storage_verify(storage, "tplv-1.qcow2", NULL, NULL, NULL);
    g_assert_cmpstr(verified->checksum, ==, info->checksum);
    yd_storage_derive(storage, "tplv-1.qcow2", "dsk-1.qcow2", 0, &error);
    g_assert_no_error(error);
    yd_storage_grow(storage, "dsk-1.qcow2", 2 * MIB, &error);
    g_assert_no_error(error);
    g_autofree char *path = yd_storage_path(storage, "dsk-1.qcow2");
    g_assert_true(g_str_has_prefix(path, place->config.images_dir));
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    g_autoptr(GPtrArray) names = yd_storage_list(storage, NULL);
    g_assert_cmpuint(names->len, ==, 2);
    g_assert_true(yd_storage_space(storage, &bytes, &left, NULL));
    g_assert_cmpint(left, >, 0);
    yd_storage_delete(storage, "dsk-1.qcow2", &error);
    g_assert_no_error(error);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

static void
assert_source_refused(Place *place, const char *path, YdErrorCode code)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(yd_storage_import(place->storage, path, "tplv-1.qcow2", NULL, NULL, &error));
    g_assert_error(error, YD_ERROR, (gint)code);
    g_assert_nonnull(strstr(error->message, path));
}

static void
test_sources(Place *place, gconstpointer data)
{
    g_autofree char *outside = g_build_filename(place->root, "outside.raw", NULL);
    g_autofree char *bytes = NULL;
    gsize length;
    g_assert_true(g_file_get_contents(place->raw, &bytes, &length, NULL));
    g_assert_true(g_file_set_contents(outside, bytes, (gssize)length, NULL));
    assert_source_refused(place, outside, YD_ERROR_INVALID);
    g_autofree char *dots = g_strdup_printf("%s/../outside.raw", place->import_dir);
    assert_source_refused(place, dots, YD_ERROR_INVALID);
    g_autofree char *link = g_build_filename(place->import_dir, "link.raw", NULL);
    g_assert_cmpint(symlink(outside, link), ==, 0);
    assert_source_refused(place, link, YD_ERROR_INVALID);
    g_autofree char *folder = g_build_filename(place->import_dir, "folder", NULL);
    g_assert_cmpint(symlink(place->root, folder), ==, 0);
    g_autofree char *through = g_build_filename(folder, "outside.raw", NULL);
    assert_source_refused(place, through, YD_ERROR_INVALID);
    g_autofree char *fifo = g_build_filename(place->import_dir, "fifo.raw", NULL);
    g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
    assert_source_refused(place, fifo, YD_ERROR_INVALID);
    g_autofree char *missing = g_build_filename(place->import_dir, "missing.raw", NULL);
    assert_source_refused(place, missing, YD_ERROR_NOT_FOUND);
    g_autofree char *beside = g_strdup_printf("%s-2/x.raw", place->import_dir);
    assert_source_refused(place, beside, YD_ERROR_INVALID);
    assert_source_refused(place, "/etc/shadow", YD_ERROR_INVALID);
}

// Sends text and returns the whole answer; owned.
static char *
raw_call(Place *place, const char *text, gssize length)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_autoptr(GString) answer = g_string_new(NULL);
    char chunk[1024];
    ssize_t n;
    strcpy(address.sun_path, place->config.socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    if (send(fd, text, length < 0 ? strlen(text) : (gsize)length, MSG_NOSIGNAL) > 0)
        shutdown(fd, SHUT_WR);
    while ((n = recv(fd, chunk, sizeof chunk, 0)) > 0)
        g_string_append_len(answer, chunk, n);
    close(fd);
    return g_strdup(answer->str);
}

static void
test_bad_requests(Place *place, gconstpointer data)
{
    static const char *const lines[] = {
        "\n",
        "[]\n",
        "{\"verb\":\"list\"",
        "{\"verb\":\"reboot\"}\n",
        "{\"verb\":\"list\",\"more\":1}\n",
        "{\"verb\":\"list\",\"verb\":\"space\"}\n",
        "{\"verb\":7}\n",
        "{\"verb\":\"delete\"}\n",
        "{\"verb\":\"delete\",\"image\":\"../x.qcow2\"}\n",
        "{\"verb\":\"delete\",\"image\":\"/etc/passwd\"}\n",
        "{\"verb\":\"derive\",\"base\":\"a.qcow2\",\"image\":\"b.qcow2\",\"bytes\":-1}\n",
        "{\"verb\":\"derive\",\"base\":\"a.qcow2\",\"image\":\"b.qcow2\",\"bytes\":\"1\"}\n",
        "{\"verb\":\"list\"}\n{\"verb\":\"list\"}\n",
        "{\"verb\":\"\xff\"}\n",
    };
    for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *answer = raw_call(place, lines[i], -1);
        if (!strstr(answer, "\"ok\":false") || !strstr(answer, "\"code\":\"invalid\""))
            g_error("%s was answered with %s", lines[i], answer);
    }
    g_autofree char *long_line = g_strnfill(20000, ' ');
    g_autofree char *answer = raw_call(place, long_line, -1);
    g_assert_false(strstr(answer, "\"ok\":true"));
}

static gboolean
stop_at_once(double percent, gpointer data)
{
    return FALSE;
}

static void
test_cancel(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(truncate(place->raw, (off_t)256 * MIB), ==, 0);
    int fd = open(place->raw, O_WRONLY | O_CLOEXEC);
    g_autofree char *block = g_malloc(MIB);
    memset(block, 0x5a, MIB);
    for (guint i = 1; i < 256; i++)
        g_assert_cmpint(pwrite(fd, block, MIB, (off_t)i * MIB), ==, MIB);
    close(fd);
    g_assert_null(
        yd_storage_import(place->storage, place->raw, "tplv-1.qcow2", stop_at_once, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_CANCELLED);
    g_autoptr(GDir) dir = g_dir_open(place->config.images_dir, 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir));) // folders, no image
        g_assert_true(g_str_equal(name, "nvram") || g_str_equal(name, "ram"));
}

static gpointer
list_in_thread(gpointer storage)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) names = yd_storage_list(storage, &error);
    g_assert_no_error(error);
    g_assert_nonnull(names);
    return NULL;
}

// More at once than max_requests: they wait, none is refused.
static void
test_burst(Place *place, gconstpointer data)
{
    GThread *threads[40];
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("list", list_in_thread, place->storage);
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
}

static void
test_away(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_clear_pointer(&place->server, yd_host_server_free);
    g_assert_false(g_file_test(place->config.socket_path, G_FILE_TEST_EXISTS));
    g_assert_null(yd_storage_list(place->storage, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
    g_assert_null(yd_storage_path(place->storage, "tplv-1.qcow2"));
}

// Another user is refused even where the socket's mode would let him in.
static void
test_other_user(Place *place, gconstpointer data)
{
    if (geteuid() != 0) {
        g_test_skip("becoming another user needs root");
        return;
    }
    g_assert_cmpint(chmod(place->root, 0755), ==, 0);
    g_assert_cmpint(chmod(place->config.socket_path, 0666), ==, 0);
    pid_t child = fork();
    if (child == 0) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        char answer[512] = "";
        strcpy(address.sun_path, place->config.socket_path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (setuid(65534) != 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
            _exit(2);
        if (recv(fd, answer, sizeof answer - 1, 0) <= 0)
            _exit(3);
        _exit(strstr(answer, "\"code\":\"forbidden\"") ? 0 : 4);
    }
    int status;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_cmpint(status, ==, 0);
}

static void
test_folders(Place *place, gconstpointer data)
{
    struct stat st;
    g_assert_cmpint(stat(place->config.vnc_dir, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 02770);
    g_assert_cmpint(stat(place->config.images_dir, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0711);
    g_assert_cmpint(chmod(place->config.state_dir, 0750), ==, 0);
    g_assert_true(yd_folders_prepare(&place->config, NULL));
    g_assert_cmpint(stat(place->config.state_dir, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0751);
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
#define ADD(name, function) g_test_add("/deskhost/" name, Place, NULL, set_up, function, tear_down)
    ADD("verbs", test_verbs);
    ADD("sources", test_sources);
    ADD("bad-requests", test_bad_requests);
    ADD("cancel", test_cancel);
    ADD("burst", test_burst);
    ADD("away", test_away);
    ADD("other-user", test_other_user);
    ADD("folders", test_folders);
    g_test_add_func("/deskhost/segment-refused", test_segment_refused);
    g_test_add_func("/deskhost/segment-rules", test_segment_rules);
    return g_test_run();
}
