// SPDX-License-Identifier: Apache-2.0
#include "deskhost/command.h"

#include <gio/gio.h>

#include "base/error.h"
#include "base/json-util.h"

#define SAID_MAX 400

static gboolean
fail(const char *const *argv, const char *why, GError **error)
{
    g_autofree char *line = g_strjoinv(" ", (char **)argv);
    g_autofree char *text = g_strndup(why ? why : "", SAID_MAX);
    g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "“%s” failed: %s", line, g_strstrip(text));
    return FALSE;
}

gboolean
yd_command(const char *const *argv, const char *input, char **ret_output, GError **error)
{
    static const char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
                                              NULL};
    g_autoptr(GSubprocessLauncher) launcher =
        g_subprocess_launcher_new((input ? G_SUBPROCESS_FLAGS_STDIN_PIPE : 0) |
                                  G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
    g_autoptr(GError) why = NULL;
    g_autofree char *output = NULL, *said = NULL;
    g_subprocess_launcher_set_environ(launcher, (char **)environment);
    g_autoptr(GSubprocess) process = g_subprocess_launcher_spawnv(launcher, argv, &why);
    if (!process || !g_subprocess_communicate_utf8(process, input, NULL, &output, &said, &why))
        return fail(argv, why->message, error);
    if (!g_subprocess_get_successful(process))
        return fail(argv, said, error);
    if (ret_output)
        *ret_output = g_steal_pointer(&output);
    return TRUE;
}

json_t *
yd_command_json(const char *const *argv, GError **error)
{
    g_autofree char *output = NULL;
    if (!yd_command(argv, NULL, &output, error))
        return NULL;
    if (!*g_strstrip(output))
        return json_array();
    // A tool's own output: its depth is no business of ours.
    json_t *json = json_loads(output, 0, NULL);
    if (json_is_array(json))
        return json;
    json_decref(json);
    fail(argv, "its answer is no JSON array", error);
    return NULL;
}
