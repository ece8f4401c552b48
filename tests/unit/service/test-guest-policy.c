// SPDX-License-Identifier: Apache-2.0
// The script that sets a pool's policy in a guest, run by real shells below a folder of its own.
#include "service/first-boot.h"
#include "service/guest-policy.h"

#include <string.h>
#include <sys/stat.h>
#include <glib/gstdio.h>

// As Debian's xrdp has it, with an override and a duplicate.
static const char xrdp_ini[] = "[Globals]\n"
                               "ini_version=1\n"
                               "allow_channels=true\n"
                               "allow_multimon=true\n"
                               "; cliprdr=comment\n"
                               "\n"
                               "[Channels]\n"
                               "rdpdr=true\n"
                               "rdpsnd=true\n"
                               "drdynvc=true\n"
                               "CLIPRDR = true\n"
                               "rail=true\n"
                               "cliprdr=true\n"
                               "\n"
                               "[Xorg]\n"
                               "name=Xorg\n"
                               "channel.cliprdr=true\n"
                               "rdpdr=of another section\n";
static const char sesman_ini[] = "[Globals]\n"
                                 "EnableUserWindowManager=true\n"
                                 "[Security]\n"
                                 "AllowRootLogin=false\n"
                                 "RestrictOutboundClipboard=none\n";
// As a former version left it.
static const char sesman_ini_restricted[] = "[Globals]\n"
                                            "EnableUserWindowManager=true\n"
                                            "[Security]\n"
                                            ";yundesk+\n"
                                            "RestrictOutboundClipboard=all\n"
                                            ";yundesk+\n"
                                            "RestrictInboundClipboard=all\n"
                                            "AllowRootLogin=false\n"
                                            ";yundesk RestrictOutboundClipboard=none\n";

static void
put(const char *root, const char *name, const char *text, int mode)
{
    g_autofree char *path = g_build_filename(root, name, NULL);
    g_autofree char *dir = g_path_get_dirname(path);
    g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_assert_cmpint(g_chmod(path, (mode_t)mode), ==, 0);
}

static char *
get(const char *root, const char *name)
{
    g_autofree char *path = g_build_filename(root, name, NULL);
    char *text = NULL;
    return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

static guint64
inode(const char *root, const char *name)
{
    g_autofree char *path = g_build_filename(root, name, NULL);
    GStatBuf status;
    g_assert_cmpint(g_stat(path, &status), ==, 0);
    g_assert_cmpint(status.st_mode & 07777, ==, 0640);
    return status.st_ino;
}

// Followed by the look at the first boot's mark, as at each start.
static int
run(const char *shell, const char *root, const YdPolicy *policy, char **ret_output)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *told = yd_guest_policy_script(policy);
    g_autofree char *script = g_strconcat(told, yd_first_boot_check(), NULL);
    int status = -1;
    put(root, "script", script, 0600);
    g_autofree char *command =
        g_strdup_printf("YUNDESK_ROOT='%s' %s -s <'%s/script' 2>&1", root, shell, root);
    const char *argv[] = {"/bin/sh", "-c", command, NULL};
    g_assert_true(
        g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, ret_output, NULL, &status, &error));
    return status;
}

static void
apply(const char *shell, const char *root, const YdPolicy *policy)
{
    g_autofree char *output = NULL;
    int status = run(shell, root, policy, &output);
    g_assert_cmpstr(output, ==, "");
    g_assert_cmpint(status, ==, 0);
}

// The value that xrdp finds: the last in the section; NULL: none.
static char *
value(const char *root, const char *file, const char *section, const char *key)
{
    g_autofree char *text = get(root, file);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autofree char *head = g_strdup_printf("[%s]", section);
    gboolean inside = FALSE;
    char *found = NULL;
    for (gsize i = 0; lines[i]; i++) {
        char *equals = strchr(lines[i], '=');
        if (lines[i][0] == '[')
            inside = strcmp(lines[i], head) == 0;
        if (!inside || !equals || lines[i][0] == ';')
            continue;
        *equals = '\0';
        if (g_ascii_strcasecmp(g_strstrip(lines[i]), key) == 0) {
            g_free(found);
            found = g_strdup(g_strstrip(equals + 1));
        }
    }
    return found;
}

static void
is(const char *root, const char *file, const char *section, const char *key, const char *wanted)
{
    g_autofree char *found = value(root, file, section, key);
    g_assert_cmpstr(found, ==, wanted);
}

static void
same_as(const char *root, const char *file, const char *wanted)
{
    g_autofree char *text = get(root, file);
    g_assert_cmpstr(text, ==, wanted);
}

static void
check_closed(const char *shell, const char *root)
{
    YdPolicy policy;
    yd_policy_init(&policy);
    policy.clipboard = policy.multimon = policy.printers = FALSE;
    apply(shell, root, &policy);
    is(root, "etc/xrdp/xrdp.ini", "Channels", "cliprdr", "false");
    is(root, "etc/xrdp/xrdp.ini", "Channels", "rdpdr", "true");
    is(root, "etc/xrdp/xrdp.ini", "Channels", "rdpsnd", "true");
    is(root, "etc/xrdp/xrdp.ini", "Globals", "allow_multimon", "false");
    is(root, "etc/xrdp/xrdp.ini", "Xorg", "channel.cliprdr", NULL);
    is(root, "etc/xrdp/xrdp.ini", "Xorg", "rdpdr", "of another section");
    same_as(root, "etc/xrdp/sesman.ini", sesman_ini);
    same_as(root, "etc/yundesk-policy",
            "# Written by Yundesk from the pool's policy.\nclipboard=no\ndrives=yes\nprinters=no\n"
            "audio=yes\nmultimon=no\n");
    guint64 before = inode(root, "etc/xrdp/xrdp.ini");
    apply(shell, root, &policy); // nothing is left to do
    g_assert_cmpuint(inode(root, "etc/xrdp/xrdp.ini"), ==, before);
    policy.drives = policy.audio = FALSE;
    policy.clipboard = TRUE;
    apply(shell, root, &policy);
    is(root, "etc/xrdp/xrdp.ini", "Channels", "cliprdr", "true");
    is(root, "etc/xrdp/xrdp.ini", "Channels", "rdpdr", "false");
    is(root, "etc/xrdp/xrdp.ini", "Channels", "rdpsnd", "false");
    same_as(root, "etc/xrdp/sesman.ini", sesman_ini);
}

static void
sets(gconstpointer data)
{
    const char *shell = data;
    g_autofree char *program = g_strdup(shell);
    *strchrnul(program, ' ') = '\0';
    g_autofree char *there = g_find_program_in_path(program);
    if (!there) {
        g_test_skip("that shell is not installed");
        return;
    }
    g_autofree char *root = g_dir_make_tmp("yd-policy-XXXXXX", NULL);
    put(root, "etc/xrdp/xrdp.ini", xrdp_ini, 0640);
    put(root, "etc/xrdp/sesman.ini", sesman_ini_restricted, 0640);
    check_closed(shell, root);
    YdPolicy all;
    yd_policy_init(&all);
    apply(shell, root, &all); // as the template had it
    same_as(root, "etc/xrdp/xrdp.ini", xrdp_ini);
    same_as(root, "etc/xrdp/sesman.ini", sesman_ini);
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", root);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
}

// What the template's maker switched off stays off, whatever the policy allows.
static void
keeps_the_templates_no(void)
{
    g_autofree char *root = g_dir_make_tmp("yd-policy-XXXXXX", NULL);
    static const char strict[] = "[Channels]\ncliprdr=false\nrdpdr=true\n";
    YdPolicy policy;
    yd_policy_init(&policy);
    put(root, "etc/xrdp/xrdp.ini", strict, 0644);
    apply("sh", root, &policy);
    same_as(root, "etc/xrdp/xrdp.ini", strict);
    policy.clipboard = FALSE;
    apply("sh", root, &policy);
    policy.clipboard = TRUE;
    apply("sh", root, &policy);
    same_as(root, "etc/xrdp/xrdp.ini", strict);
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", root);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
}

// A guest with another RDP server, or none.
static void
no_xrdp(void)
{
    g_autofree char *root = g_dir_make_tmp("yd-policy-XXXXXX", NULL);
    YdPolicy policy;
    yd_policy_init(&policy);
    policy.drives = FALSE;
    put(root, "etc/hostname", "desk\n", 0644);
    apply("sh", root, &policy);
    g_autofree char *text = get(root, "etc/yundesk-policy");
    g_assert_nonnull(strstr(text, "\ndrives=no\n"));
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", root);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
}

// A slow guest: the script is sent again while it still runs. Each ends well, and nothing is left.
static void
several_at_once(gconstpointer data)
{
    g_autofree char *root = g_dir_make_tmp("yd-policy-XXXXXX", NULL);
    g_autofree char *output = NULL;
    YdPolicy policy;
    int status = -1;
    yd_policy_init(&policy);
    policy.clipboard = FALSE;
    g_autofree char *script = yd_guest_policy_script(&policy);
    put(root, "etc/xrdp/xrdp.ini", xrdp_ini, 0640);
    put(root, data, "", 0644);
    put(root, "script", script, 0600);
    g_autofree char *command =
        g_strdup_printf("cd '%s' && for i in 1 2 3 4 5 6 7 8 9; do\n"
                        "(YUNDESK_ROOT='%s' sh -s <script || echo \"failed: $?\") & done\n"
                        "wait; ls etc etc/xrdp",
                        root, root);
    const char *argv[] = {"/bin/sh", "-c", command, NULL};
    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output,
                               NULL, &status, NULL));
    g_assert_cmpstr(output, ==, "etc:\nxrdp\nyundesk-policy\n\netc/xrdp:\nxrdp.ini\n");
    is(root, "etc/xrdp/xrdp.ini", "Channels", "cliprdr", "false");
    policy.clipboard = TRUE;
    apply("sh", root, &policy);
    same_as(root, "etc/xrdp/xrdp.ini", xrdp_ini);
    g_autofree char *remove = g_strdup_printf("rm -rf '%s'", root);
    g_assert_true(g_spawn_command_line_sync(remove, NULL, NULL, NULL, NULL));
}

// A guest that can't be told must not count as told.
static void
says_what_failed(void)
{
    g_autofree char *root = g_dir_make_tmp("yd-policy-XXXXXX", NULL);
    g_autofree char *output = NULL;
    YdPolicy policy;
    yd_policy_init(&policy);
    g_assert_cmpint(run("sh", root, &policy, &output), !=, 0); // there is no etc
    g_assert_nonnull(strstr(output, "yundesk-policy"));
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", root);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/guest-policy/sh", "sh", sets);
    g_test_add_data_func("/guest-policy/bash", "bash", sets);
    g_test_add_data_func("/guest-policy/busybox", "busybox sh", sets);
    g_test_add_func("/guest-policy/templates-no", keeps_the_templates_no);
    g_test_add_func("/guest-policy/no-xrdp", no_xrdp);
    g_test_add_data_func("/guest-policy/at-once", "run/there", several_at_once);
    g_test_add_data_func("/guest-policy/at-once-no-lock", "var/no-run", several_at_once);
    g_test_add_func("/guest-policy/says-what-failed", says_what_failed);
    return g_test_run();
}
