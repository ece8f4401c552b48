// SPDX-License-Identifier: Apache-2.0
// The command line: what is right, what is wrong and what is said about it; the table itself.
#include "deskctl/args.h"

#include <string.h>

#include "base/json-util.h"
#include "deskctl/body.h"
#include "deskctl/help.h"
#include "deskctl/nouns.h"
#include "deskctl/viewer.h"

static CtlArgs *
parse(const char *line, GError **error)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    // The parser keeps pointers into argv, as a program's own argv lives on.
    static GPtrArray *kept;
    if (!kept)
        kept = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
    char **argv = *line ? g_strdupv(words) : g_new0(char *, 1);
    g_ptr_array_add(kept, argv);
    return ctl_args_parse((const char *const *)argv, error);
}

static void
test_good(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CtlArgs) args = parse(
        "user list --filter role=admin --filter=enabled=true --sort -name --limit 5 -q", &error);
    g_assert_no_error(error);
    g_assert_true(args->noun == &ctl_noun_user);
    g_assert_cmpstr(args->command->verb, ==, "list");
    g_assert_cmpuint(ctl_args_all(args, "filter")->len, ==, 2);
    g_assert_cmpstr(ctl_args_get(args, "sort"), ==, "-name");
    g_assert_cmpint(ctl_args_int(args, "limit", 0), ==, 5);
    g_assert_true(ctl_args_has(args, "quiet"));
    g_assert_false(ctl_args_has(args, "json"));
    g_assert_null(ctl_args_word(args, 0));
}

static void
test_places(void)
{
    g_autoptr(GError) error = NULL;
    // Options before the command, between words, and words that look like options.
    g_autoptr(CtlArgs) first = parse("--profile demo --json desktop show a", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(ctl_args_get(first, "profile"), ==, "demo");
    g_assert_true(ctl_args_has(first, "json"));
    g_autoptr(CtlArgs) second = parse("desktop show --json a -- --b -", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(second->words->len, ==, 3);
    g_assert_cmpstr(ctl_args_word(second, 1), ==, "--b");
    g_autoptr(CtlArgs) third = parse("--json whoami", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(third->command->verb, ==, "whoami");
    g_autoptr(CtlArgs) other = parse("network create lan --cidr 10.0.0.0/24", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(other->command->verb, ==, "add");
    // A plural is as good.
    g_autoptr(CtlArgs) fourth = parse("desktops list", &error);
    g_assert_no_error(error);
    g_assert_true(fourth->noun == &ctl_noun_desktop);
}

static void
test_help_and_version(void)
{
    static const char *const lines[] = {"", "--help", "-h", "user --help", "user add --help"};
    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(CtlArgs) args = parse(lines[i], &error);
        g_assert_no_error(error);
        g_assert_true(args->help);
    }
    g_autoptr(CtlArgs) version = parse("--version", NULL);
    g_assert_true(version->version);
}

static void
test_bad(void)
{
    static const struct {
        const char *line, *says;
    } table[] = {
        {"usre list", "did you mean 'user'?"},
        {"user lst", "did you mean 'list'?"},
        {"user list --colums a", "did you mean '--columns'?"},
        {"user", "wants a verb"},
        {"zzzzzzzzzz", "no command 'zzzzzzzzzz'"},
        {"user list extra", "'extra' is one word too many"},
        {"user add", "something is missing"},
        {"user add a --role boss", "one of admin|manager|user, not 'boss'"},
        {"user list --limit many", "whole number, not 'many'"},
        {"user list --limit -5", "whole number, not '-5'"},
        {"user list --filter role", "KEY=VALUE, not 'role'"},
        {"user list --filter =x", "not '=x'"},
        {"user list --sort", "--sort wants a value"},
        {"user list --json=yes", "takes no value"},
        {"user list --sort a --sort b", "given twice"},
        {"pool add p --memory 3X", "size like 2G or 2048M, not '3X'"},
        {"pool add p --memory 1K", "not '1K'"},
        {"pool add p --disk 99999999999999999999", "not '99999999999999999999'"},
        {"host add h --vcpu-ratio x", "a number, not 'x'"},
        {"desktop start d --wait --no-wait", "contradict"},
        {"desktop start d -z", "'-z' is not an option"},
        {"--frobnicate", "no command '--frobnicate'"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(parse(table[i].line, &error));
        g_assert_error(error, CTL_USAGE, 0);
        if (!strstr(error->message, table[i].says))
            g_error("'%s' gives \"%s\", not \"%s\"", table[i].line, error->message, table[i].says);
    }
}

static void
test_sizes(void)
{
    static const struct {
        const char *text;
        gint64 unit, expected; // -1: refused
    } table[] = {
        {"2048", 1 << 20, 2048}, {"2G", 1 << 20, 2048},     {"2GiB", 1 << 20, 2048},
        {"512m", 1 << 20, 512},  {"1T", 1 << 30, 1024},     {"30", 1 << 30, 30},
        {"1024M", 1 << 30, 1},   {"512M", 1 << 30, -1},     {"", 1 << 20, -1},
        {"-1", 1 << 20, -1},     {"G", 1 << 20, -1},        {"1.5G", 1 << 20, -1},
        {"2 G", 1 << 20, -1},    {"9999999999999T", 1, -1}, {"0x10", 1, -1},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        gint64 size = -7;
        gboolean good = ctl_size_parse(table[i].text, table[i].unit, &size);
        g_assert_cmpint(good ? size : -1, ==, table[i].expected);
        g_assert_true(good || size == -7);
    }
}

static void
test_pairs(void)
{
    g_autoptr(json_t) object = json_loads("{\"policy\":{\"usb\":true}}", 0, NULL);
    ctl_pair_set(object, "policy.clipboard=false");
    ctl_pair_set(object, "policy.source=net");
    ctl_pair_set(object, "n=-5");
    ctl_pair_set(object, "gone=null");
    ctl_pair_set(object, "text=a=b");
    ctl_pair_set(object, "n.deep=1");
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    g_assert_cmpstr(text, ==,
                    "{\"gone\":null,\"n\":{\"deep\":1},\"policy\":{\"clipboard\":false,"
                    "\"source\":\"net\",\"usb\":true},\"text\":\"a=b\"}");
    free(text);
}

static gboolean
has_help(const CtlOption *option, gpointer seen)
{
    g_assert_nonnull(option->help);
    g_assert_true((option->kind == CTL_FLAG) == (option->arg == NULL));
    g_assert_true(option->kind != CTL_REF || option->noun);
    // No option hides another one of that name.
    g_assert_true(g_hash_table_add(seen, (gpointer)option->name));
    return FALSE;
}

static void
test_table(void)
{
    for (gsize i = 0; ctl_nouns[i]; i++) {
        const CtlNoun *noun = ctl_nouns[i];
        g_assert_nonnull(noun->help);
        for (const CtlCommand *command = noun->commands; command->verb; command++) {
            g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
            g_assert_nonnull(command->run);
            g_assert_nonnull(command->help);
            g_assert_cmpuint(command->min, <=, command->max);
            g_assert_true(ctl_command_find(noun, command->verb) == command);
            ctl_options_each(command, has_help, seen);
        }
    }
}

static void
test_scripts(void)
{
    g_autofree char *manual = ctl_manual();
    g_autofree char *bash = ctl_completion("bash");
    g_autofree char *zsh = ctl_completion("zsh");
    g_assert_null(ctl_completion("fish"));
    for (gsize i = 1; ctl_nouns[i]; i++) {
        for (const CtlCommand *command = ctl_nouns[i]->commands; command->verb; command++) {
            g_autofree char *both = g_strdup_printf("'%s %s')", ctl_nouns[i]->name, command->verb);
            g_assert_nonnull(strstr(bash, both));
            g_assert_nonnull(strstr(zsh, both));
        }
    }
    g_assert_nonnull(strstr(manual, ".TH DESKCTL 1"));
    g_assert_nonnull(strstr(manual, "desktop connect"));
}

static void
test_nearest(void)
{
    static const char *const words[] = {"list", "show", "delete", "disable", NULL};
    g_assert_cmpstr(ctl_nearest("lsit", words), ==, "list");
    g_assert_cmpstr(ctl_nearest("del", words), ==, "delete");
    g_assert_cmpstr(ctl_nearest("disabel", words), ==, "disable");
    g_assert_null(ctl_nearest("xyzzy", words));
    g_assert_null(ctl_nearest("", words));
}

static void
test_xfreerdp(void)
{
    g_auto(GStrv) args =
        ctl_viewer_rdp_args("xfreerdp", "/run/x.rdp", "ann", FALSE, "AB01", NULL, TRUE);
    g_autofree char *line = g_strjoinv(" ", args);
    g_assert_cmpstr(
        line, ==,
        "xfreerdp /run/x.rdp /u:ann /d: /from-stdin:force /cert:fingerprint:sha256:ab:01 /f "
        "/dynamic-resolution");
    g_auto(GStrv) sized =
        ctl_viewer_rdp_args("xfreerdp", "x.rdp", "ann", FALSE, NULL, "800x600", FALSE);
    g_autofree char *other = g_strjoinv(" ", sized);
    g_assert_cmpstr(other, ==,
                    "xfreerdp x.rdp /u:ann /d: /from-stdin:force /cert:tofu /size:800x600");
    g_auto(GStrv) named =
        ctl_viewer_rdp_args("xfreerdp", "x.rdp", "ann", TRUE, NULL, "800x600", FALSE);
    g_autofree char *verified = g_strjoinv(" ", named);
    g_assert_cmpstr(verified, ==,
                    "xfreerdp x.rdp /u:ann /d: /from-stdin:force /cert:deny /size:800x600");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/args/good", test_good);
    g_test_add_func("/args/places", test_places);
    g_test_add_func("/args/help-and-version", test_help_and_version);
    g_test_add_func("/args/bad", test_bad);
    g_test_add_func("/args/sizes", test_sizes);
    g_test_add_func("/args/pairs", test_pairs);
    g_test_add_func("/args/table", test_table);
    g_test_add_func("/args/scripts", test_scripts);
    g_test_add_func("/args/nearest", test_nearest);
    g_test_add_func("/args/xfreerdp", test_xfreerdp);
    return g_test_run();
}
