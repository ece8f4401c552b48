// SPDX-License-Identifier: Apache-2.0
// deskgate: options, configuration, and the command. All else is src/gate.
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "gate/keeper.h"

#define SUMMARY                                                                                    \
    "Without a command it is the gate. Commands for the gate that runs:\n"                         \
    "  status          what it does and for how many sessions\n"                                   \
    "  reload          reads certificate and key again\n"                                          \
    "  drain [TIME]    takes no new sessions and ends with the last one, or after TIME (10min)\n"  \
    "  resume          takes new sessions again\n"                                                 \
    "  upgrade         starts this program with the present configuration in its place; the\n"     \
    "                  former process serves its sessions to their end\n"                          \
    "  takeover        as upgrade, but stays in the foreground"

typedef struct {
    char *config;
    gboolean version;
    const char *command; // NULL: be the gate
    const char *time;    // of drain
} Options;

static gboolean
take_words(int argc, char **argv, Options *options, GError **error)
{
    static const char *const commands[] = {"status",  "reload",   "drain", "resume",
                                           "upgrade", "takeover", NULL};
    int most = argc > 1 && strcmp(argv[1], "drain") == 0 ? 3 : 2;
    if (argc > most || (argc > 1 && !g_strv_contains(commands, argv[1]))) {
        g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "\"%s\" is not understood; see --help",
                    argv[argc > most ? most : 1]);
        return FALSE;
    }
    options->command = argc > 1 ? argv[1] : NULL;
    options->time = argc > 2 ? argv[2] : NULL;
    return TRUE;
}

static gboolean
parse_options(int argc, char **argv, Options *options, GError **error)
{
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &options->config, "Read FILE and FILE.d/*.conf",
         "FILE"},
        {"version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version and end", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context =
        g_option_context_new("[COMMAND] - connection gateway of Yundesk");
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(context, SUMMARY);
    return g_option_context_parse(context, &argc, &argv, error) &&
           take_words(argc, argv, options, error);
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

// ---- being the gate ----

static void
tell_parent(gpointer data)
{
    int *fd = data;
    if (*fd >= 0 && write(*fd, "r", 1) == 1)
        close(g_steal_fd(fd));
}

static gboolean
be_gate(const YdConfig *config, gboolean take_over, int parent, GError **error)
{
    sigset_t signals;
    g_autoptr(YdGateConfig) gate = yd_gate_config_new(config, error);
    if (gate == NULL)
        return FALSE;
    yd_log_set_json(gate->json_log);
    signal(SIGPIPE, SIG_IGN);
    yd_gate_keeper_signals(&signals);
    // Before any thread: they inherit it.
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    raise_limits();
    const YdGateKeeperConfig keeper = {config, gate, take_over, tell_parent, &parent};
    return yd_gate_keeper_run(&keeper, error);
}

// The new gate is our child and stays when we go, once it has said that it serves.
static gboolean
upgrade(const YdConfig *config, GError **error)
{
    int ends[2], status = 0;
    char word;
    if (pipe(ends) != 0)
        return be_gate(config, TRUE, -1, error);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        setsid();
        return be_gate(config, TRUE, ends[1], error);
    }
    close(ends[1]);
    gboolean ready = read(ends[0], &word, 1) == 1;
    close(ends[0]);
    if (ready)
        return TRUE;
    waitpid(child, &status, 0);
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "the new gate did not start; the former one goes on");
    return FALSE;
}

// ---- asking the gate ----

static gboolean
ask(YdConfig *config, const Options *options, GError **error)
{
    gint64 seconds = -1;
    if (options->time != NULL) {
        // The configuration knows how times are written.
        yd_config_set(config, "command", "drain", options->time);
        if (!yd_config_seconds(config, "command", "drain", 0, 7 * 86400, &seconds, error))
            return FALSE;
    }
    g_autofree char *answer = yd_gate_keeper_ask(config, options->command, seconds, error);
    if (answer == NULL)
        return FALSE;
    g_print("%s", answer);
    return TRUE;
}

static gboolean
run(const Options *options, GError **error)
{
    g_autoptr(YdConfig) config = yd_config_load(options->config, error);
    if (config == NULL)
        return FALSE;
    if (options->command == NULL)
        return be_gate(config, FALSE, -1, error);
    if (strcmp(options->command, "takeover") == 0)
        return be_gate(config, TRUE, -1, error);
    if (strcmp(options->command, "upgrade") == 0)
        return upgrade(config, error);
    return ask(config, options, error);
}

int
main(int argc, char **argv)
{
    Options options = {0};
    g_autoptr(GError) error = NULL;
    setlocale(LC_ALL, "");
    yd_log_init("deskgate");
    if (!parse_options(argc, argv, &options, &error)) {
        g_printerr("deskgate: %s\n", error->message);
        return 2;
    }
    G_GNUC_UNUSED g_autofree char *config = options.config;
    if (options.version) {
        g_print("deskgate %s\n", YD_VERSION);
        return EXIT_SUCCESS;
    }
    if (!run(&options, &error)) {
        yd_log(G_LOG_LEVEL_CRITICAL, NULL, "%s", error->message);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
