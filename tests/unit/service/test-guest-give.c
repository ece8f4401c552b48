// SPDX-License-Identifier: Apache-2.0
// The scripts that put a file into a home, run by real shells below a folder of their own: nothing
// is ever overwritten, whatever the names are, and a second run makes no second file.
#include "service/guest-give.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define HOME "/home/anna"

typedef struct {
    char *root, *output;
    int status;
    const char *shell;
} Guest;

static void
set_up(Guest *guest, gconstpointer shell)
{
    guest->shell = shell;
    guest->root = g_dir_make_tmp("yd-give-XXXXXX", NULL);
    g_autofree char *etc = g_build_filename(guest->root, "etc", NULL);
    g_autofree char *passwd = g_build_filename(etc, "passwd", NULL);
    g_autofree char *home = g_build_filename(guest->root, "home", "anna", "Work", NULL);
    g_assert_cmpint(g_mkdir_with_parents(etc, 0755), ==, 0);
    g_assert_cmpint(g_mkdir_with_parents(home, 0755), ==, 0);
    g_assert_true(g_file_set_contents(
        passwd, "root:x:0:0::/root:/bin/sh\nanna:x:20001:20002::/home/anna:/bin/sh\n", -1, NULL));
}

static void
tear_down(Guest *guest, gconstpointer shell)
{
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", guest->root);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    g_free(guest->root);
    g_free(guest->output);
}

static void
run(Guest *guest, const char *script, const char *input)
{
    g_autofree char *file = g_build_filename(guest->root, "script", NULL);
    g_autofree char *in = g_build_filename(guest->root, "input", NULL);
    g_assert_true(g_file_set_contents(file, script, -1, NULL));
    g_assert_true(g_file_set_contents(in, input, -1, NULL));
    g_autofree char *command = g_strdup_printf("YUNDESK_ROOT='%s' %s '%s' <'%s' 2>&1", guest->root,
                                               guest->shell, file, in);
    const char *argv[] = {"/bin/sh", "-c", command, NULL};
    int status = 0;
    g_clear_pointer(&guest->output, g_free);
    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, &guest->output, NULL,
                               &status, NULL));
    guest->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// The content goes in two pieces. What the script printed, decoded; owned.
static char *
give(Guest *guest, const char *job, const char *path, const char *content)
{
    gsize half = strlen(content) / 2, n = 0;
    g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, content, -1);
    g_autoptr(GBytes) bytes = g_bytes_new(path, strlen(path));
    for (guint i = 0; i < 2; i++) {
        const char *begin = content + i * half;
        g_autofree char *piece = yd_guest_give_piece(job, i);
        g_autofree char *text = g_base64_encode((const guchar *)begin, i ? strlen(begin) : half);
        run(guest, piece, text);
        g_assert_cmpint(guest->status, ==, 0);
    }
    const YdGuestGive what = {job, "anna", bytes, "2026-11-29 18.00", sum, 2, 0640, 1700000000};
    g_autofree char *script = yd_guest_give_place(&what);
    run(guest, script, "");
    return guest->status == 0 ? (char *)g_base64_decode(guest->output, &n) : NULL;
}

static void
assert_file(Guest *guest, const char *path, const char *content)
{
    g_autofree char *full = g_build_filename(guest->root, "home", "anna", path, NULL);
    g_autofree char *text = NULL;
    struct stat st;
    g_assert_true(g_file_get_contents(full, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, content);
    g_assert_cmpint(stat(full, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0640);
    g_assert_cmpint(st.st_mtime, ==, 1700000000);
}

static void
assert_given(Guest *guest, const char *job, const char *path, const char *want)
{
    g_autofree char *at = give(guest, job, path, "some content");
    if (!at)
        g_error("%s: %s", path, guest->output);
    g_assert_cmpstr(at, ==, want);
    assert_file(guest, want, "some content");
}

static void
test_names(Guest *guest, gconstpointer shell)
{
    assert_given(guest, "job-1", "report.odt", "report (2026-11-29 18.00).odt");
    assert_given(guest, "job-2", "report.odt", "report (2026-11-29 18.00) 2.odt");
    assert_given(guest, "job-3", "Work/a.tar.gz", "Work/a.tar (2026-11-29 18.00).gz");
    assert_given(guest, "job-4", "gone/deep/x", "gone/deep/x (2026-11-29 18.00)");
    assert_given(guest, "job-5", ".profile", ".profile (2026-11-29 18.00)");
    assert_given(guest, "job-6", HOME "/Work/b.txt", "Work/b (2026-11-29 18.00).txt");
    assert_given(guest, "job-7", "it's \"$(id)\" `x` *; -n \\n.txt",
                 "it's \"$(id)\" `x` *; -n \\n (2026-11-29 18.00).txt");
    assert_given(guest, "job-8", "-rf", "-rf (2026-11-29 18.00)");
    assert_given(guest, "job-9", "b\xff\nline\n", "b\xff\nline\n (2026-11-29 18.00)");
}

static void
test_again(Guest *guest, gconstpointer shell)
{
    g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, "ab", -1);
    g_autoptr(GBytes) path = g_bytes_new("f", 1);
    const YdGuestGive what = {"job-1", "anna", path, "now", sum, 2, 0640, 1700000000};
    g_autofree char *place = yd_guest_give_place(&what);
    g_autofree char *at = give(guest, "job-1", "f", "ab");
    g_assert_cmpstr(at, ==, "f (2026-11-29 18.00)");
    run(guest, place, ""); // as after a kill before it was noted
    gsize n = 0;
    g_autofree char *again = (char *)g_base64_decode(guest->output, &n);
    g_assert_cmpmem(again, n, at, strlen(at));
    g_autofree char *tidy = yd_guest_give_tidy("job-1");
    run(guest, tidy, "");
    g_autofree char *left = g_build_filename(guest->root, "var/lib/yundesk/give-back", NULL);
    g_autoptr(GDir) dir = g_dir_open(left, 0, NULL);
    g_assert_null(g_dir_read_name(dir));
}

static void
test_refused(Guest *guest, gconstpointer shell)
{
    g_assert_null(give(guest, "job-1", "/etc/shadow", "x"));
    g_assert_nonnull(strstr(guest->output, "does not lie in anna's home"));
    g_assert_null(give(guest, "job-2", HOME "bel/x", "x"));
    g_autoptr(GBytes) path = g_bytes_new("f", 1);
    const YdGuestGive wrong = {"job-1", "anna", path, "now", "0123", 2, 0640, 1700000000};
    g_autofree char *place = yd_guest_give_place(&wrong);
    run(guest, place, "");
    g_assert_cmpint(guest->status, !=, 0);
    g_assert_nonnull(strstr(guest->output, "did not arrive as it was sent"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    static const char *const shells[] = {"sh", "bash", "busybox sh"};
    for (guint i = 0; i < G_N_ELEMENTS(shells); i++) {
        g_autofree char *names =
            g_strdup_printf("/guest-give/%s: nothing is overwritten", shells[i]);
        g_autofree char *again = g_strdup_printf("/guest-give/%s: a second run", shells[i]);
        g_autofree char *refused = g_strdup_printf("/guest-give/%s: refused", shells[i]);
        g_test_add(names, Guest, shells[i], set_up, test_names, tear_down);
        g_test_add(again, Guest, shells[i], set_up, test_again, tear_down);
        g_test_add(refused, Guest, shells[i], set_up, test_refused, tear_down);
    }
    return g_test_run();
}
