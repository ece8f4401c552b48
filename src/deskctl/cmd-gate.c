// SPDX-License-Identifier: Apache-2.0
// deskctl gate: the gates that are connected to the manager. They are no records: a gate that has
// gone is not there.
#include <string.h>

#include "base/error.h"
#include "deskctl/ctl.h"
#include "deskctl/nouns.h"
#include "rest/path.h"

static const CtlColumn columns[] = {
    {"name", "NAME"},
    {"state", "STATE"},
    {"version", "VERSION"},
    {"sessions", "SESSIONS", CTL_CELL_INT},
    {"sockets", "CONNECTIONS", CTL_CELL_INT},
    {"certificate_expires", "CERTIFICATE UNTIL", CTL_CELL_TIME},
    {"accept_failures", "NOT ACCEPTED", CTL_CELL_INT},
    {"tls_handshakes", "TLS", CTL_CELL_INT},
    {"tls_in_kernel", "TLS IN KERNEL", CTL_CELL_INT},
    {0},
};

static const char *
name_of(const json_t *gate)
{
    const char *name = json_string_value(json_object_get(gate, "name"));
    return name ? name : "";
}

static gboolean
run_list(Ctl *ctl, GError **error)
{
    g_autoptr(json_t) answer = yd_rest_get(ctl->rest, "/gates", error);
    const json_t *items = answer ? json_object_get(answer, "items") : NULL;
    if (!items || !ctl_print_items(ctl, items, columns, error))
        return FALSE;
    if (json_array_size(items) == 0)
        ctl_note(ctl, "none");
    return TRUE;
}

// One that is being replaced is there twice: both are shown.
static guint
show(Ctl *ctl, const json_t *items, const char *name, gboolean first)
{
    guint n = 0;
    gsize i;
    json_t *gate;
    json_array_foreach(items, i, gate)
    {
        if (strcmp(name_of(gate), name) != 0)
            continue;
        if ((!first || n > 0) && !ctl->json)
            g_print("\n");
        ctl_print_object(ctl, gate);
        n++;
    }
    return n;
}

static gboolean
run_show(Ctl *ctl, GError **error)
{
    g_autoptr(json_t) answer = yd_rest_get(ctl->rest, "/gates", error);
    if (!answer)
        return FALSE;
    for (guint i = 0; i < ctl->args->words->len; i++) {
        const char *name = ctl_args_word(ctl->args, i);
        if (show(ctl, json_object_get(answer, "items"), name, i == 0) > 0)
            continue;
        g_autoptr(GError) why =
            g_error_new(YD_ERROR, YD_ERROR_NOT_FOUND, "no gate named '%s' is connected", name);
        ctl_report(ctl, NULL, why);
    }
    return TRUE;
}

static gboolean
run_drain(Ctl *ctl, GError **error)
{
    const char *name = ctl_args_word(ctl->args, 0), *seconds = ctl_args_get(ctl->args, "seconds");
    gboolean undo = ctl_args_has(ctl->args, "undo");
    if (undo && seconds) {
        g_set_error_literal(error, CTL_USAGE, 0, "--undo and --seconds contradict each other");
        return FALSE;
    }
    g_autofree char *question = g_strdup_printf("Have gate %s take no new sessions?", name);
    if (!undo && !ctl_ask(ctl, question, error))
        return FALSE;
    g_autoptr(json_t) body = json_object();
    if (seconds)
        json_object_set_new(body, "seconds", json_integer(g_ascii_strtoll(seconds, NULL, 10)));
    g_autofree char *path = yd_path("gates", name, undo ? "resume" : "drain");
    g_autoptr(json_t) answer = yd_rest_post(ctl->rest, path, undo ? NULL : body, error);
    if (!answer)
        return FALSE;
    if (ctl->json)
        ctl_print_json(answer);
    else if (undo)
        g_print("gate %s takes new sessions again\n", name);
    else
        g_print("gate %s drains: it takes no new session, and ends with its last one\n", name);
    return TRUE;
}

static const CtlOption drain_options[] = {
    {"undo", CTL_FLAG, .help = "have it take new sessions again"},
    {"seconds", CTL_INT, "N",
     .help = "how long its sessions may go on, 0 without a limit; else its own drain_time"},
    {0},
};

static const CtlCommand commands[] = {
    {"list", "", "list the gates that are connected", run_list, 0, 0, CTL_COLUMNS},
    {"show", "GATE…", "show all about gates", run_show, 1, CTL_MANY},
    {"drain", "GATE", "have a gate take no new sessions, and end with its last one", run_drain, 1,
     1, CTL_ASKS, drain_options},
    {0},
};

const CtlNoun ctl_noun_gate = {
    "gate", "gates", "", {"name"}, "gates that are connected", columns, commands,
};
