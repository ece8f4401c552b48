// SPDX-License-Identifier: Apache-2.0
// deskgate: options, configuration, signals. All else is src/gate.
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/notify.h"
#include "base/pidfile.h"
#include "gate/gate.h"

static gboolean
parse_options(int *argc, char ***argv, char **ret_config, gboolean *ret_version, GError **error)
{
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, ret_config, "Read FILE and FILE.d/*.conf",
         "FILE"},
        {"version", 0, 0, G_OPTION_ARG_NONE, ret_version, "Print the version and end", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- connection gateway of Yundesk");
    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, argc, argv, error);
}

// Every connection takes two descriptors, and up to four more while it is busy.
static void
raise_limits(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void
reload(YdGate *gate)
{
    g_autoptr(GError) error = NULL;
    if (yd_gate_reload(gate, &error))
        yd_log(G_LOG_LEVEL_MESSAGE, NULL, "certificate and key are read again");
    else
        yd_log(G_LOG_LEVEL_WARNING, NULL, "%s; the old certificate stays", error->message);
}

// The workers block all signals, so they come here.
static void
wait_for_end(YdGate *gate, const sigset_t *signals)
{
    for (;;) {
        int number = sigwaitinfo(signals, NULL);
        if (number == SIGTERM || number == SIGINT)
            return;
        if (number == SIGHUP)
            reload(gate);
    }
}

static gboolean
run(const char *file, const sigset_t *signals, GError **error)
{
    g_autoptr(YdConfig) config = yd_config_load(file, error);
    if (config == NULL)
        return FALSE;
    g_autofree char *path = yd_config_run_path(config, "deskgate.pid");
    g_autoptr(YdGateConfig) gate_config = yd_gate_config_new(config, error);
    if (gate_config == NULL)
        return FALSE;
    g_autoptr(YdPidfile) pidfile = yd_pidfile_take(path, error);
    if (pidfile == NULL)
        return FALSE;
    g_autoptr(YdGate) gate = yd_gate_new(gate_config, error);
    if (gate == NULL)
        return FALSE;
    g_autofree char *where = g_strjoinv(", ", gate_config->listen);
    yd_log(G_LOG_LEVEL_MESSAGE, NULL, "listening on %s with %u workers (port %u)", where,
           gate_config->workers, yd_gate_port(gate));
    yd_notify("READY=1");
    wait_for_end(gate, signals);
    yd_notify("STOPPING=1");
    return TRUE;
}

int
main(int argc, char **argv)
{
    g_autofree char *config = NULL;
    gboolean version = FALSE;
    g_autoptr(GError) error = NULL;
    sigset_t signals;
    setlocale(LC_ALL, "");
    yd_log_init("deskgate");
    if (!parse_options(&argc, &argv, &config, &version, &error)) {
        g_printerr("deskgate: %s\n", error->message);
        return 2;
    }
    if (version) {
        g_print("deskgate %s\n", YD_VERSION);
        return EXIT_SUCCESS;
    }
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    // Before any thread: they inherit it.
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    raise_limits();
    if (!run(config, &signals, &error)) {
        yd_log(G_LOG_LEVEL_CRITICAL, NULL, "%s", error->message);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
