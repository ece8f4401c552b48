// SPDX-License-Identifier: Apache-2.0
// How deskctl prints, asks and reads; see ctl.h.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/error.h"
#include "deskctl/ctl.h"
#include "deskctl/table.h"

void
ctl_print_json(const json_t *json)
{
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_ENCODE_ANY);
    g_print("%s\n", text);
    free(text);
}

void
ctl_print_object(Ctl *ctl, const json_t *object)
{
    if (ctl->json) {
        ctl_print_json(object);
        return;
    }
    const CtlCommand *command = ctl->args->command;
    g_autofree char *text =
        ctl_details(object, command->columns ? command->columns : ctl->args->noun->columns);
    g_print("%s", text);
}

gboolean
ctl_print_items(Ctl *ctl, const json_t *items, const CtlColumn *columns, GError **error)
{
    if (ctl->json) {
        ctl_print_json(items);
        return TRUE;
    }
    const char *names = ctl_args_get(ctl->args, "columns");
    g_auto(GStrv) list = names ? g_strsplit(names, ",", -1) : NULL;
    g_autofree CtlColumn *picked = NULL;
    if (list) {
        picked = ctl_columns_pick(columns, (const char *const *)list, items, error);
        if (!picked)
            return FALSE;
    }
    g_autofree char *text = ctl_table(items, picked ? picked : columns,
                                      !ctl_args_has(ctl->args, "no-header"), ctl->width);
    g_print("%s", text);
    return TRUE;
}

gboolean
ctl_ask(Ctl *ctl, const char *question, GError **error)
{
    if (ctl_args_has(ctl->args, "yes"))
        return TRUE;
    if (!ctl->in_tty) {
        g_set_error(error, CTL_USAGE, 0, "%s Nobody is there to answer: add --yes.", question);
        return FALSE;
    }
    g_autofree char *prompt = g_strdup_printf("%s [y/N] ", question);
    g_autofree char *answer = ctl_read_line(ctl, prompt, FALSE, error);
    if (!answer)
        return FALSE;
    if (g_ascii_strcasecmp(answer, "y") == 0 || g_ascii_strcasecmp(answer, "yes") == 0)
        return TRUE;
    g_set_error_literal(error, YD_ERROR, YD_ERROR_CANCELLED, "nothing was done");
    return FALSE;
}

static char *
read_until_newline(void)
{
    g_autoptr(GString) line = g_string_new(NULL);
    char c;
    gssize n;
    // Byte by byte: what follows belongs to the next reader.
    while ((n = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n') {
        if (line->len >= 4096)
            return NULL;
        g_string_append_c(line, c);
    }
    if (n <= 0 && line->len == 0)
        return NULL;
    if (line->len && line->str[line->len - 1] == '\r')
        g_string_truncate(line, line->len - 1);
    return g_strdup(line->str);
}

char *
ctl_read_line(Ctl *ctl, const char *prompt, gboolean secret, GError **error)
{
    struct termios before, silent;
    gboolean hide = secret && ctl->in_tty && tcgetattr(STDIN_FILENO, &before) == 0;
    if (ctl->in_tty)
        g_printerr("%s", prompt);
    if (hide) {
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    char *line = read_until_newline();
    if (hide) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        g_printerr("\n");
    }
    if (!line)
        g_set_error(error, CTL_USAGE, 0, "the input ended where '%s' was to be answered", prompt);
    return line;
}

gboolean
ctl_write_file(const char *path, const char *data, gsize n, GError **error)
{
    if (g_str_equal(path, "-")) {
        fwrite(data, 1, n, stdout);
        return fflush(stdout) == 0;
    }
    if (g_file_set_contents_full(path, data, (gssize)n, G_FILE_SET_CONTENTS_CONSISTENT, 0600,
                                 error))
        return TRUE;
    g_prefix_error(error, "%s can't be written: ", path);
    return FALSE;
}
