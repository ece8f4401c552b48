// SPDX-License-Identifier: Apache-2.0
// Looking things up in the table of commands, and guessing what a wrong word was meant to be.
#include "deskctl/command.h"

#include <string.h>

G_DEFINE_QUARK(deskctl - usage, ctl_usage)

const CtlOption ctl_options_common[] = {
    {"profile", CTL_TEXT, "NAME", .help = "use that profile (else $YUNDESK_PROFILE, else default)"},
    {"json", CTL_FLAG, .help = "print JSON as the server sent it"},
    {"quiet", CTL_FLAG, .help = "no notes and no progress", .letter = 'q'},
    {"help", CTL_FLAG, .help = "say how the command is used", .letter = 'h'},
    {0},
};

const CtlOption ctl_options_list[] = {
    {"filter", CTL_PAIR, "KEY=VALUE", .help = "only those; a,b means any of both", .many = TRUE},
    {"search", CTL_TEXT, "TEXT", .help = "only those in which the text occurs"},
    {"sort", CTL_TEXT, "KEY", .help = "by that column; -KEY turns the order round"},
    {"limit", CTL_INT, "N", .help = "at most so many (100)"},
    {"all", CTL_FLAG, .help = "without a limit"},
    {0},
};

const CtlOption ctl_options_columns[] = {
    {"columns", CTL_TEXT, "A,B,…", .help = "these columns; any member of the JSON"},
    {"no-header", CTL_FLAG, .help = "no line of headings"},
    {0},
};

const CtlOption ctl_options_wait[] = {
    {"wait", CTL_FLAG, .help = "wait until it is done (the default)"},
    {"no-wait", CTL_FLAG, .help = "print the job and come back at once"},
    {"timeout", CTL_INT, "SECONDS", .help = "wait at most so long; the job goes on"},
    {0},
};

const CtlOption ctl_options_ask[] = {
    {"yes", CTL_FLAG, .help = "don't ask", .letter = 'y'},
    {0},
};

const CtlNoun *
ctl_noun_find(const char *name)
{
    for (gsize i = 1; ctl_nouns[i]; i++) {
        const CtlNoun *noun = ctl_nouns[i];
        if (g_str_equal(name, noun->name) || g_strcmp0(name, noun->plural) == 0)
            return noun;
    }
    return NULL;
}

static const CtlCommand *
find_verb(const CtlNoun *noun, const char *verb)
{
    for (const CtlCommand *command = noun->commands; command->verb; command++) {
        if (g_str_equal(command->verb, verb))
            return command;
    }
    return NULL;
}

const CtlCommand *
ctl_command_find(const CtlNoun *noun, const char *verb)
{
    // What other tools call the same thing.
    static const char *const others[][2] = {
        {"create", "add"},    {"new", "add"}, {"remove", "delete"}, {"rm", "delete"},
        {"delete", "remove"}, {"ls", "list"}, {"update", "edit"},
    };
    const CtlCommand *found = find_verb(noun, verb);
    for (gsize i = 0; i < G_N_ELEMENTS(others) && !found && *noun->name; i++) {
        if (g_str_equal(others[i][0], verb))
            found = find_verb(noun, others[i][1]);
    }
    return found;
}

static const CtlOption *
each(const CtlOption *options, CtlOptionFunc func, gpointer user_data)
{
    for (; options && options->name; options++) {
        if (func(options, user_data))
            return options;
    }
    return NULL;
}

const CtlOption *
ctl_options_each(const CtlCommand *command, CtlOptionFunc func, gpointer user_data)
{
    const CtlOption *const groups[] = {
        command->options,
        command->flags & CTL_LISTS ? ctl_options_list : NULL,
        command->flags & CTL_COLUMNS ? ctl_options_columns : NULL,
        command->flags & CTL_WAITS ? ctl_options_wait : NULL,
        command->flags & CTL_ASKS ? ctl_options_ask : NULL,
        ctl_options_common,
    };
    for (gsize i = 0; i < G_N_ELEMENTS(groups); i++) {
        const CtlOption *found = each(groups[i], func, user_data);
        if (found)
            return found;
    }
    return NULL;
}

// Levenshtein's distance of two short words.
static guint
distance(const char *a, const char *b)
{
    gsize n = strlen(b);
    g_autofree guint *row = g_new(guint, n + 1);
    for (gsize j = 0; j <= n; j++)
        row[j] = (guint)j;
    for (gsize i = 0; a[i]; i++) {
        guint corner = row[0];
        row[0] = (guint)i + 1;
        for (gsize j = 0; j < n; j++) {
            guint here = corner + (a[i] != b[j]);
            corner = row[j + 1];
            row[j + 1] = MIN(here, MIN(row[j], corner) + 1);
        }
    }
    return row[n];
}

const char *
ctl_nearest(const char *word, const char *const *candidates)
{
    const char *best = NULL;
    guint least = G_MAXUINT;
    gsize n = strlen(word);
    if (n == 0 || n > 40)
        return NULL;
    for (; *candidates; candidates++) {
        guint far = distance(word, *candidates);
        if (n >= 2 && g_str_has_prefix(*candidates, word))
            far = MIN(far, 1);
        if (far < least) {
            least = far;
            best = *candidates;
        }
    }
    return best && least <= MAX(1, MIN(3, n / 2)) ? best : NULL;
}
