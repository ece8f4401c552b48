// SPDX-License-Identifier: Apache-2.0
// URLs of databases, good and bad, and the file with the password.
#include "store/sql-mariadb-url.h"

#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"

static void
test_good(void)
{
    const struct {
        const char *url, *name;
    } cases[] = {
        {"mariadb://yd@127.0.0.1/yundesk", "yd@127.0.0.1:3306/yundesk"},
        {"mariadb://y%40d@[::1]:3307,localhost:1/d_1", "y@d@::1:3307,localhost:1/d_1"},
        {"mariadb://yd@a,b:3307/yundesk?tls=off", "yd@a:3306,b:3307/yundesk"},
        {"mariadb://yd@db.example/yundesk?ssl-ca=/a%20b.pem&password-file=/p",
         "yd@db.example:3306/yundesk"},
        {"mariadb://yd@/yundesk?socket=/run/mysqld/mysqld.sock",
         "yd@/run/mysqld/mysqld.sock/yundesk"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(YdMariadbUrl) url = yd_mariadb_url_parse(cases[i].url, &error);
        g_assert_no_error(error);
        g_autofree char *name = yd_mariadb_url_name(url);
        g_assert_cmpstr(name, ==, cases[i].name);
    }
    g_autoptr(YdMariadbUrl) url = yd_mariadb_url_parse(cases[3].url, NULL);
    g_assert_cmpstr(url->ssl_ca, ==, "/a b.pem");
    g_assert_cmpstr(url->password_file, ==, "/p");
}

static void
test_bad(void)
{
    const struct {
        const char *url, *word;
    } cases[] = {
        {"mysql://yd@localhost/yundesk", "mariadb://"},
        {"mariadb://localhost/yundesk", "USER@HOST"},
        {"mariadb://@localhost/yundesk", "USER@HOST"},
        {"mariadb://yd@localhost", "USER@HOST"},
        {"mariadb://yd@localhost/", "no name for a database"},
        {"mariadb://yd@localhost/a`b", "no name for a database"},
        {"mariadb://yd:geheim@localhost/yundesk", "password-file"},
        {"mariadb://yd@/yundesk", "names no host"},
        {"mariadb://yd@a,,b/yundesk?tls=off", "no host"},
        {"mariadb://yd@localhost:0/yundesk", "HOST:PORT"},
        {"mariadb://yd@localhost:65536/yundesk", "HOST:PORT"},
        {"mariadb://yd@localhost:x/yundesk", "HOST:PORT"},
        {"mariadb://yd@db.example/yundesk", "ssl-ca"},
        {"mariadb://yd@localhost/yundesk?tls=on", "off"},
        {"mariadb://yd@localhost/yundesk?pasword-file=/x", "unknown"},
        {"mariadb://yd@localhost/yundesk?socket=/s", "either"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(yd_mariadb_url_parse(cases[i].url, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
        g_assert_true(g_str_has_prefix(error->message, "database: "));
        g_assert_nonnull(strstr(error->message, cases[i].word));
        g_assert_null(strstr(error->message, "geheim"));
    }
}

static void
test_password(void)
{
    g_autofree char *dir = g_dir_make_tmp("mariadb-url-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(dir, "password", NULL);
    g_autofree char *text =
        g_strdup_printf("mariadb://yd@localhost/yundesk?password-file=%s", file);
    g_autoptr(YdMariadbUrl) url = yd_mariadb_url_parse(text, NULL);
    g_autoptr(GError) error = NULL;
    g_assert_null(yd_mariadb_url_password(url, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error->message, file));
    g_clear_error(&error);
    g_assert_true(g_file_set_contents(file, "geheim  \nmore\n", -1, NULL));
    g_chmod(file, 0640);
    g_assert_null(yd_mariadb_url_password(url, &error));
    g_assert_nonnull(strstr(error->message, "0600"));
    g_clear_error(&error);
    g_chmod(file, 0600);
    g_autoptr(YdSecret) secret = yd_mariadb_url_password(url, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(yd_secret_reveal(secret), ==, "geheim  ");
    g_assert_true(g_file_set_contents(file, "\n", -1, NULL));
    g_chmod(file, 0600);
    g_assert_null(yd_mariadb_url_password(url, &error));
    g_assert_nonnull(strstr(error->message, "empty"));
    g_unlink(file);
    g_rmdir(dir);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mariadb-url/good", test_good);
    g_test_add_func("/mariadb-url/bad", test_bad);
    g_test_add_func("/mariadb-url/password", test_password);
    return g_test_run();
}
