// SPDX-License-Identifier: Apache-2.0
// The hypervisor contract on real libvirt and QEMU with the tiny guest. Runs inside a laboratory
// (tests/lib/lab run …), whose libvirtd it kills and starts again; exits 77 with the reason when
// there is none. Disks, folders and users are as in production: QEMU is libvirt's own user.
#include "suite.h"
#include "deskhost/folders.h"
#include "hypervisor/libvirt-private.h"
#include "storage/storage.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <png.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1024 * 1024)
#define AGENT_SECONDS 60
#define ADDRESS "10.99.0.12"

static struct {
    Subject subject; // machine 1
    YdMachineSpec second;
    YdHostConfig config;
    YdStorage *storage;
    char *disk, *disk_2, *socket, *root;
} lab;

static void
skip(const char *why)
{
    printf("skipped: %s\n", why);
    exit(77);
}

// Runs a command line; its exit status.
static int G_GNUC_PRINTF(1, 2) shell(const char *format, ...)
{
    va_list args;
    int status = -1;
    va_start(args, format);
    g_autofree char *line = g_strdup_vprintf(format, args);
    va_end(args);
    const char *argv[] = {"/bin/sh", "-c", line, NULL};
    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL,
                               &status, NULL));
    return status;
}

static YdHypervisor *
hv(void)
{
    return lab.subject.hv;
}

static const char *
uuid(void)
{
    return lab.subject.spec.uuid;
}

static gint64
ms_since(gint64 begun)
{
    return (g_get_monotonic_time() - begun) / 1000;
}

static void
await_agent(const char *machine)
{
    gint64 deadline = g_get_monotonic_time() + AGENT_SECONDS * G_USEC_PER_SEC;
    g_autoptr(GError) error = NULL;
    while (!yd_hypervisor_agent_ping(hv(), machine, 2, &error)) {
        if (g_get_monotonic_time() > deadline)
            g_error("the agent never answered: %s", error->message);
        g_clear_error(&error);
        g_usleep(100 * 1000);
    }
}

// --- the steps -----------------------------------------------------------------------------------

static void
step_suite(void)
{
    suite_run(&lab.subject);
}

static void
step_start(void)
{
    g_autoptr(GError) error = NULL;
    YdDhcpHost host = {.mac = lab.subject.spec.nic.mac, .ip = ADDRESS, .name = "tiny-1"};
    yd_hypervisor_network_ensure(hv(), &lab.subject.network, &error);
    g_assert_no_error(error);
    yd_hypervisor_network_set_host(hv(), lab.subject.network.name, &host, &error);
    g_assert_no_error(error);
    start(&lab.subject);
    await_agent(uuid());
}

static void
step_address(void)
{
    gint64 deadline = g_get_monotonic_time() + AGENT_SECONDS * G_USEC_PER_SEC;
    g_autofree char *address = NULL;
    while (!(address = yd_hypervisor_agent_address(hv(), uuid(), 5, NULL))) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_usleep(100 * 1000);
    }
    g_assert_cmpstr(address, ==, ADDRESS);
    // the RDP port answers from the host
    int answers = 1;
    for (guint i = 0; answers != 0 && i < 100; i++) {
        answers = shell("bash -c 'exec 3<>/dev/tcp/" ADDRESS "/3389' 2>/dev/null");
        g_usleep(answers ? 100 * 1000 : 0);
    }
    g_assert_cmpint(answers, ==, 0);
}

static void
step_exec(void)
{
    g_autoptr(GError) error = NULL;
    const char *sh[] = {"/bin/sh", "-s", NULL};
    const char *missing[] = {"/nowhere/program", NULL};
    int status = -1;
    g_autofree char *output = NULL, *big = NULL;
    yd_hypervisor_agent_exec(hv(), uuid(), sh, "echo out; echo err >&2; exit 7", 20, &status,
                             &output, &error);
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 7);
    g_assert_cmpstr(output, ==, "out\nerr\n");
    yd_hypervisor_agent_exec(hv(), uuid(), sh,
                             "dd if=/dev/zero bs=1k count=200 2>/dev/null | tr '\\0' x", 20,
                             &status, &big, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(strlen(big), ==, 64 * 1024);
    g_assert_false(yd_hypervisor_agent_exec(hv(), uuid(), missing, NULL, 5, &status, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INTERNAL);
    g_clear_error(&error);
    gint64 begun = g_get_monotonic_time();
    g_assert_false(
        yd_hypervisor_agent_exec(hv(), uuid(), sh, "sleep 60", 2, &status, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_TIMEOUT);
    g_assert_cmpint(ms_since(begun), <, 5000);
}

static void
step_password(void)
{
    g_autoptr(GError) error = NULL;
    const char *sh[] = {"/bin/sh", "-s", NULL};
    int status = -1;
    yd_hypervisor_agent_exec(hv(), uuid(), sh, "adduser -D -u 2000 zhang", 20, &status, NULL,
                             &error);
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 0);
    for (gint hashed = 0; hashed <= 1; hashed++) {
        yd_hypervisor_agent_set_password(hv(), uuid(), "zhang", "se'cret \"1", hashed, 10, &error);
        g_assert_no_error(error);
        yd_hypervisor_agent_exec(hv(), uuid(), sh, "grep '^zhang:[$]6[$]' /etc/shadow", 20, &status,
                                 NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpint(status, ==, 0);
    }
    g_autoptr(GPtrArray) users = yd_hypervisor_agent_users(hv(), uuid(), 5, &error);
    g_assert_no_error(error);
    g_assert_nonnull(users);
}

static int
spicy(guint16 port, const char *password)
{
    return shell("timeout 20 spicy-screenshot -h 127.0.0.1 -p %u -w '%s' -o %s/spice.png "
                 ">/dev/null 2>&1",
                 port, password, lab.root);
}

static void
step_spice(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *tool = g_find_program_in_path("spicy-screenshot");
    guint16 port = 0;
    g_assert_true(yd_hypervisor_spice(hv(), uuid(), &port, &error));
    if (!tool) {
        g_test_skip("spicy-screenshot is not installed (package spice-client-gtk)");
        return;
    }
    g_assert_cmpint(spicy(port, ""), !=, 0); // locked from the start
    g_assert_cmpint(spicy(port, "locked"), !=, 0);
    gint64 until = g_get_real_time() / G_USEC_PER_SEC + 60;
    yd_hypervisor_set_spice_password(hv(), uuid(), "ticket-1", until, &error);
    g_assert_no_error(error);
    g_assert_cmpint(spicy(port, "ticket-1"), ==, 0);
    g_assert_cmpint(spicy(port, "ticket-2"), !=, 0);
    yd_hypervisor_set_spice_password(hv(), uuid(), "ticket-1", until - 120, &error);
    g_assert_no_error(error);
    g_assert_cmpint(spicy(port, "ticket-1"), !=, 0); // expired
}

static void
step_screenshot(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) picture = yd_hypervisor_screenshot(hv(), uuid(), &error);
    g_assert_no_error(error);
    png_image image = {.version = PNG_IMAGE_VERSION};
    gsize length;
    const guint8 *bytes = g_bytes_get_data(picture, &length);
    g_assert_true(png_image_begin_read_from_memory(&image, bytes, length));
    g_assert_cmpuint(image.width, >=, 640);
    g_assert_cmpuint(image.height, >=, 400);
    image.format = PNG_FORMAT_RGB;
    g_autofree guint8 *pixels = g_malloc(PNG_IMAGE_SIZE(image));
    g_assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
    guint blue = 0; // the tiny guest shows a blue screen with a banner
    for (gsize i = 0; i < PNG_IMAGE_SIZE(image); i += 3)
        blue += pixels[i + 2] > 100 && pixels[i] < 60;
    g_assert_cmpuint(blue, >, image.width * image.height / 4);
}

// Connects as another user with that group: 0, or errno.
static int
connect_as(uid_t uid, gid_t gid)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        char greeting[12];
        strcpy(address.sun_path, lab.socket);
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (setgroups(1, &gid) != 0 || setgid(gid) != 0 || setuid(uid) != 0)
            _exit(100);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
            _exit(errno);
        if (recv(fd, greeting, sizeof greeting, MSG_WAITALL) != sizeof greeting ||
            memcmp(greeting, "RFB 003.", 8) != 0)
            _exit(101);
        _exit(0);
    }
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
step_vnc_socket(void)
{
    gid_t group = getpwnam(lab.config.user)->pw_gid;
    uid_t qemu = getpwnam(lab.config.qemu_user)->pw_uid;
    struct stat st;
    g_assert_cmpint(stat(lab.socket, &st), ==, 0);
    g_assert_cmpuint(st.st_gid, ==, group);
    g_assert_cmpint(connect_as(12345, group), ==, 0);      // as deskgate
    g_assert_cmpint(connect_as(12345, 12345), ==, EACCES); // anybody else
    g_assert_cmpint(stat(lab.disk, &st), ==, 0);
    g_assert_cmpuint(st.st_uid, ==, qemu);
    // the template stays sealed
    g_autofree char *base = yd_storage_path(lab.storage, "tplv-tiny.qcow2");
    g_assert_cmpint(stat(base, &st), ==, 0);
    g_assert_cmpuint(st.st_mode & 0777, ==, 0444);
    g_test_message("owner of the template while a machine runs: %u", st.st_uid);
}

static gpointer
hung_ping(gpointer data)
{
    g_autoptr(GError) error = NULL;
    gint64 begun = g_get_monotonic_time();
    g_assert_false(yd_hypervisor_agent_ping(hv(), uuid(), 3, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_TIMEOUT);
    return GINT_TO_POINTER((int)ms_since(begun));
}

// The agent stops answering soon, for that many seconds.
static void
stop_agent(guint seconds)
{
    g_autoptr(GError) error = NULL;
    const char *sh[] = {"/bin/sh", "-s", NULL};
    g_autofree char *script =
        g_strdup_printf("(sleep 1; kill -STOP $(pidof qemu-ga); sleep %u; kill -CONT $(pidof "
                        "qemu-ga)) >/dev/null 2>&1 </dev/null &",
                        seconds);
    gint64 deadline = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
    yd_hypervisor_agent_exec(hv(), uuid(), sh, script, 20, NULL, NULL, &error);
    g_assert_no_error(error);
    while (yd_hypervisor_agent_ping(hv(), uuid(), 1, NULL)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_usleep(100 * 1000);
    }
}

// Forty calls wait for one hung guest; another guest's agent and the host answer as ever.
static void
step_hung_agent(void)
{
    g_autoptr(GError) error = NULL;
    GThread *threads[40];
    yd_hypervisor_start(hv(), &lab.second, &error);
    g_assert_no_error(error);
    await_agent(lab.second.uuid);
    stop_agent(14);
    gint64 begun = g_get_monotonic_time(), slowest = 0;
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("ping", hung_ping, NULL);
    while (ms_since(begun) < 2500) {
        gint64 call = g_get_monotonic_time();
        YdMachineState state;
        yd_hypervisor_agent_ping(hv(), lab.second.uuid, 5, &error);
        g_assert_no_error(error);
        yd_hypervisor_machine_state(hv(), uuid(), &state, &error);
        g_assert_no_error(error);
        g_assert_cmpint(state, ==, YD_MACHINE_RUNNING);
        GPtrArray *stats = yd_hypervisor_stats(hv(), FALSE, &error);
        g_assert_no_error(error);
        g_ptr_array_unref(stats);
        slowest = MAX(slowest, ms_since(call));
        g_usleep(50 * 1000);
    }
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(threads[i])), <, 10000);
    g_test_message("slowest round beside 40 hung calls: %d ms", (int)slowest);
    g_assert_cmpint(slowest, <, 1500);
    await_agent(uuid()); // comes back by itself
    yd_hypervisor_remove(hv(), lab.second.uuid, &error);
    g_assert_no_error(error);
}

static void
step_resize(void)
{
    g_autoptr(GError) error = NULL;
    // laboratories emulate (TCG), where no vCPU can be added live
    g_assert_false(yd_hypervisor_resize(hv(), uuid(), 2, 0, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_clear_error(&error);
    yd_hypervisor_resize(hv(), uuid(), 0, 120, &error); // the balloon takes some
    g_assert_no_error(error);
    g_assert_false(yd_hypervisor_resize(hv(), uuid(), 0, 4096, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_clear_error(&error);
    yd_hypervisor_resize_disk(hv(), uuid(), lab.disk, 256 * MIB, &error);
    g_assert_no_error(error);
    g_autoptr(GPtrArray) stats = yd_hypervisor_stats(hv(), TRUE, &error);
    const YdMachineStats *one = stats->pdata[0];
    g_assert_cmpint(one->vcpus, ==, 1);
    g_assert_cmpuint(one->cpu_ns, >, 0);
    g_assert_cmpuint(one->disk_read_bytes, >, MIB);
    g_assert_cmpuint(one->net_in_bytes, >, 0);
    g_assert_cmpint(one->memory_used_kib, >, 1024);
    // its disk is in use
    g_autofree char *image = g_path_get_basename(lab.disk);
    g_assert_false(yd_storage_delete(lab.storage, image, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_IN_USE);
}

// The number of points of that name in the disk's table, as QEMU's own tool reads it.
static int
points_of(const char *disk, const char *name)
{
    return shell("qemu-img snapshot -U -l %s | grep -qw %s", disk, name) == 0;
}

static void
step_points(void)
{
    g_autoptr(GError) error = NULL;
    const char *const disks[] = {lab.disk, NULL};
    const char *const foreign[] = {lab.disk, "/nowhere/else.qcow2", NULL};
    g_autofree char *image = g_path_get_basename(lab.disk);
    yd_hypervisor_agent_still(hv(), uuid(), TRUE, 20, &error);
    g_assert_no_error(error);
    yd_hypervisor_point(hv(), uuid(), disks, "rpt-one", FALSE, &error);
    g_assert_no_error(error);
    yd_hypervisor_agent_still(hv(), uuid(), FALSE, 20, &error);
    g_assert_no_error(error);
    yd_hypervisor_point(hv(), uuid(), disks, "rpt-one", FALSE, &error); // once more: the same one
    g_assert_no_error(error);
    g_assert_cmpint(points_of(lab.disk, "rpt-one"), ==, 1);
    // all or nothing
    g_assert_false(yd_hypervisor_point(hv(), uuid(), foreign, "rpt-two", FALSE, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_cmpint(points_of(lab.disk, "rpt-two"), ==, 0);
    // a paused machine's disks, too; the storage leaves what is in use alone; growing goes on
    yd_hypervisor_pause(hv(), uuid(), &error);
    g_assert_no_error(error);
    yd_hypervisor_point(hv(), uuid(), disks, "rpt-two", FALSE, &error);
    g_assert_no_error(error);
    yd_hypervisor_resume(hv(), uuid(), &error);
    g_assert_no_error(error);
    g_assert_false(yd_storage_point(lab.storage, image, "rpt-three", YD_POINT_MAKE, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_IN_USE);
    g_clear_error(&error);
    yd_hypervisor_resize_disk(hv(), uuid(), lab.disk, 320 * MIB, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < 2; i++) { // gone already: fine
        yd_hypervisor_point(hv(), uuid(), disks, "rpt-one", TRUE, &error);
        g_assert_no_error(error);
    }
    yd_hypervisor_point(hv(), uuid(), disks, "rpt-two", TRUE, &error);
    g_assert_no_error(error);
    g_assert_cmpint(points_of(lab.disk, "rpt-one") + points_of(lab.disk, "rpt-two"), ==, 0);
}

static int
pid_of(const char *file)
{
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    return atoi(text);
}

static char *
in_guest(const char *script)
{
    g_autoptr(GError) error = NULL;
    const char *sh[] = {"/bin/sh", "-s", NULL};
    char *output = NULL;
    int status = -1;
    yd_hypervisor_agent_exec(hv(), uuid(), sh, script, 20, &status, &output, &error);
    g_assert_no_error(error);
    return g_strstrip(output);
}

// The guest's clock stood still; it is set to this process's.
static void
check_clock(void)
{
    g_autoptr(GError) error = NULL;
    yd_hypervisor_agent_set_time(hv(), uuid(), 5, &error);
    g_assert_no_error(error);
    g_autofree char *seconds = in_guest("date +%s");
    g_assert_cmpint(ABS(g_ascii_strtoll(seconds, NULL, 10) - g_get_real_time() / G_USEC_PER_SEC), <,
                    5);
}

// What is only in the guest's memory is there after a pause and after a restore. An image that was
// not written to its end is of no use: the machine boots, and says so.
static void
step_sleep(void)
{
    g_autoptr(GError) error = NULL;
    gboolean restored = FALSE;
    g_free(in_guest("date -u -s '2001-02-03 04:05:06' >/dev/null; echo here >/tmp/mark"));
    yd_hypervisor_pause(hv(), uuid(), &error);
    g_assert_no_error(error);
    g_assert_false(yd_hypervisor_agent_ping(hv(), uuid(), 1, &error));
    g_clear_error(&error);
    gint64 begun = g_get_monotonic_time();
    yd_hypervisor_resume(hv(), uuid(), &error);
    g_assert_no_error(error);
    await_agent(uuid());
    g_test_message("resumed, agent answers: %" G_GINT64_FORMAT " ms", ms_since(begun));
    check_clock();
    begun = g_get_monotonic_time();
    yd_hypervisor_save(hv(), uuid(), &error);
    g_assert_no_error(error);
    g_test_message("saved: %" G_GINT64_FORMAT " ms", ms_since(begun));
    begun = g_get_monotonic_time();
    yd_hypervisor_restore(hv(), uuid(), &restored, &error);
    g_assert_no_error(error);
    g_assert_true(restored);
    await_agent(uuid());
    g_test_message("restored, agent answers: %" G_GINT64_FORMAT " ms", ms_since(begun));
    check_clock();
    g_autofree char *mark = in_guest("cat /tmp/mark");
    g_assert_cmpstr(mark, ==, "here");
    yd_hypervisor_save(hv(), uuid(), &error);
    g_assert_no_error(error);
    g_assert_cmpint(shell("printf LibvirtQemudPart | dd conv=notrunc status=none "
                          "of=/var/lib/libvirt/qemu/save/%s.save",
                          lab.subject.spec.name),
                    ==, 0);
    yd_hypervisor_restore(hv(), uuid(), &restored, &error);
    g_assert_no_error(error);
    g_assert_false(restored);
    await_agent(uuid());
    g_autofree char *none = in_guest("test -e /tmp/mark || echo none");
    g_assert_cmpstr(none, ==, "none");
}

static void
step_libvirtd_killed(void)
{
    g_autoptr(GError) error = NULL;
    YdMachineState state;
    forget_events(&lab.subject);
    g_assert_cmpint(kill(pid_of("/run/libvirtd.pid"), SIGKILL), ==, 0);
    wait_event(&lab.subject, NULL, "disconnected");
    gint64 begun = g_get_monotonic_time();
    g_assert_false(yd_hypervisor_machine_state(hv(), uuid(), &state, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
    g_assert_cmpint(ms_since(begun), <, 1000);
    g_assert_cmpint(shell("libvirtd -d"), ==, 0);
    wait_event(&lab.subject, NULL, "connected");
    wait_state(&lab.subject, YD_MACHINE_RUNNING); // the guest lived on
    await_agent(uuid());
}

static void
step_shutdown(void)
{
    g_autoptr(GError) error = NULL;
    for (guint by_agent = 0; by_agent < 2; by_agent++) {
        forget_events(&lab.subject);
        gint64 begun = g_get_monotonic_time();
        yd_hypervisor_shutdown(hv(), uuid(), by_agent, &error);
        g_assert_no_error(error);
        g_assert_cmpint(ms_since(begun), <, 8000);
        wait_event(&lab.subject, uuid(), "stopped");
        wait_state(&lab.subject, YD_MACHINE_OFF);
        start(&lab.subject);
        await_agent(uuid());
    }
}

static void
step_reboot(void)
{
    g_autoptr(GError) error = NULL;
    const char *sh[] = {"/bin/sh", "-s", NULL};
    int status = 0;
    yd_hypervisor_agent_exec(hv(), uuid(), sh, "touch /etc/mark", 20, &status, NULL, &error);
    g_assert_no_error(error);
    yd_hypervisor_reboot(hv(), uuid(), &error);
    g_assert_no_error(error);
    // memory is lost, so the mark is: the initramfs begins anew
    gint64 deadline = g_get_monotonic_time() + AGENT_SECONDS * G_USEC_PER_SEC;
    for (status = 0; status != 1;) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_usleep(200 * 1000);
        if (!yd_hypervisor_agent_exec(hv(), uuid(), sh, "test -e /etc/mark", 5, &status, NULL,
                                      NULL))
            status = 0;
    }
    wait_state(&lab.subject, YD_MACHINE_RUNNING);
}

static void
step_qemu_killed(void)
{
    forget_events(&lab.subject);
    g_autofree char *file = g_strdup_printf("/run/libvirt/qemu/%s.pid", lab.subject.spec.name);
    g_assert_cmpint(kill(pid_of(file), SIGKILL), ==, 0);
    wait_event(&lab.subject, uuid(), "crashed");
    wait_state(&lab.subject, YD_MACHINE_CRASHED);
}

static void
step_foreign(void)
{
    g_autoptr(GError) error = NULL;
    YdNetworkSpec foreign = lab.subject.network;
    g_autofree char *file = g_build_filename(lab.root, "foreign.xml", NULL);
    g_assert_true(g_file_set_contents(file,
                                      "<network><name>yd-theirs</name><bridge name='theirs0'/>"
                                      "<ip address='10.98.0.1' prefix='24'/></network>",
                                      -1, NULL));
    g_assert_cmpint(shell("virsh -q net-define %s && virsh -q net-start yd-theirs", file), ==, 0);
    foreign.name = "yd-theirs";
    foreign.bridge = "theirs1";
    g_assert_false(yd_hypervisor_network_ensure(hv(), &foreign, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_EXISTS);
    g_clear_error(&error);
    foreign.name = "yd-contract-3";
    foreign.bridge = "theirs0";
    g_assert_false(yd_hypervisor_network_ensure(hv(), &foreign, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_EXISTS);
    g_clear_error(&error);
    g_assert_false(yd_hypervisor_network_remove(hv(), "yd-theirs", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_EXISTS);
    g_clear_error(&error);
    // a bridge of the system's that libvirt does not know of
    g_assert_cmpint(shell("ip link add sysbr0 type bridge"), ==, 0);
    foreign.bridge = "sysbr0";
    foreign.gateway = "10.97.0.1";
    foreign.range_first = "10.97.0.10";
    foreign.range_last = "10.97.0.20";
    g_assert_false(yd_hypervisor_network_ensure(hv(), &foreign, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_EXISTS);
    g_assert_cmpint(shell("virsh -q net-info yd-contract-3 >/dev/null 2>&1"), !=, 0);
}

static void
step_network_repair(void)
{
    g_autoptr(GError) error = NULL;
    YdNetworkSpec changed = lab.subject.network;
    changed.range_last = "10.99.0.150";
    start(&lab.subject);
    g_assert_false(yd_hypervisor_network_ensure(hv(), &changed, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE); // guests use it
    g_clear_error(&error);
    g_assert_false(yd_hypervisor_network_remove(hv(), changed.name, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_clear_error(&error);
    yd_hypervisor_power_off(hv(), uuid(), &error);
    g_assert_no_error(error);
    yd_hypervisor_network_ensure(hv(), &changed, &error);
    g_assert_no_error(error);
    // range changed, the fixed address kept
    g_assert_cmpint(shell("virsh -q net-dumpxml yd-contract | grep -q 10.99.0.150"), ==, 0);
    g_assert_cmpint(shell("virsh -q net-dumpxml yd-contract | grep -q " ADDRESS), ==, 0);
}

static void
step_uefi(void)
{
    g_autoptr(GError) error = NULL;
    YdMachineSpec spec = lab.subject.spec;
    g_autofree char *nvram =
        g_build_filename(lab.config.images_dir, "nvram", "dsk-contract-1.fd", NULL);
    if (!g_file_test("/usr/share/OVMF/OVMF_CODE_4M.fd", G_FILE_TEST_EXISTS)) {
        g_test_skip("no UEFI firmware (package ovmf)");
        return;
    }
    yd_hypervisor_remove(hv(), uuid(), &error);
    g_assert_no_error(error);
    spec.uefi = TRUE;
    spec.nvram = nvram;
    yd_hypervisor_start(hv(), &spec, &error);
    g_assert_no_error(error);
    g_assert_true(g_file_test(nvram, G_FILE_TEST_EXISTS));
    yd_hypervisor_remove(hv(), uuid(), &error);
    g_assert_no_error(error);
    g_assert_false(g_file_test(nvram, G_FILE_TEST_EXISTS));
}

// Threads that ask the same host at once: libvirt's client hands its socket from one to the next.
#define ASKING_THREADS 8
#define QUESTIONS 300

static gpointer
ask(gpointer data)
{
    for (guint i = 0; i < QUESTIONS; i++) {
        g_autoptr(GError) error = NULL;
        YdMachineState state;
        yd_hypervisor_machine_state(hv(), uuid(), &state, &error);
        g_assert_no_error(error);
    }
    return NULL;
}

static void
step_many_threads(void)
{
    GThread *threads[ASKING_THREADS];
    int before = yd_libvirt_guard_ended();
    for (guint i = 0; i < ASKING_THREADS; i++)
        threads[i] = g_thread_new("ask", ask, NULL);
    for (guint i = 0; i < ASKING_THREADS; i++)
        g_thread_join(threads[i]);
    g_printerr("# libvirt left %d sources behind\n", yd_libvirt_guard_ended() - before);
    if (before >= 0)
        g_assert_cmpint(yd_libvirt_guard_ended(), >, before);
}

static void
step_end(void)
{
    g_autoptr(GError) error = NULL;
    yd_hypervisor_remove(hv(), uuid(), &error);
    g_assert_no_error(error);
    yd_hypervisor_network_remove(hv(), lab.subject.network.name, &error);
    g_assert_no_error(error);
    g_assert_true(yd_storage_delete(lab.storage, "dsk-contract-1.qcow2", &error));
    g_assert_no_error(error);
}

// --- preparing -----------------------------------------------------------------------------------

// $YD_TINY, else the newest that guest/build-tiny left in its cache; owned.
static char *
tiny_image(void)
{
    const char *given = g_getenv("YD_TINY");
    const char *cache = g_getenv("YUNDESK_CACHE");
    g_autofree char *out = NULL;
    if (given && *given)
        return g_strdup(given);
    g_autofree char *line =
        g_strdup_printf("sh -c 'ls -t %s/guest/tiny-*.qcow2 2>/dev/null | head -n1'",
                        cache ? cache : "/var/cache/yundesk");
    g_spawn_command_line_sync(line, &out, NULL, NULL, NULL);
    return out && *g_strstrip(out) ? g_steal_pointer(&out) : NULL;
}

static void
prepare_storage(const char *tiny)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *file = g_build_filename(lab.root, "contract.conf", NULL);
    g_autofree char *text = g_strdup_printf(
        "[paths]\nstate=%s/state\nrun=%s/run\n[deskhost]\nuser=nobody\n", lab.root, lab.root);
    g_assert_true(g_file_set_contents(file, text, -1, NULL));
    g_assert_true(yd_host_config_load(file, &lab.config, &error));
    g_assert_true(yd_folders_prepare(&lab.config, &error));
    lab.storage = yd_storage_local(lab.config.images_dir);
    yd_image_info_free(yd_storage_import(lab.storage, tiny, "tplv-tiny.qcow2", NULL, NULL, &error));
    g_assert_no_error(error);
    yd_storage_derive(lab.storage, "tplv-tiny.qcow2", "dsk-contract-1.qcow2", 0, &error);
    yd_storage_derive(lab.storage, "tplv-tiny.qcow2", "dsk-contract-2.qcow2", 0, &error);
    g_assert_no_error(error);
    lab.disk = yd_storage_path(lab.storage, "dsk-contract-1.qcow2");
    lab.disk_2 = yd_storage_path(lab.storage, "dsk-contract-2.qcow2");
    lab.socket = g_build_filename(lab.config.vnc_dir, "dsk-contract-1.sock", NULL);
}

static void
prepare(void)
{
    const char *dir = g_getenv("YD_LAB_DIR");
    if (!dir)
        skip("needs a laboratory: tests/lib/lab run test-contract-libvirt");
    g_autofree char *tiny = tiny_image();
    if (!tiny)
        skip("no tiny guest; build it with guest/build-tiny, or set YD_TINY");
    lab.root = g_build_filename(dir, "contract", NULL);
    g_assert_cmpint(g_mkdir_with_parents(lab.root, 0755), ==, 0);
    prepare_storage(tiny);
    lab.subject.uri = "qemu:///system";
    lab.subject.agent = lab.subject.dhcp = lab.subject.spice = lab.subject.asynchronous = TRUE;
    lab.subject.spec = (YdMachineSpec){
        .uuid = "11111111-2222-4333-8444-555555555555",
        .name = "yd-dsk-contract-1",
        .desktop_id = "dsk-contract-1",
        .title = "Contract <1>",
        .vcpus = 1,
        .memory_mib = 128,
        .disk = lab.disk,
        .nic.mac = "52:54:0a:63:00:0c",
        .nic.network = "yd-contract",
        .nic.ip = "10.99.0.12",
        .os = "linux",
        .vnc_socket = lab.socket,
        .spice = TRUE,
    };
    lab.second = lab.subject.spec;
    lab.second.uuid = "11111111-2222-4333-8444-666666666666";
    lab.second.name = "yd-dsk-contract-2";
    lab.second.desktop_id = "dsk-contract-2";
    lab.second.disk = lab.disk_2;
    lab.second.nic.mac = "52:54:0a:63:00:0d";
    lab.second.nic.ip = "10.99.0.13";
    lab.second.vnc_socket = NULL;
    lab.subject.network = (YdNetworkSpec){
        .name = "yd-contract",
        .network_id = "net-contract",
        .bridge = "ydc0",
        .gateway = "10.99.0.1",
        .prefix = 24,
        .range_first = "10.99.0.10",
        .range_last = "10.99.0.200",
    };
    subject_open(&lab.subject);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } steps[] = {
        {"suite", step_suite},
        {"start", step_start},
        {"address", step_address},
        {"exec", step_exec},
        {"password", step_password},
        {"spice", step_spice},
        {"screenshot", step_screenshot},
        {"vnc-socket", step_vnc_socket},
        {"hung-agent", step_hung_agent},
        {"resize", step_resize},
        {"many-threads", step_many_threads},
        {"points", step_points},
        {"sleep", step_sleep},
        {"libvirtd-killed", step_libvirtd_killed},
        {"shutdown", step_shutdown},
        {"reboot", step_reboot},
        {"qemu-killed", step_qemu_killed},
        {"foreign", step_foreign},
        {"network-repair", step_network_repair},
        {"uefi", step_uefi},
        {"end", step_end},
    };
    g_test_init(&argc, &argv, NULL);
    prepare();
    for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
        g_autofree char *path = g_strdup_printf("/libvirt/%s", steps[i].name);
        g_test_add_func(path, steps[i].run);
    }
    int status = g_test_run();
    subject_close(&lab.subject);
    yd_storage_free(lab.storage);
    yd_host_config_clear(&lab.config);
    g_free(lab.disk);
    g_free(lab.disk_2);
    g_free(lab.socket);
    g_free(lab.root);
    return status;
}
