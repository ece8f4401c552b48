// SPDX-License-Identifier: Apache-2.0
// Completion scripts for shells: one case per command with its options, and for nouns their verbs.
#include <string.h>

#include "deskctl/help.h"

static gboolean
add_option(const CtlOption *option, gpointer out)
{
    g_string_append_printf(out, " --%s", option->name);
    return FALSE;
}

// "desktop session … login logout …"
static void
first_words(GString *out)
{
    for (gsize i = 1; ctl_nouns[i]; i++)
        g_string_append_printf(out, " %s", ctl_nouns[i]->name);
    for (const CtlCommand *command = ctl_nouns[0]->commands; command->verb; command++)
        g_string_append_printf(out, " %s", command->verb);
}

static void
verbs(GString *out, const CtlNoun *noun)
{
    for (const CtlCommand *command = noun->commands; command->verb; command++)
        g_string_append_printf(out, " %s", command->verb);
}

// The lines "'noun verb') leaf=1 offer='…' ;;" of both shells' case.
static void
cases(GString *out)
{
    for (gsize i = 0; ctl_nouns[i]; i++) {
        const CtlNoun *noun = ctl_nouns[i];
        for (const CtlCommand *command = noun->commands; command->verb; command++) {
            g_string_append_printf(out, "    '%s%s%s') leaf=1 offer='", noun->name,
                                   *noun->name ? " " : "", command->verb);
            ctl_options_each(command, add_option, out);
            g_string_append(out, "' ;;\n");
        }
        if (!*noun->name)
            continue;
        g_string_append_printf(out, "    '%s') offer='", noun->name);
        verbs(out, noun);
        g_string_append(out, "' ;;\n");
    }
    g_string_append(out, "    '') offer='");
    first_words(out);
    g_string_append(out, " --help --version' ;;\n");
}

static const char bash_head[] =
    "# Completion of deskctl for bash, written by 'deskctl completion bash'; don't edit.\n"
    "_deskctl() {\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} line='' offer='' leaf='' word i\n"
    "    for ((i = 1; i < COMP_CWORD && i < 3; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        case $word in -*) break ;; esac\n"
    "        line=${line:+$line }$word\n";

static const char bash_tail[] =
    "    # Names and files are left to the shell.\n"
    "    [[ -n $leaf && $current != -* ]] && return\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"$offer\" -- \"$current\")\n"
    "}\n"
    "complete -o default -F _deskctl deskctl\n";

static const char zsh_head[] =
    "#compdef deskctl\n"
    "# Completion of deskctl for zsh, written by 'deskctl completion zsh'; don't edit.\n"
    "_deskctl() {\n"
    "    local line='' offer='' leaf='' word\n"
    "    local -i i\n"
    "    for ((i = 2; i < CURRENT && i < 4; i++)); do\n"
    "        word=$words[i]\n"
    "        [[ $word == -* ]] && break\n"
    "        line=${line:+$line }$word\n";

static const char zsh_tail[] = "    if [[ -n $leaf && $words[CURRENT] != -* ]]; then\n"
                               "        _files\n"
                               "    else\n"
                               "        compadd -- ${=offer}\n"
                               "    fi\n"
                               "}\n"
                               "_deskctl \"$@\"\n";

// Both scripts differ in how they begin and end only.
static char *
script(const char *head, const char *tail)
{
    GString *out = g_string_new(head);
    g_string_append(out, "        case $line in ");
    for (const CtlCommand *command = ctl_nouns[0]->commands; command->verb; command++)
        g_string_append_printf(out, "%s%s", command == ctl_nouns[0]->commands ? "" : "|",
                               command->verb);
    g_string_append(out, ") break ;; esac\n    done\n    case $line in\n");
    cases(out);
    g_string_append_printf(out, "    esac\n%s", tail);
    return g_string_free(out, FALSE);
}

char *
ctl_completion(const char *shell)
{
    if (g_str_equal(shell, "bash"))
        return script(bash_head, bash_tail);
    if (g_str_equal(shell, "zsh"))
        return script(zsh_head, zsh_tail);
    return NULL;
}
