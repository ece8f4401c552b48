// SPDX-License-Identifier: Apache-2.0
// The file of profiles: which one is taken, who may read it, what is kept.
#include "deskctl/profile.h"

#include <glib/gstdio.h>
#include <sys/stat.h>

#include "base/error.h"
#include "deskctl/command.h"

static char *home;

static void
forget(void)
{
    g_autofree char *path = ctl_profile_path();
    g_unlink(path);
    g_unsetenv("YUNDESK_PROFILE");
}

static void
save(const char *name, const char *url, const char *token)
{
    g_autoptr(GError) error = NULL;
    CtlProfile profile = {.name = (char *)name, .url = (char *)url, .token = (char *)token};
    g_assert_true(ctl_profile_save(&profile, &error));
    g_assert_no_error(error);
}

static void
check(const char *asked, const char *url)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CtlProfile) profile = ctl_profile_load(asked, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(profile->url, ==, url);
}

static void
test_choice(void)
{
    g_autoptr(GError) error = NULL;
    forget();
    g_assert_null(ctl_profile_load(NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAUTHENTICATED);
    g_clear_error(&error);
    save("one", "https://one", "t1");
    check(NULL, "https://one"); // the only one
    save("two", "https://two", "t2");
    g_assert_null(ctl_profile_load(NULL, &error));
    g_assert_nonnull(strstr(error->message, "one, two"));
    g_clear_error(&error);
    check("two", "https://two");
    g_setenv("YUNDESK_PROFILE", "two", TRUE);
    check(NULL, "https://two");
    check("one", "https://one"); // the option counts more
    g_unsetenv("YUNDESK_PROFILE");
    save("default", "https://three", NULL);
    check(NULL, "https://three");
    g_assert_null(ctl_profile_load("four", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAUTHENTICATED);
}

static void
test_kept(void)
{
    g_autoptr(GError) error = NULL;
    forget();
    save("one", "https://one", "secret");
    save("two", "https://two", NULL);
    g_autoptr(CtlProfile) one = ctl_profile_load("one", &error);
    g_assert_cmpstr(one->token, ==, "secret");
    g_assert_null(one->ca);
    // Saving without a token takes it out.
    g_clear_pointer(&one->token, g_free);
    g_assert_true(ctl_profile_save(one, &error));
    g_autoptr(CtlProfile) again = ctl_profile_load("one", &error);
    g_assert_null(again->token);
    g_assert_cmpstr(again->url, ==, "https://one");
}

static void
test_modes(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = ctl_profile_path();
    struct stat st;
    forget();
    umask(0);
    save("one", "https://one", "t");
    g_assert_cmpint(g_stat(path, &st), ==, 0);
    g_assert_cmphex(st.st_mode & 0777, ==, 0600);
    g_chmod(path, 0644);
    g_assert_null(ctl_profile_load("one", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
}

static void
test_broken(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = ctl_profile_path();
    forget();
    save("one", "https://one", "t");
    g_assert_true(
        g_file_set_contents_full(path, "nonsense\n", -1, G_FILE_SET_CONTENTS_NONE, 0600, &error));
    g_assert_null(ctl_profile_load("one", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_clear_error(&error);
    // It is not written over either.
    CtlProfile profile = {.name = (char *)"two", .url = (char *)"https://two"};
    g_assert_false(ctl_profile_save(&profile, &error));
}

static void
test_names(void)
{
    static const char *const bad[] = {"", "a b", "../x", "a/b", ".hidden", "[x]", "名"};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(ctl_profile_name_check(bad[i], &error));
        g_assert_error(error, CTL_USAGE, 0);
    }
    g_assert_true(ctl_profile_name_check("demo-2.test_x", NULL));
}

static void
test_ca(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *source = g_build_filename(home, "source.pem", NULL);
    g_assert_true(g_file_set_contents(source, "PEM", -1, NULL));
    g_autofree char *path = ctl_profile_keep_ca("demo", source, &error);
    g_assert_no_error(error);
    g_assert_true(g_str_has_suffix(path, "/yundesk/demo.ca.pem"));
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "PEM");
    g_unlink(path);
    g_unlink(source);
    g_assert_null(ctl_profile_keep_ca("demo", source, &error));
    g_assert_nonnull(error);
}

int
main(int argc, char **argv)
{
    home = g_dir_make_tmp("test-profile-XXXXXX", NULL);
    g_setenv("XDG_CONFIG_HOME", home, TRUE);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/profile/choice", test_choice);
    g_test_add_func("/profile/kept", test_kept);
    g_test_add_func("/profile/modes", test_modes);
    g_test_add_func("/profile/broken", test_broken);
    g_test_add_func("/profile/names", test_names);
    g_test_add_func("/profile/ca", test_ca);
    int result = g_test_run();
    forget();
    g_autofree char *dir = g_build_filename(home, "yundesk", NULL);
    g_rmdir(dir);
    g_rmdir(home);
    g_free(home);
    return result;
}
