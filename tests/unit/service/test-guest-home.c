// SPDX-License-Identifier: Apache-2.0
// The script that makes a personal disk a home, run by real shells below a folder of its own. Disks
// are files there, and what would mount, look and format are stand-ins that write down what they
// were asked; what must never happen is that mkfs is asked for a disk with anything on it.
#include "service/guest-home.h"

#include <string.h>
#include <sys/stat.h>
#include <glib/gstdio.h>

#define MIB (1 << 20)

typedef struct {
    char *root;
    char *output;
    int status;
} Guest;

static char *
path_of(const Guest *guest, const char *name)
{
    return g_build_filename(guest->root, name, NULL);
}

static void
put(const Guest *guest, const char *name, const char *text, int mode)
{
    g_autofree char *path = path_of(guest, name);
    g_autofree char *dir = g_path_get_dirname(path);
    g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_assert_cmpint(g_chmod(path, (mode_t)mode), ==, 0);
}

static char *
get(const Guest *guest, const char *name)
{
    g_autofree char *path = path_of(guest, name);
    char *text = NULL;
    return g_file_get_contents(path, &text, NULL, NULL) ? text : g_strdup("");
}

// A disk of 8 MiB with a byte at a place (-1: nowhere).
static void
make_disk(const Guest *guest, gint64 at)
{
    g_autofree char *path = path_of(guest, "dev/vdb");
    g_autofree guint8 *bytes = g_malloc0(8 * MIB);
    if (at >= 0)
        bytes[at] = 1;
    g_assert_true(g_file_set_contents(path, (const char *)bytes, 8 * MIB, NULL));
}

static const char log_it[] = "#!/bin/sh\ncat >/dev/null\n"
                             "echo \"${0##*/} $*\" | sed \"s|$YUNDESK_ROOT||g\" "
                             ">>\"$YUNDESK_ROOT/log\"\n";

static Guest *
guest_new(void)
{
    Guest *guest = g_new0(Guest, 1);
    guest->root = g_dir_make_tmp("yd-home-XXXXXX", NULL);
    put(guest, "etc/passwd", "root:x:0:0::/root:/bin/sh\nanna:x:20001:20002::/home/anna:/bin/sh\n",
        0644);
    put(guest, "etc/fstab", "LABEL=root / ext4 defaults 0 1\n", 0644);
    put(guest, "proc/mounts", "rootfs / rootfs rw 0 0\n", 0644);
    put(guest, "sys/block/vda/serial", "", 0644);
    put(guest, "sys/block/vdb/serial", "yundesk-home", 0644);
    put(guest, "dev/vda", "system", 0644);
    put(guest, "home/anna/.profile", "hers", 0644);
    g_autofree char *mount = g_strconcat(
        log_it, "for last; do :; done\necho \"dev $last fs\" >>\"$YUNDESK_ROOT/proc/mounts\"\n",
        NULL);
    g_autofree char *mkfs = g_strconcat(log_it, "echo ext4 >\"$YUNDESK_ROOT/kind\"\n", NULL);
    put(guest, "bin/mount", mount, 0755);
    put(guest, "bin/mkfs.ext4", mkfs, 0755);
    put(guest, "bin/blkid",
        "#!/bin/sh\n[ ! -e \"$YUNDESK_ROOT/kind\" ] || echo \"$2: LABEL=\\\"x\\\" TYPE=\\\"$(cat "
        "\"$YUNDESK_ROOT/kind\")\\\" USAGE=\\\"filesystem\\\"\"\n",
        0755);
    put(guest, "bin/wipefs", "#!/bin/sh\ncat \"$YUNDESK_ROOT/signatures\" 2>/dev/null\nexit 0\n",
        0755);
    put(guest, "bin/e2fsck",
        "#!/bin/sh\necho looked\nexit $(cat \"$YUNDESK_ROOT/damage\" 2>/dev/null || echo 0)\n",
        0755);
    put(guest, "bin/resize2fs", log_it, 0755);
    put(guest, "bin/chown", log_it, 0755);
    put(guest, "bin/sync", "#!/bin/sh\n", 0755);
    make_disk(guest, -1);
    return guest;
}

static void
guest_free(Guest *guest)
{
    g_autofree char *command =
        g_strdup_printf("sh -c \"chmod -R u+rwx '%s'; rm -rf '%s'\"", guest->root, guest->root);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    g_free(guest->root);
    g_free(guest->output);
    g_free(guest);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Guest, guest_free)

static void
run_by(Guest *guest, const char *shell, const char *username, gboolean fresh)
{
    const YdGuestHome what = {.username = username, .uid = 20001, .fresh = fresh};
    g_autofree char *script = yd_guest_home_script(&what);
    put(guest, "script", script, 0600);
    g_autofree char *command = g_strdup_printf("YUNDESK_ROOT='%s' %s -s <'%s/script' 2>&1",
                                               guest->root, shell, guest->root);
    const char *argv[] = {"/bin/sh", "-c", command, NULL};
    int status = 0;
    g_clear_pointer(&guest->output, g_free);
    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, &guest->output, NULL,
                               &status, NULL));
    guest->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
run(Guest *guest, gboolean fresh)
{
    run_by(guest, "sh", "anna", fresh);
}

static guint
times(const Guest *guest, const char *text)
{
    g_autofree char *log = get(guest, "log");
    guint n = 0;
    for (const char *at = log; (at = strstr(at, text)); at++)
        n++;
    return n;
}

static void
first_use(gconstpointer data)
{
    const char *shell = data;
    g_autofree char *program = g_strdup(shell);
    *strchrnul(program, ' ') = '\0';
    g_autofree char *there = g_find_program_in_path(program);
    if (!there) {
        g_test_skip("that shell is not installed");
        return;
    }
    g_autoptr(Guest) guest = guest_new();
    run_by(guest, shell, "anna", TRUE);
    g_assert_cmpstr(guest->output, ==, "");
    g_assert_cmpint(guest->status, ==, 0);
    g_assert_cmpuint(times(guest, "mkfs.ext4 -q -m 0 -L yundesk-home /dev/vdb\n"), ==, 1);
    g_assert_cmpuint(times(guest, "mount -t ext4 -o nodev,nosuid /dev/vdb "
                                  "/var/lib/yundesk/personal\n"),
                     ==, 1);
    g_assert_cmpuint(times(guest, "mount -o bind /var/lib/yundesk/personal/home /home/anna\n"), ==,
                     1);
    g_assert_cmpuint(times(guest, "chown 20001:20002 /var/lib/yundesk/personal/home\n"), ==, 1);
    g_assert_cmpuint(times(guest, "chown 0:0 /home/anna\n"), ==, 1);
    g_autofree char *profile = get(guest, "var/lib/yundesk/personal/home/.profile");
    g_assert_cmpstr(profile, ==, "hers");
    g_autofree char *below = path_of(guest, "home/anna");
    GStatBuf status;
    g_assert_cmpint(g_stat(below, &status), ==, 0);
    g_assert_cmpuint(status.st_mode & 07777, ==, 0); // nothing is written under the mount
    g_autofree char *fstab = get(guest, "etc/fstab");
    g_assert_nonnull(strstr(fstab, "LABEL=root / ext4 defaults 0 1\n"));
    g_assert_nonnull(strstr(fstab, "/home/anna none bind,nofail,"));

    // Again, as after a kill or to grow: nothing is made or mounted twice.
    run_by(guest, shell, "anna", TRUE);
    g_autofree char *again = get(guest, "etc/fstab");
    g_assert_cmpint(guest->status, ==, 0);
    g_assert_cmpuint(times(guest, "mkfs"), ==, 1);
    g_assert_cmpuint(times(guest, "mount "), ==, 2);
    g_assert_cmpuint(times(guest, "resize2fs /dev/vdb\n"), ==, 2);
    g_assert_cmpstr(again, ==, fstab);
}

// A disk that was somebody's home in another guest keeps what it has.
static void
used_before(void)
{
    g_autoptr(Guest) guest = guest_new();
    put(guest, "kind", "ext4", 0644);
    put(guest, "var/lib/yundesk/personal/home/letter", "kept", 0644);
    run(guest, FALSE);
    g_assert_cmpint(guest->status, ==, 0);
    g_assert_cmpuint(times(guest, "mkfs"), ==, 0);
    g_autofree char *letter = get(guest, "var/lib/yundesk/personal/home/letter");
    g_autofree char *profile = get(guest, "var/lib/yundesk/personal/home/.profile");
    g_assert_cmpstr(letter, ==, "kept");
    g_assert_cmpstr(profile, ==, ""); // the guest's own home is not mixed in
}

// A copy that was cut off is begun anew; only a whole one has the name.
static void
half_copied(void)
{
    g_autoptr(Guest) guest = guest_new();
    put(guest, "var/lib/yundesk/personal/home.new/half", "h", 0644);
    run(guest, TRUE);
    g_assert_cmpint(guest->status, ==, 0);
    g_autofree char *half = path_of(guest, "var/lib/yundesk/personal/home/half");
    g_autofree char *profile = get(guest, "var/lib/yundesk/personal/home/.profile");
    g_assert_false(g_file_test(half, G_FILE_TEST_EXISTS));
    g_assert_cmpstr(profile, ==, "hers");
}

static void
refused(Guest *guest, gboolean fresh, const char *why)
{
    run(guest, fresh);
    g_assert_cmpint(guest->status, ==, 1);
    if (!strstr(guest->output, why))
        g_error("\"%s\" is not in \"%s\"", why, guest->output);
    g_assert_cmpuint(times(guest, "mkfs"), ==, 0);
    g_assert_cmpuint(times(guest, "mount "), ==, 0);
}

static void
never_formats_what_holds_something(void)
{
    static const struct {
        const char *kind, *signatures;
        gint64 at;
        gboolean part;
    } cases[] = {
        {"ntfs", NULL, -1, FALSE},        {"", NULL, -1, FALSE}, // a partition table: no type
        {NULL, "0x1fe dos", -1, FALSE},   {NULL, NULL, 0, FALSE},
        {NULL, NULL, 4 * MIB - 1, FALSE}, {NULL, NULL, -1, TRUE},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(Guest) guest = guest_new();
        make_disk(guest, cases[i].at);
        if (cases[i].kind)
            put(guest, "kind", cases[i].kind, 0644);
        if (cases[i].signatures)
            put(guest, "signatures", cases[i].signatures, 0644);
        if (cases[i].part)
            put(guest, "sys/block/vdb/vdb1/start", "2048", 0644);
        refused(guest, TRUE, "is not formatted");
    }
}

static void
other_refusals(void)
{
    g_autoptr(Guest) used = guest_new(); // empty, but it was in use: its files are lost, say so
    refused(used, FALSE, "was in use before");

    g_autoptr(Guest) cut = guest_new();
    put(cut, "dev/vdb", "short", 0644);
    refused(cut, TRUE, "is not formatted");

    g_autoptr(Guest) damaged = guest_new();
    put(damaged, "kind", "ext4", 0644);
    put(damaged, "damage", "4", 0644);
    refused(damaged, FALSE, "is damaged, e2fsck says: looked");
    put(damaged, "damage", "12", 0644);
    refused(damaged, FALSE, "is damaged, e2fsck says: looked");
    put(damaged, "damage", "8", 0644); // as for a disk that is mounted
    refused(damaged, FALSE, "cannot be checked, e2fsck says: looked");

    g_autoptr(Guest) none = guest_new();
    put(none, "sys/block/vdb/serial", "other", 0644);
    refused(none, TRUE, "has no personal disk");

    g_autoptr(Guest) homeless = guest_new();
    put(homeless, "etc/passwd", "root:x:0:0::/root:/bin/sh\nanna:x:20001:20002:::/bin/sh\n", 0644);
    refused(homeless, TRUE, "has no home");
}

// Names are data: a shell never reads them.
static void
quoting(void)
{
    g_autoptr(Guest) guest = guest_new();
    run_by(guest, "sh", "x'; touch \"$YUNDESK_ROOT/bad\"; '$(touch bad)", TRUE);
    g_assert_cmpint(guest->status, ==, 1);
    g_autofree char *bad = path_of(guest, "bad");
    g_assert_false(g_file_test(bad, G_FILE_TEST_EXISTS));
    g_assert_nonnull(strstr(guest->output, "has no home"));
}

static void
one_at_a_time(void)
{
    g_autoptr(Guest) guest = guest_new();
    g_autofree char *flock = g_find_program_in_path("flock");
    if (!flock) {
        g_test_skip("flock is not installed");
        return;
    }
    put(guest, "bin/flock", "#!/bin/sh\nexit 1\n", 0755);
    run(guest, TRUE);
    g_assert_cmpint(guest->status, ==, YD_GUEST_HOME_BUSY);
    g_assert_cmpstr(guest->output, ==, "");
    g_assert_cmpuint(times(guest, "mkfs"), ==, 0);
}

// Debian's busybox runs its own mount whatever PATH says, so only whether it can read the script is
// asked here; that it does what it shall is seen in the small guest (e2e/personal-disk).
static void
busybox_reads_it(void)
{
    g_autofree char *busybox = g_find_program_in_path("busybox");
    if (!busybox) {
        g_test_skip("busybox is not installed");
        return;
    }
    g_autoptr(Guest) guest = guest_new();
    run_by(guest, "busybox sh -n", "anna", TRUE);
    g_assert_cmpstr(guest->output, ==, "");
    g_assert_cmpint(guest->status, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/guest-home/first-use/sh", "sh", first_use);
    g_test_add_data_func("/guest-home/first-use/dash", "dash", first_use);
    g_test_add_data_func("/guest-home/first-use/bash", "bash --posix", first_use);
    g_test_add_func("/guest-home/busybox-reads-it", busybox_reads_it);
    g_test_add_func("/guest-home/used-before", used_before);
    g_test_add_func("/guest-home/half-copied", half_copied);
    g_test_add_func("/guest-home/never-formats", never_formats_what_holds_something);
    g_test_add_func("/guest-home/refusals", other_refusals);
    g_test_add_func("/guest-home/quoting", quoting);
    g_test_add_func("/guest-home/one-at-a-time", one_at_a_time);
    return g_test_run();
}
