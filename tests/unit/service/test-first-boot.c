// SPDX-License-Identifier: Apache-2.0
// The first-boot script, run by real shells below a folder of its own with stand-ins for the
// commands that make accounts.
#include "service/first-boot.h"

#include <string.h>
#include <sys/stat.h>
#include <glib/gstdio.h>

static const YdFirstBoot plain = {
    .desktop_id = "dsk-01jd0000000000000000000001",
    .hostname = "office-anna",
    .username = "anna.k",
    .uid = 20001,
    .certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    .key = "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n",
    .session = "light",
};

typedef struct {
    char *root;
    char *output;
    int status;
} Guest;

static void
put(const Guest *guest, const char *name, const char *text, int mode)
{
    g_autofree char *path = g_build_filename(guest->root, name, NULL);
    g_autofree char *dir = g_path_get_dirname(path);
    g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_assert_cmpint(g_chmod(path, (mode_t)mode), ==, 0);
}

static char *
get(const Guest *guest, const char *name)
{
    g_autofree char *path = g_build_filename(guest->root, name, NULL);
    char *text = NULL;
    return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

static mode_t
mode_of(const Guest *guest, const char *name)
{
    g_autofree char *path = g_build_filename(guest->root, name, NULL);
    GStatBuf status;
    return g_stat(path, &status) == 0 ? status.st_mode & 07777 : 0;
}

static Guest *
guest_new(gboolean debian)
{
    Guest *guest = g_new0(Guest, 1);
    guest->root = g_dir_make_tmp("yd-first-boot-XXXXXX", NULL);
    put(guest, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\n", 0644);
    put(guest, "etc/group", "root:x:0:\naudio:x:29:\nxvideo:x:43:\nvideo:x:44:\n", 0644);
    put(guest, "etc/hosts", "127.0.0.1 localhost\n127.0.1.1 template\n", 0644);
    put(guest, "etc/machine-id", "00000000000000000000000000000000\n", 0444);
    put(guest, "etc/xrdp/key.pem", "old", 0644);
    put(guest, "proc/sys/kernel/hostname", "", 0644);
    // What eats stdin must not eat the rest of the script.
    const char *add = "#!/bin/sh\ncat >/dev/null\necho \"$0 $*\" >>\"$YUNDESK_ROOT/log\"\n";
    put(guest, "bin/useradd", add, debian ? 0755 : 0644);
    put(guest, "bin/usermod", add, debian ? 0755 : 0644);
    put(guest, "bin/adduser", add, 0755);
    return guest;
}

static void
guest_free(Guest *guest)
{
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", guest->root);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    g_free(guest->root);
    g_free(guest->output);
    g_free(guest);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Guest, guest_free)

static void
run_script(Guest *guest, const char *shell, const char *script)
{
    g_autoptr(GError) error = NULL;
    put(guest, "script", script, 0600);
    g_autofree char *command = g_strdup_printf("YUNDESK_ROOT='%s' %s -s <'%s/script' 2>&1",
                                               guest->root, shell, guest->root);
    const char *argv[] = {"/bin/sh", "-c", command, NULL};
    g_clear_pointer(&guest->output, g_free);
    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, &guest->output, NULL,
                               &guest->status, &error));
}

static void
run(Guest *guest, const char *shell, const YdFirstBoot *what)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *script = yd_first_boot_script(what, &error);
    g_assert_no_error(error);
    run_script(guest, shell, script);
}

static void
check_prepared(const Guest *guest)
{
    g_autofree char *mark = get(guest, "etc/yundesk-desktop");
    g_autofree char *host = get(guest, "etc/hostname");
    g_autofree char *hosts = get(guest, "etc/hosts");
    g_autofree char *machine = get(guest, "etc/machine-id");
    g_autofree char *certificate = get(guest, "etc/xrdp/cert.pem");
    g_autofree char *key = get(guest, "etc/xrdp/key.pem");
    g_autofree char *session = get(guest, "etc/default/vdi-session");
    g_assert_cmpstr(mark, ==, "dsk-01jd0000000000000000000001\n");
    g_assert_cmpstr(host, ==, "office-anna\n");
    g_assert_cmpstr(hosts, ==, "127.0.0.1 localhost\n127.0.1.1 office-anna\n");
    g_assert_cmpuint(strlen(machine), ==, 33);
    g_assert_cmpstr(machine, !=, "00000000000000000000000000000000\n");
    g_assert_cmpstr(certificate, ==, plain.certificate);
    g_assert_cmpstr(key, ==, plain.key);
    g_assert_cmpstr(session, ==, "VDI_SESSION=light\n");
    g_assert_cmpuint(mode_of(guest, "etc/xrdp/key.pem"), ==, 0600);
    g_assert_cmpuint(mode_of(guest, "etc/xrdp/cert.pem"), ==, 0644);
    g_assert_cmpuint(mode_of(guest, "etc/machine-id"), ==, 0444);
}

static void
prepares(gconstpointer data)
{
    const char *shell = data;
    g_autofree char *program = g_strdup(shell);
    *strchrnul(program, ' ') = '\0';
    g_autofree char *there = g_find_program_in_path(program);
    if (!there) {
        g_test_skip("that shell is not installed");
        return;
    }
    g_autoptr(Guest) guest = guest_new(TRUE);
    run(guest, shell, &plain);
    g_assert_cmpstr(guest->output, ==, "");
    g_assert_cmpint(guest->status, ==, 0);
    check_prepared(guest);
    g_autofree char *log = get(guest, "log");
    g_assert_nonnull(strstr(log, "useradd -m -u 20001 -s /bin/bash -G audio,video anna.k\n"));
    g_assert_null(strstr(log, "usermod"));
    g_assert_null(strstr(log, "adduser"));

    // Again, with the account there: as after a kill in the middle.
    put(guest, "etc/passwd", "anna.k:x:20001:20001::/home/anna.k:/bin/sh\n", 0644);
    run(guest, shell, &plain);
    g_assert_cmpint(guest->status, ==, 0);
    check_prepared(guest);
    g_autofree char *more = get(guest, "log");
    g_assert_nonnull(strstr(more, "usermod -a -G audio,video anna.k\n"));
    g_assert_null(strstr(more, "chpasswd")); // nobody asked for a password
}

// With a hash the account has that password after the same script; it fails when that fails.
static void
account_with_password(void)
{
    g_autoptr(Guest) guest = guest_new(TRUE);
    g_autofree char *script = yd_first_boot_account_script("anna.k", 20001, "$6$a$b'c", NULL);
    put(guest, "bin/chpasswd", "#!/bin/sh\necho \"chpasswd $* $(cat)\" >>\"$YUNDESK_ROOT/log\"\n",
        0755);
    run_script(guest, "/bin/sh", script);
    g_assert_cmpint(guest->status, ==, 0);
    g_autofree char *log = get(guest, "log");
    g_assert_nonnull(strstr(log, "useradd -m -u 20001"));
    g_assert_nonnull(strstr(log, "chpasswd -e anna.k:$6$a$b'c\n"));
    put(guest, "bin/chpasswd", "#!/bin/sh\nexit 3\n", 0755);
    run_script(guest, "/bin/sh", script);
    g_assert_cmpint(guest->status, !=, 0);
    g_assert_nonnull(strstr(guest->output, "first boot failed at: account"));
}

static void
account_with_other_uid(void)
{
    g_autoptr(Guest) guest = guest_new(TRUE);
    put(guest, "etc/passwd", "anna.k:x:1000:1000::/home/anna.k:/bin/sh\n", 0644);
    run(guest, "/bin/sh", &plain);
    g_assert_cmpint(guest->status, !=, 0);
    g_assert_nonnull(strstr(guest->output, "account 'anna.k' with uid 1000"));
    g_assert_nonnull(strstr(guest->output, "first boot failed at: account"));
    g_autofree char *mark = get(guest, "etc/yundesk-desktop");
    g_assert_null(mark);
}

// Quotes, dollars and the like stay text.
static void
hostile_names(void)
{
    YdFirstBoot what = plain;
    g_autoptr(Guest) guest = guest_new(TRUE);
    what.hostname = "a'; touch $YUNDESK_ROOT/owned; `touch $YUNDESK_ROOT/owned`'";
    what.desktop_id = "$(touch $YUNDESK_ROOT/owned)\"";
    run(guest, "/bin/sh", &what);
    g_assert_cmpint(guest->status, ==, 0);
    g_autofree char *mark = get(guest, "etc/yundesk-desktop");
    g_assert_cmpstr(mark, ==, "$(touch $YUNDESK_ROOT/owned)\"\n");
    g_autofree char *owned = get(guest, "owned");
    g_assert_null(owned);
}

static void
bad_accounts(void)
{
    static const char *const names[] = {
        "",  "root", "-x", ".x",  "a b",       "a;b",
        "ä", "a\nb", "A",  "a:b", "../../etc", "0123456789012345678901234567890123"};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        YdFirstBoot what = plain;
        what.username = names[i];
        g_autoptr(GError) error = NULL;
        g_assert_null(yd_first_boot_script(&what, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    }
}

static void
hostnames(void)
{
    static const struct {
        const char *name, *host;
    } cases[] = {
        {"office-anna", "office-anna"},
        {"Office Anna", "office-anna-000abc"},
        {"云桌面", "desk-000abc"},
        {"", "desk-000abc"},
        {"a.b_c", "a-b-c-000abc"},
        {"---", "desk-000abc"},
        {"this-name-is-longer-than-thirty-two-characters", "this-name-is-longer-than-000abc"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *host = yd_first_boot_hostname(cases[i].name, "dsk-01jd000abc");
        g_assert_cmpstr(host, ==, cases[i].host);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/first-boot/sh", "/bin/sh", prepares);
    g_test_add_data_func("/first-boot/bash", "bash --posix", prepares);
    g_test_add_data_func("/first-boot/busybox", "busybox sh", prepares);
    g_test_add_func("/first-boot/account-with-password", account_with_password);
    g_test_add_func("/first-boot/account-with-other-uid", account_with_other_uid);
    g_test_add_func("/first-boot/hostile-names", hostile_names);
    g_test_add_func("/first-boot/bad-accounts", bad_accounts);
    g_test_add_func("/first-boot/hostnames", hostnames);
    return g_test_run();
}
