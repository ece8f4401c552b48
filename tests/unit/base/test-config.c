// SPDX-License-Identifier: Apache-2.0
// The configuration: drop-ins, defaults, errors that say where.
#include "base/config.h"

#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"

typedef struct {
    char *dir, *file, *drop_ins;
} Place;

static void
write_file(const char *folder, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void
set_up(Place *place, gconstpointer data)
{
    place->dir = g_dir_make_tmp("config-XXXXXX", NULL);
    place->file = g_build_filename(place->dir, "yundesk.conf", NULL);
    place->drop_ins = g_strconcat(place->file, ".d", NULL);
    g_mkdir(place->drop_ins, 0700);
}

static void
remove_all(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    for (const char *name = g_dir_read_name(dir); name; name = g_dir_read_name(dir)) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_unlink(path);
    }
    g_rmdir(folder);
}

static void
tear_down(Place *place, gconstpointer data)
{
    remove_all(place->drop_ins);
    remove_all(place->dir);
    g_free(place->dir);
    g_free(place->file);
    g_free(place->drop_ins);
}

static YdConfig *
load(Place *place, const char *text)
{
    g_autoptr(GError) error = NULL;
    write_file(place->dir, "yundesk.conf", text);
    YdConfig *config = yd_config_load(place->file, &error);
    g_assert_no_error(error);
    return config;
}

static void
test_drop_ins(Place *place, gconstpointer data)
{
    write_file(place->drop_ins, "20-late.conf", "[deskd]\nport=3\n");
    write_file(place->drop_ins, "10-early.conf", "[deskd]\nport=2\nname=from drop-in\n");
    write_file(place->drop_ins, "30-not.conf.bak", "[deskd]\nport=9\n");
    g_autoptr(YdConfig) config = load(place, "[deskd]\nport=1\nname=main\nonly=yes\n");
    gint64 port = 0;
    gboolean only = FALSE;
    g_autofree char *name = NULL;
    g_assert_true(yd_config_int(config, "deskd", "port", 1, 9, &port, NULL));
    g_assert_true(yd_config_string(config, "deskd", "name", &name, NULL));
    g_assert_true(yd_config_bool(config, "deskd", "only", &only, NULL));
    g_assert_cmpint(port, ==, 3);
    g_assert_cmpstr(name, ==, "from drop-in");
    g_assert_true(only);
}

static void
test_defaults(Place *place, gconstpointer data)
{
    g_autoptr(YdConfig) config = load(place, "[deskd]\nempty=\n");
    gint64 number = 7;
    gboolean yes = TRUE;
    g_autofree char *text = g_strdup("default"), *empty = g_strdup("default");
    g_auto(GStrv) list = g_strsplit("a,b", ",", -1);
    g_assert_true(yd_config_int(config, "deskd", "x", 0, 9, &number, NULL));
    g_assert_true(yd_config_seconds(config, "none", "x", 0, 9, &number, NULL));
    g_assert_true(yd_config_bool(config, "deskd", "x", &yes, NULL));
    g_assert_true(yd_config_string(config, "deskd", "x", &text, NULL));
    g_assert_true(yd_config_string(config, "deskd", "empty", &empty, NULL));
    g_assert_true(yd_config_strings(config, "deskd", "x", &list, NULL));
    g_assert_cmpint(number, ==, 7);
    g_assert_true(yes);
    g_assert_cmpstr(text, ==, "default");
    g_assert_null(empty);
    g_assert_cmpuint(g_strv_length(list), ==, 2);
    g_autofree char *state = yd_config_state_path(config, "yundesk.db");
    g_assert_cmpstr(state, ==, "/var/lib/yundesk/yundesk.db");
    yd_config_set(config, "paths", "run", "/tmp/r");
    g_autofree char *run = yd_config_run_path(config, NULL);
    g_assert_cmpstr(run, ==, "/tmp/r");
}

static void
test_kinds(Place *place, gconstpointer data)
{
    g_autoptr(YdConfig) config =
        load(place, "[a]\nidle=12h\nmax=7d\nplain=90\nmin= 5 min\nsize=20G\nbytes=512\n"
                    "list= one; two,three ;;\naccel=kvm\n");
    const struct {
        const char *key;
        gint64 seconds;
    } times[] = {{"idle", 43200}, {"max", 604800}, {"plain", 90}, {"min", 300}};
    for (guint i = 0; i < G_N_ELEMENTS(times); i++) {
        gint64 value = 0;
        g_assert_true(yd_config_seconds(config, "a", times[i].key, 1, G_MAXINT64, &value, NULL));
        g_assert_cmpint(value, ==, times[i].seconds);
    }
    gint64 size = 0, bytes = 0;
    g_assert_true(yd_config_bytes(config, "a", "size", 0, G_MAXINT64, &size, NULL));
    g_assert_true(yd_config_bytes(config, "a", "bytes", 0, G_MAXINT64, &bytes, NULL));
    g_assert_cmpint(size, ==, 20 * (G_GINT64_CONSTANT(1) << 30));
    g_assert_cmpint(bytes, ==, 512);
    g_auto(GStrv) list = NULL;
    g_assert_true(yd_config_strings(config, "a", "list", &list, NULL));
    g_autofree char *joined = g_strjoinv("|", list);
    g_assert_cmpstr(joined, ==, "one|two|three");
    const char *const choices[] = {"auto", "kvm", NULL};
    g_autofree char *accel = NULL;
    g_assert_true(yd_config_choice(config, "a", "accel", choices, &accel, NULL));
    g_assert_cmpstr(accel, ==, "kvm");
}

static void
test_errors(Place *place, gconstpointer data)
{
    g_autoptr(YdConfig) config =
        load(place, "[a]\nint=12x\nbig=99999999999999999999\nlow=0\nhuge=9223372036854775807d\n"
                    "bool=maybe\nchoice=fast\ntime=5 fortnights\nempty=\n");
    const char *const choices[] = {"slow", NULL};
    gint64 number = 7;
    gboolean yes = TRUE;
    g_autofree char *text = NULL;
    const char *const keys[] = {"int", "big", "low", "huge", "bool", "choice", "time", "empty"};
    for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autoptr(GError) error = NULL;
        gboolean good = TRUE;
        if (i == 4)
            good = yd_config_bool(config, "a", keys[i], &yes, &error);
        else if (i == 5)
            good = yd_config_choice(config, "a", keys[i], choices, &text, &error);
        else if (i == 3 || i == 6)
            good = yd_config_seconds(config, "a", keys[i], 1, G_MAXINT64, &number, &error);
        else
            good = yd_config_int(config, "a", keys[i], 1, 100, &number, &error);
        g_assert_false(good);
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
        g_autofree char *where = g_strdup_printf("%s: [a] %s: ", place->file, keys[i]);
        g_assert_true(g_str_has_prefix(error->message, where));
    }
    g_assert_cmpint(number, ==, 7); // nothing was written
    g_assert_true(yes);
    g_assert_null(text);
    const char *const known[] = {"int", "big", NULL};
    g_autoptr(GError) error = NULL;
    g_assert_false(yd_config_known(config, "a", known, &error));
    g_assert_nonnull(strstr(error->message, "[a] low: no such key; known are int, big"));
    g_assert_true(yd_config_known(config, "absent", known, NULL));
}

static void
test_files(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(yd_config_load(place->file, &error)); // asked for, not there
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    write_file(place->dir, "yundesk.conf", "no group\n");
    g_assert_null(yd_config_load(place->file, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, place->file));
    g_clear_error(&error);
    write_file(place->dir, "yundesk.conf", "[a]\nx=\xff\n");
    g_autoptr(YdConfig) config = yd_config_load(place->file, NULL);
    g_autofree char *text = NULL;
    if (config)
        g_assert_false(yd_config_string(config, "a", "x", &text, NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/config/drop-ins", Place, NULL, set_up, test_drop_ins, tear_down);
    g_test_add("/config/defaults", Place, NULL, set_up, test_defaults, tear_down);
    g_test_add("/config/kinds", Place, NULL, set_up, test_kinds, tear_down);
    g_test_add("/config/errors", Place, NULL, set_up, test_errors, tear_down);
    g_test_add("/config/files", Place, NULL, set_up, test_files, tear_down);
    return g_test_run();
}
