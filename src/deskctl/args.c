// SPDX-License-Identifier: Apache-2.0
// The command line's parser. Options may stand anywhere, as --name VALUE or --name=VALUE; -- ends
// them.
#include "deskctl/args.h"

#include <errno.h>
#include <string.h>

void
ctl_args_free(CtlArgs *args)
{
    if (!args)
        return;
    g_ptr_array_unref(args->words);
    g_hash_table_unref(args->values);
    g_free(args);
}

gboolean
ctl_args_has(const CtlArgs *args, const char *option)
{
    return g_hash_table_contains(args->values, option);
}

const GPtrArray *
ctl_args_all(const CtlArgs *args, const char *option)
{
    return g_hash_table_lookup(args->values, option);
}

const char *
ctl_args_get(const CtlArgs *args, const char *option)
{
    const GPtrArray *all = ctl_args_all(args, option);
    return all ? g_ptr_array_index(all, all->len - 1) : NULL;
}

const char *
ctl_args_word(const CtlArgs *args, guint n)
{
    return n < args->words->len ? g_ptr_array_index(args->words, n) : NULL;
}

char *
ctl_synopsis(const CtlNoun *noun, const CtlCommand *command)
{
    GString *text = g_string_new("deskctl");
    if (*noun->name)
        g_string_append_printf(text, " %s", noun->name);
    g_string_append_printf(text, " %s", command ? command->verb : "VERB");
    if (command && command->args && *command->args)
        g_string_append_printf(text, " %s", command->args);
    return g_string_free(text, FALSE);
}

gboolean
ctl_size_parse(const char *text, gint64 unit, gint64 *ret_size)
{
    static const struct {
        const char *suffix;
        gint64 bytes;
    } table[] = {
        {"K", G_GINT64_CONSTANT(1) << 10}, {"KIB", G_GINT64_CONSTANT(1) << 10},
        {"M", G_GINT64_CONSTANT(1) << 20}, {"MIB", G_GINT64_CONSTANT(1) << 20},
        {"G", G_GINT64_CONSTANT(1) << 30}, {"GIB", G_GINT64_CONSTANT(1) << 30},
        {"T", G_GINT64_CONSTANT(1) << 40}, {"TIB", G_GINT64_CONSTANT(1) << 40},
    };
    if (!g_ascii_isdigit(*text))
        return FALSE;
    char *end = NULL;
    errno = 0;
    gint64 number = g_ascii_strtoll(text, &end, 10);
    gint64 bytes = unit;
    gboolean known = *end == '\0';
    for (gsize i = 0; i < G_N_ELEMENTS(table) && !known; i++) {
        known = g_ascii_strcasecmp(end, table[i].suffix) == 0;
        bytes = table[i].bytes;
    }
    if (!known || errno != 0 || number > G_MAXINT64 / bytes || number * bytes % unit != 0)
        return FALSE;
    *ret_size = number * bytes / unit;
    return TRUE;
}

gint64
ctl_args_int(const CtlArgs *args, const char *option, gint64 otherwise)
{
    const char *text = ctl_args_get(args, option);
    return text ? g_ascii_strtoll(text, NULL, 10) : otherwise;
}

static gboolean usage(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean
usage(GError **error, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    g_autofree char *text = g_strdup_vprintf(format, list);
    va_end(list);
    g_set_error_literal(error, CTL_USAGE, 0, text);
    return FALSE;
}

// ", did you mean 'x'?" or ""; owned.
static char *
meant(const char *word, const GPtrArray *candidates, const char *dashes)
{
    const char *nearest = ctl_nearest(word, (const char *const *)candidates->pdata);
    return nearest ? g_strdup_printf("; did you mean '%s%s'?", dashes, nearest) : g_strdup("");
}

static gboolean
refuse_noun(const char *word, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (const CtlCommand *command = ctl_nouns[0]->commands; command->verb; command++)
        g_ptr_array_add(names, (gpointer)command->verb);
    for (gsize i = 1; ctl_nouns[i]; i++)
        g_ptr_array_add(names, (gpointer)ctl_nouns[i]->name);
    g_ptr_array_add(names, NULL);
    g_autofree char *hint = meant(word, names, "");
    return usage(error, "there is no command '%s'%s (deskctl help lists them)", word, hint);
}

static gboolean
refuse_verb(const CtlNoun *noun, const char *word, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (const CtlCommand *command = noun->commands; command->verb; command++)
        g_ptr_array_add(names, (gpointer)command->verb);
    g_ptr_array_add(names, NULL);
    g_autofree char *hint = meant(word, names, "");
    g_autofree char *all = g_strjoinv(", ", (char **)names->pdata);
    return usage(error, "'%s' knows no '%s'%s (it knows: %s)", noun->name, word, hint, all);
}

static gboolean
has_name(const CtlOption *option, gpointer name)
{
    return g_str_equal(option->name, name);
}

static gboolean
has_letter(const CtlOption *option, gpointer letter)
{
    return option->letter && option->letter == *(char *)letter;
}

static gboolean
collect_name(const CtlOption *option, gpointer names)
{
    g_ptr_array_add(names, (gpointer)option->name);
    return FALSE;
}

static gboolean
refuse_option(const CtlArgs *args, const char *word, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    ctl_options_each(args->command, collect_name, names);
    g_ptr_array_add(names, NULL);
    const char *bare = word + strspn(word, "-");
    g_autofree char *name = g_strndup(bare, strcspn(bare, "="));
    g_autofree char *hint = meant(name, names, "--");
    g_autofree char *synopsis = ctl_synopsis(args->noun, args->command);
    return usage(error, "'%s' is not an option of '%s'%s", word, synopsis, hint);
}

static gboolean
is_choice(const char *value, const char *choices)
{
    g_auto(GStrv) words = g_strsplit(choices, "|", -1);
    return g_strv_contains((const char *const *)words, value);
}

// The value as it is kept, owned; NULL with an error when it does not fit the option.
static char *
fit(const CtlOption *option, const char *value, GError **error)
{
    gint64 number;
    char *end = NULL;
    switch (option->kind) {
    case CTL_INT:
        if (g_ascii_string_to_signed(value, 10, 0, G_MAXINT64, &number, NULL))
            return g_strdup(value);
        usage(error, "--%s wants a whole number, not '%s'", option->name, value);
        return NULL;
    case CTL_NUMBER:
        if (g_ascii_isdigit(*value) && g_ascii_strtod(value, &end) >= 0 && !*end)
            return g_strdup(value);
        usage(error, "--%s wants a number, not '%s'", option->name, value);
        return NULL;
    case CTL_MIB:
    case CTL_GIB:
        if (ctl_size_parse(value, G_GINT64_CONSTANT(1) << (option->kind == CTL_MIB ? 20 : 30),
                           &number))
            return g_strdup_printf("%" G_GINT64_FORMAT, number);
        usage(error, "--%s wants a size like %s, not '%s'", option->name,
              option->kind == CTL_MIB ? "2G or 2048M" : "30G", value);
        return NULL;
    case CTL_CHOICE:
        if (is_choice(value, option->arg))
            return g_strdup(value);
        usage(error, "--%s is one of %s, not '%s'", option->name, option->arg, value);
        return NULL;
    case CTL_PAIR:
        if (strchr(value, '=') && *value != '=')
            return g_strdup(value);
        usage(error, "--%s wants %s, not '%s'", option->name, option->arg, value);
        return NULL;
    default:
        return g_strdup(value);
    }
}

static gboolean
keep(CtlArgs *args, const CtlOption *option, const char *value, GError **error)
{
    GPtrArray *all = g_hash_table_lookup(args->values, option->name);
    if (all && !option->many && option->kind != CTL_FLAG && option->kind != CTL_PAIR)
        return usage(error, "--%s is given twice", option->name);
    g_autofree char *fitting = option->kind == CTL_FLAG ? g_strdup("") : fit(option, value, error);
    if (!fitting)
        return FALSE;
    if (!all) {
        all = g_ptr_array_new_with_free_func(g_free);
        g_hash_table_insert(args->values, (gpointer)option->name, all);
    }
    g_ptr_array_add(all, g_steal_pointer(&fitting));
    return TRUE;
}

// One option at (*argv)[0]; moves *argv on when it takes the next word as its value.
static gboolean
take_option(CtlArgs *args, const char *const **argv, GError **error)
{
    const char *word = **argv;
    const CtlOption *option = NULL;
    const char *value = NULL;
    if (word[1] != '-') {
        char letter = word[1];
        option = word[2] == '\0' ? ctl_options_each(args->command, has_letter, &letter) : NULL;
    } else {
        value = strchr(word, '=');
        g_autofree char *name = g_strndup(word + 2, value ? (gsize)(value - word - 2) : 999);
        option = ctl_options_each(args->command, has_name, name);
        value = value ? value + 1 : NULL;
    }
    if (!option)
        return refuse_option(args, word, error);
    if (option->kind == CTL_FLAG && value)
        return usage(error, "--%s takes no value ('%s')", option->name, value);
    if (option->kind != CTL_FLAG && !value) {
        value = (*argv)[1];
        if (!value)
            return usage(error, "--%s wants a value (%s)", option->name, option->arg);
        (*argv)++;
    }
    return keep(args, option, value, error);
}

static gboolean
check_count(const CtlArgs *args, GError **error)
{
    const CtlCommand *command = args->command;
    g_autofree char *synopsis = ctl_synopsis(args->noun, command);
    if (args->words->len < command->min)
        return usage(error, "something is missing; usage: %s [options]", synopsis);
    if (args->words->len > command->max)
        return usage(error, "'%s' is one word too many; usage: %s [options]",
                     (char *)g_ptr_array_index(args->words, command->max), synopsis);
    if (ctl_args_has(args, "wait") && ctl_args_has(args, "no-wait"))
        return usage(error, "--wait and --no-wait contradict each other");
    return TRUE;
}

static gboolean
take_rest(CtlArgs *args, const char *const *argv, GError **error)
{
    gboolean open = TRUE;
    for (; *argv; argv++) {
        if (open && g_str_equal(*argv, "--"))
            open = FALSE;
        else if (open && **argv == '-' && (*argv)[1] != '\0') {
            if (!take_option(args, &argv, error))
                return FALSE;
        } else
            g_ptr_array_add(args->words, (gpointer)*argv);
    }
    args->help = ctl_args_has(args, "help");
    return args->help || check_count(args, error);
}

static gboolean
is_help(const char *word)
{
    return g_str_equal(word, "--help") || g_str_equal(word, "-h");
}

// Finds noun and command; the rest of the line is what follows in *argv.
static gboolean
take_head(CtlArgs *args, const char *const **argv, GError **error)
{
    const char *first = (*argv)[0];
    args->noun = ctl_nouns[0];
    args->command = ctl_command_find(args->noun, first);
    if (args->command) {
        *argv += 1;
        return TRUE;
    }
    args->noun = ctl_noun_find(first);
    if (!args->noun)
        return refuse_noun(first, error);
    const char *second = (*argv)[1];
    if (!second)
        return usage(error, "'%s' wants a verb (deskctl help %s lists them)", first, first);
    if (is_help(second)) {
        args->help = TRUE;
        return TRUE;
    }
    args->command = ctl_command_find(args->noun, second);
    *argv += 2;
    return args->command ? TRUE : refuse_verb(args->noun, second, error);
}

// Options that stand before the command, as in deskctl --profile demo user list, are moved behind
// it: what they mean depends on the command. Returns the words, not the texts, owned.
static GPtrArray *
reorder(const char *const *argv)
{
    GPtrArray *front = g_ptr_array_new();
    GPtrArray *words = g_ptr_array_new();
    while (*argv && **argv == '-' && !is_help(*argv) && !g_str_equal(*argv, "--version")) {
        g_ptr_array_add(front, (gpointer)*argv);
        if (g_str_equal(*argv, "--profile") && argv[1])
            g_ptr_array_add(front, (gpointer) * ++argv);
        argv++;
    }
    guint head = *argv && ctl_command_find(ctl_nouns[0], *argv) ? 1 : 2;
    for (; *argv && words->len < head; argv++)
        g_ptr_array_add(words, (gpointer)*argv);
    g_ptr_array_extend(words, front, NULL, NULL);
    for (; *argv; argv++)
        g_ptr_array_add(words, (gpointer)*argv);
    g_ptr_array_add(words, NULL);
    g_ptr_array_unref(front);
    return words;
}

CtlArgs *
ctl_args_parse(const char *const *argv, GError **error)
{
    g_autoptr(CtlArgs) args = g_new0(CtlArgs, 1);
    args->words = g_ptr_array_new();
    args->values =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
    g_autoptr(GPtrArray) ordered = reorder(argv);
    const char *const *rest = (const char *const *)ordered->pdata;
    if (!rest[0] || is_help(rest[0])) {
        args->help = TRUE;
        return g_steal_pointer(&args);
    }
    if (g_str_equal(rest[0], "--version")) {
        args->version = TRUE;
        return g_steal_pointer(&args);
    }
    if (!take_head(args, &rest, error))
        return NULL;
    if (args->command && !take_rest(args, rest, error))
        return NULL;
    return g_steal_pointer(&args);
}
