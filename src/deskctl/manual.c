// SPDX-License-Identifier: Apache-2.0
// The manual page deskctl(1), as source for man(7). Kept in data/deskctl.1; a test compares.
#include <string.h>

#include "deskctl/args.h"
#include "deskctl/help.h"

// Text for roff: backslashes and dashes escaped, no line starts with a control character.
static void
text(GString *out, const char *plain)
{
    if (*plain == '.' || *plain == '\'')
        g_string_append(out, "\\&");
    for (; *plain; plain++) {
        if (*plain == '\\')
            g_string_append(out, "\\e");
        else if (*plain == '-')
            g_string_append(out, "\\-");
        else
            g_string_append_c(out, *plain);
    }
}

static void
option_entry(GString *out, const CtlOption *option)
{
    g_string_append(out, ".TP\n\\fB");
    if (option->letter)
        g_string_append_printf(out, "\\-%c\\fR, \\fB", option->letter);
    g_string_append(out, "\\-\\-");
    text(out, option->name);
    g_string_append(out, "\\fR");
    if (option->arg) {
        g_string_append(out, " \\fI");
        text(out, option->arg);
        g_string_append(out, "\\fR");
    }
    g_string_append_c(out, '\n');
    text(out, option->help);
    g_string_append_c(out, '\n');
}

static void
options(GString *out, const CtlOption *list)
{
    for (; list && list->name; list++)
        option_entry(out, list);
}

static void
command_entry(GString *out, const CtlNoun *noun, const CtlCommand *command)
{
    g_string_append(out, ".SS \"");
    g_autofree char *synopsis = ctl_synopsis(noun, command);
    text(out, synopsis + strlen("deskctl "));
    g_string_append(out, "\"\n");
    g_autofree char *help = g_strdup(command->help);
    help[0] = g_ascii_toupper(help[0]);
    text(out, help);
    g_string_append(out, ".\n");
    options(out, command->options);
    static const struct {
        guint flag;
        const char *words;
    } groups[] = {
        {CTL_LISTS, "Takes the options of lists."},
        {CTL_WAITS, "Takes the options of waiting."},
        {CTL_ASKS, "Asks before it acts; \\fB\\-\\-yes\\fR answers."},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(groups); i++) {
        if (command->flags & groups[i].flag)
            g_string_append_printf(out, ".PP\n%s\n", groups[i].words);
    }
}

static const char head[] =
    ".\\\" Written by 'deskctl help --manual' from its own tables; don't edit.\n"
    ".TH DESKCTL 1 \"\" \"Yundesk " YD_VERSION "\" \"Yundesk\"\n"
    ".SH NAME\ndeskctl \\- administer a Yundesk server and open desktops\n"
    ".SH SYNOPSIS\n\\fBdeskctl\\fR \\fICOMMAND\\fR [\\fIoptions\\fR]\n.br\n"
    "\\fBdeskctl\\fR \\fINOUN\\fR \\fIVERB\\fR [\\fInames\\fR] [\\fIoptions\\fR]\n"
    ".SH DESCRIPTION\n"
    "Everything that Yundesk can do, from a shell. \\fBdeskctl login\\fR keeps the log\\-in in a "
    "profile; all other commands use it. Objects are called by their names or their ids. Work that "
    "takes time is a job: deskctl waits for it and shows how it goes, unless told "
    "\\fB\\-\\-no\\-wait\\fR.\n"
    ".PP\nResults go to standard output, everything else to standard error. On a terminal tables "
    "are made to fit; elsewhere nothing is cut.\n";

static const char tail[] =
    ".SH EXIT STATUS\n"
    ".TP\n0\ndone\n.TP\n1\nit failed\n.TP\n2\nthe command line is wrong\n"
    ".TP\n3\nthere is no such object\n.TP\n4\nnot logged in, or not allowed\n"
    ".TP\n5\nthe server, or what it needs, can't be reached now\n"
    ".SH ENVIRONMENT\n.TP\n\\fBYUNDESK_PROFILE\\fR\nthe profile, where \\fB\\-\\-profile\\fR is "
    "not given\n"
    ".SH FILES\n.TP\n\\fI~/.config/yundesk/profiles\\fR\nservers and log\\-ins; only its owner may "
    "read it\n"
    ".SH EXAMPLES\n.nf\n"
    "deskctl login https://desk.example \\-\\-ca ca.pem\n"
    "deskctl user add ann \\-\\-name \"Ann Lee\" \\-\\-department sales\n"
    "deskctl pool grant office \\-\\-department sales\n"
    "deskctl desktop connect office \\-\\-rdp \\-\\-open\n"
    "deskctl desktop list \\-\\-filter state=failed \\-\\-columns name,error\n.fi\n"
    ".SH SEE ALSO\nxfreerdp(1), remote\\-viewer(1)\n";

char *
ctl_manual(void)
{
    GString *out = g_string_new(head);
    for (gsize i = 0; ctl_nouns[i]; i++) {
        const CtlNoun *noun = ctl_nouns[i];
        g_autofree char *title = g_ascii_strup(*noun->name ? noun->name : "commands", -1);
        g_string_append_printf(out, ".SH %s\n", title);
        g_autofree char *help = g_strdup(noun->help);
        help[0] = g_ascii_toupper(help[0]);
        text(out, help);
        g_string_append(out, ".\n");
        for (const CtlCommand *command = noun->commands; command->verb; command++)
            command_entry(out, noun, command);
    }
    g_string_append(out, ".SH OPTIONS OF ALL COMMANDS\n");
    options(out, ctl_options_common);
    g_string_append(out, ".SH OPTIONS OF LISTS\n");
    options(out, ctl_options_list);
    options(out, ctl_options_columns);
    g_string_append(out, ".SH OPTIONS OF WAITING\n");
    options(out, ctl_options_wait);
    g_string_append(out, tail);
    return g_string_free(out, FALSE);
}
