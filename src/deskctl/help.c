// SPDX-License-Identifier: Apache-2.0
// The help texts.
#include "deskctl/help.h"

#include <string.h>

#include "deskctl/args.h"
#include "deskctl/text-width.h"

static void
line(GString *out, const char *left, const char *right)
{
    g_string_append_printf(out, "  %s", left);
    for (guint i = ctl_width(left); i < 28; i++)
        g_string_append_c(out, ' ');
    g_string_append_printf(out, "  %s\n", right);
}

static gboolean
option_line(const CtlOption *option, gpointer out)
{
    g_autofree char *letter =
        option->letter ? g_strdup_printf("-%c, ", option->letter) : g_strdup("");
    g_autofree char *left = option->arg
                                ? g_strdup_printf("%s--%s %s", letter, option->name, option->arg)
                                : g_strdup_printf("%s--%s", letter, option->name);
    line(out, left, option->help);
    return FALSE;
}

static void
command_line(GString *out, const CtlCommand *command)
{
    g_autofree char *left = g_strdup_printf("%s %s", command->verb, command->args);
    line(out, left, command->help);
}

static void
help_all(GString *out)
{
    g_string_append(out, "usage: deskctl COMMAND [options]\n"
                         "       deskctl NOUN VERB [names] [options]\n\n"
                         "Administers a Yundesk server, and opens desktops.\n\nCommands\n");
    for (const CtlCommand *command = ctl_nouns[0]->commands; command->verb; command++)
        command_line(out, command);
    g_string_append(out, "\nNouns\n");
    for (gsize i = 1; ctl_nouns[i]; i++)
        line(out, ctl_nouns[i]->name, ctl_nouns[i]->help);
    g_string_append(out, "\ndeskctl help NOUN lists its verbs; --help explains each command.\n");
}

char *
ctl_help(const CtlNoun *noun, const CtlCommand *command)
{
    GString *out = g_string_new(NULL);
    if (!command && (!noun || !*noun->name)) {
        help_all(out);
        return g_string_free(out, FALSE);
    }
    g_autofree char *synopsis = ctl_synopsis(noun, command);
    g_string_append_printf(out, "usage: %s [options]\n\n%s\n\n", synopsis,
                           command ? command->help : noun->help);
    if (command) {
        g_string_append(out, "Options\n");
        ctl_options_each(command, option_line, out);
        return g_string_free(out, FALSE);
    }
    g_string_append(out, "Verbs\n");
    for (command = noun->commands; command->verb; command++)
        command_line(out, command);
    return g_string_free(out, FALSE);
}
