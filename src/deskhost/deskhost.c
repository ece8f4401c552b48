// SPDX-License-Identifier: Apache-2.0
// deskhost: the small privileged helper of a host. main() and wiring only.
#include "base/error.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/pidfile.h"
#include "deskhost/folders.h"
#include "deskhost/server.h"
#include "storage/backup.h"
#include "storage/local.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static gboolean
on_signal(gpointer loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_CONTINUE;
}

static gboolean
run(const YdHostConfig *config, GError **error)
{
    if (!yd_folders_prepare(config, error))
        return FALSE;
    g_autofree char *path = g_build_filename(config->run_dir, "deskhost.pid", NULL);
    g_autoptr(YdPidfile) pidfile = yd_pidfile_take(path, error);
    g_autoptr(YdHostServer) server = pidfile ? yd_host_server_new(config, error) : NULL;
    if (!server)
        return FALSE;
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    guint term = g_unix_signal_add(SIGTERM, on_signal, loop);
    guint interrupt = g_unix_signal_add(SIGINT, on_signal, loop);
    yd_log(G_LOG_LEVEL_MESSAGE, NULL, "listening on '%s'", config->socket_path);
    yd_notify("READY=1");
    g_main_loop_run(loop);
    yd_notify("STOPPING=1");
    yd_log(G_LOG_LEVEL_MESSAGE, NULL, "ending");
    g_source_remove(term);
    g_source_remove(interrupt);
    return TRUE;
}

static void
tell(const char *text)
{
    puts(text);
    fflush(stdout);
}

// A new machine: offline, before deskd's first start.
static gboolean
restore_all(const YdHostConfig *config, const char *id, GError **error)
{
    if (!yd_folders_prepare(config, error))
        return FALSE;
    g_autofree char *path = g_build_filename(config->run_dir, "deskhost.pid", NULL);
    g_autoptr(YdPidfile) pidfile = yd_pidfile_take(path, error);
    if (!pidfile)
        return FALSE;
    g_autoptr(YdStorage) storage = yd_storage_local(config->images_dir);
    yd_backup_set_place(storage, config->backup_dir, config->state_dir, config->config_file);
    return yd_backup_restore_all(storage, id, config->user, tell, error);
}

int
main(int argc, char **argv)
{
    g_autofree char *file = NULL;
    gboolean version = FALSE, all = FALSE;
    g_autofree char *id = NULL;
    const GOptionEntry entries[] = {
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &file, "Configuration file", "FILE"},
        {"restore-all", 0, 0, G_OPTION_ARG_NONE, &all,
         "Put everything back from [deskhost] backup_dir onto a new machine, and end", NULL},
        {"backup", 0, 0, G_OPTION_ARG_STRING, &id,
         "With --restore-all: that backup of the product, not the newest", "ID"},
        {"version", 0, 0, G_OPTION_ARG_NONE, &version, "Print the version", NULL},
        {NULL},
    };
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext) options = g_option_context_new("- privileged helper of a host");
    YdHostConfig config = {0};
    g_option_context_add_main_entries(options, entries, NULL);
    if (!g_option_context_parse(options, &argc, &argv, &error)) {
        fprintf(stderr, "deskhost: %s\n", error->message);
        return 2;
    }
    if (version) {
        puts("deskhost " YD_VERSION);
        return 0;
    }
    signal(SIGPIPE, SIG_IGN);
    yd_log_init("deskhost");
    gboolean ok = yd_host_config_load(file, &config, &error) &&
                  (all ? restore_all(&config, id, &error) : run(&config, &error));
    if (!ok)
        yd_log(G_LOG_LEVEL_CRITICAL, NULL, "%s", error->message);
    yd_host_config_clear(&config);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
