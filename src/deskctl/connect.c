// SPDX-License-Identifier: Apache-2.0
// One connection from the person's side. The clients themselves are started by viewer.c.
#include "deskctl/connect.h"

#include <string.h>

#include "base/error.h"
#include "base/id.h"
#include "deskctl/nouns.h"
#include "deskctl/progress.h"
#include "deskctl/refs.h"
#include "deskctl/text-width.h"
#include "deskctl/viewer.h"
#include "rest/path.h"

#define ROUNDS 10 // of "preparing" before it counts as going in circles

const CtlOption ctl_connect_options[] = {
    {"rdp", CTL_FLAG, .help = "by RDP"},
    {"spice", CTL_FLAG, .help = "by SPICE"},
    {"console", CTL_FLAG, .help = "to the machine's console (administrators)"},
    {"open", CTL_FLAG, .help = "start xfreerdp or remote-viewer"},
    {"out", CTL_TEXT, "FILE", .help = "write the .rdp or .vv file there (mode 0600)"},
    {"fullscreen", CTL_FLAG, .help = "with --open: on the whole screen"},
    {"size", CTL_TEXT, "WxH", .help = "with --open and RDP: size of the window"},
    {0},
};

static const char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

// The protocol asked for; NULL: what the template offers.
static gboolean
protocol_of(Ctl *ctl, const char **ret_protocol, GError **error)
{
    static const char *const names[] = {"rdp", "spice", "console"};
    const char *found = NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        if (!ctl_args_has(ctl->args, names[i]))
            continue;
        if (found) {
            g_set_error(error, CTL_USAGE, 0, "--%s and --%s contradict each other", found,
                        names[i]);
            return FALSE;
        }
        found = names[i];
    }
    *ret_protocol = found;
    return TRUE;
}

static char *
connections_path(const char *plural, const char *id)
{
    return yd_path(plural, id, "connections");
}

// The path to post to for one of the person's own pools: the desktop there, or the pool, which
// makes one.
static char *
path_of_own(const json_t *own)
{
    const json_t *desktop = json_object_get(own, "desktop");
    if (json_is_object(desktop))
        return connections_path("desktops", text_of(desktop, "id"));
    return connections_path("pools", text_of(own, "pool_id"));
}

static gboolean
is_named(const json_t *own, const char *name)
{
    const json_t *desktop = json_object_get(own, "desktop");
    return g_str_equal(text_of(own, "pool_name"), name) ||
           g_str_equal(text_of(own, "pool_id"), name) ||
           g_str_equal(text_of(desktop, "name"), name) || g_str_equal(text_of(desktop, "id"), name);
}

// "office, lab"; owned.
static char *
own_names(const json_t *items)
{
    GString *list = g_string_new(NULL);
    for (gsize i = 0; i < json_array_size(items); i++)
        g_string_append_printf(list, "%s%s", i ? ", " : "",
                               text_of(json_array_get(items, i), "pool_name"));
    return g_string_free(list, FALSE);
}

// Which desktop is meant: one of the person's own; else, by name, any that they may see.
static char *
target_path(Ctl *ctl, const char *name, GError **error)
{
    if (name && yd_id_valid(name, "dsk"))
        return connections_path("desktops", name);
    if (name && yd_id_valid(name, "pol"))
        return connections_path("pools", name);
    g_autoptr(json_t) items = ctl_fetch(ctl, "/me/desktops", 1, NULL, error);
    if (!items)
        return NULL;
    for (gsize i = 0; name && i < json_array_size(items); i++) {
        if (is_named(json_array_get(items, i), name))
            return path_of_own(json_array_get(items, i));
    }
    if (!name && json_array_size(items) == 1)
        return path_of_own(json_array_get(items, 0));
    g_autofree char *all = own_names(items);
    if (!name) {
        g_set_error(error, CTL_USAGE, 0,
                    *all ? "which one? yours are: %s" : "no desktop was given to you yet%s", all);
        return NULL;
    }
    g_autofree char *id = ctl_find_id(ctl, &ctl_noun_desktop, name, error);
    if (!id && *all)
        g_prefix_error(error, "yours are: %s; ", all);
    return id ? connections_path("desktops", id) : NULL;
}

// Asks until the connection is ready; follows the job of each "preparing". Owned.
static json_t *
request_connection(Ctl *ctl, const char *path, const char *protocol, GError **error)
{
    for (guint round = 0; round < ROUNDS; round++) {
        g_autoptr(json_t) body = json_object();
        if (protocol)
            json_object_set_new(body, "protocol", json_string(protocol));
        g_autoptr(json_t) answer = yd_rest_post(ctl->rest, path, body, error);
        if (!answer || g_str_equal(text_of(answer, "state"), "ready"))
            return g_steal_pointer(&answer);
        g_autoptr(GError) why = NULL;
        g_autoptr(json_t) job = ctl_wait(ctl, answer, &why);
        if (why) {
            g_propagate_error(error, g_steal_pointer(&why));
            return NULL;
        }
        if (job && ctl_args_has(ctl->args, "no-wait"))
            return g_steal_pointer(&answer);
    }
    g_set_error_literal(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                        "the desktop does not become ready; see 'deskctl job list'");
    return NULL;
}

static gboolean
write_client_file(const json_t *answer, const char *out, GError **error)
{
    const char *content = text_of(json_object_get(answer, "file"), "content");
    if (!*content) {
        g_set_error(error, CTL_USAGE, 0, "there is no file for protocol %s",
                    text_of(answer, "protocol"));
        return FALSE;
    }
    return ctl_write_file(out, content, strlen(content), error);
}

// What to do with the file, and the password that nobody can look up afterwards.
static void
tell_password(Ctl *ctl, const json_t *answer, const char *out)
{
    gboolean rdp = g_str_equal(text_of(answer, "protocol"), "rdp");
    if (out)
        ctl_note(ctl, "%s is written; open it with %s before %s.", out,
                 rdp ? "xfreerdp or mstsc" : "remote-viewer", text_of(answer, "expires"));
    if (rdp && *text_of(answer, "password"))
        g_print("user:              %s\none-time password: %s\n", text_of(answer, "username"),
                text_of(answer, "password"));
}

static void
tell_console(const json_t *answer)
{
    const char *host = text_of(answer, "host");
    gboolean v6 = strchr(host, ':') != NULL;
    g_print("wss://%s%s%s:%d/connect/console?ticket=%s\n", v6 ? "[" : "", host, v6 ? "]" : "",
            (int)json_integer_value(json_object_get(answer, "port")), text_of(answer, "ticket"));
}

static gboolean
use_answer(Ctl *ctl, const json_t *answer, GError **error)
{
    const char *out = ctl_args_get(ctl->args, "out");
    const json_t *file = json_object_get(answer, "file");
    if (out && !write_client_file(answer, out, error))
        return FALSE;
    if (ctl_args_has(ctl->args, "open"))
        return ctl_viewer_open(ctl, answer, error);
    if (ctl->json) {
        ctl_print_json(answer);
        return TRUE;
    }
    if (g_str_equal(text_of(answer, "protocol"), "console")) {
        tell_console(answer);
        return TRUE;
    }
    g_autofree char *name = NULL;
    if (!out) {
        name = g_strdup(text_of(file, "name"));
        g_strdelimit(name, "/\\", '_');
        out = *name ? name : "desktop.rdp";
        if (*out == '.')
            *name = '_';
        if (!write_client_file(answer, out, error))
            return FALSE;
    }
    tell_password(ctl, answer, g_str_equal(out, "-") ? NULL : out);
    return TRUE;
}

gboolean
ctl_run_connect(Ctl *ctl, GError **error)
{
    const char *protocol = NULL;
    if (!protocol_of(ctl, &protocol, error) || !ctl_viewer_check(ctl, error))
        return FALSE;
    g_autofree char *path = target_path(ctl, ctl_args_word(ctl->args, 0), error);
    g_autoptr(json_t) answer = path ? request_connection(ctl, path, protocol, error) : NULL;
    if (!answer)
        return FALSE;
    if (g_str_equal(text_of(answer, "state"), "ready"))
        return use_answer(ctl, answer, error);
    if (ctl->json)
        ctl_print_json(answer);
    else
        g_print("preparing: job %s; connect again when it is done\n",
                text_of(json_object_get(answer, "job"), "id"));
    return TRUE;
}

gboolean
ctl_open_screen(Ctl *ctl, const char *id, GError **error)
{
    g_autofree char *path = connections_path("desktops", id);
    g_autoptr(json_t) answer = request_connection(ctl, path, "spice", error);
    return answer && ctl_viewer_open(ctl, answer, error);
}
