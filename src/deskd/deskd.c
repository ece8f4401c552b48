// SPDX-License-Identifier: Apache-2.0
// deskd, the manager: main() and the wiring of its rooms. Runs in the foreground, logs to stderr;
// SIGTERM or SIGINT ends it in order: accept no more, finish requests, stop jobs at a step's
// border, close.
#include "deskd/add-host.h"

#include <errno.h>
#include <glib-unix.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/notify.h"
#include "base/pidfile.h"
#include "base/secret.h"
#include "service/backup.h"
#include "service/ca.h"
#include "service/desktop.h"
#include "service/host.h"
#include "service/user.h"
#include "storage/backup.h"
#include "store/sql-mariadb-url.h"
#include "store/store-copy.h"

#define FINISH_MS 1000 // how long requests may take to finish at the end
#define END_MS 2700    // after that the process ends whatever hangs; jobs are durable
#define ARENAS 4       // malloc's, for all the threads together

typedef struct {
    char *config_file, *init_admin;
    char *add_gate, *add_host, *address, *out, *manager, **names;
    char *migrate_to;
    gboolean version, print_routes, check, new_rdp_key;
} Options;

static gboolean
on_signal(gpointer loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_CONTINUE;
}

static void
raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

// Hung guest agents must not keep deskd from ending: all that counts is in the store by then.
static gpointer
end_anyway(gpointer data)
{
    g_usleep(END_MS * 1000);
    g_message("something hangs, ending without it");
    _exit(0);
    return NULL;
}

static gboolean
make_folder(const char *path, mode_t mode, GError **error)
{
    if (g_mkdir_with_parents(path, mode) == 0)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                "Cannot make the folder %s: %s; see [paths] in the configuration.", path,
                g_strerror(errno));
    return FALSE;
}

static YdService *
open_service(const DeskdConfig *config, GError **error)
{
    if (!make_folder(config->service.state_dir, 0750, error) ||
        !make_folder(config->images_dir, 0755, error))
        return NULL;
    YdStorage *storage = config->local_images ? yd_storage_local(config->images_dir)
                                              : yd_storage_remote(config->deskhost_socket);
    if (config->local_images)
        yd_backup_set_place(storage, config->backup_dir, config->service.state_dir, NULL);
    return yd_service_new(&config->service, storage, error);
}

// The first start adds this machine.
static gboolean
add_first_host(YdService *service, const char *uri, GError **error)
{
    if (strcmp(uri, "none") == 0)
        return TRUE;
    YdStore *store = yd_service_store(service, error);
    YdQuery query = {.limit = 1};
    g_autoptr(YdPage) page = store ? yd_store_list(store, &yd_host_type, &query, error) : NULL;
    if (!page)
        return FALSE;
    if (page->records->len > 0)
        return TRUE;
    YdActor system = {.username = "system", .role = YD_ROLE_ADMIN};
    g_autoptr(YdHost) host = yd_host_new();
    yd_set_string(&host->name, "local");
    yd_set_string(&host->uri, uri);
    g_message("adding this machine as host “local” (%s)", uri);
    return yd_host_add(service, &system, host, error);
}

static gboolean
start_service(YdService *service, const DeskdConfig *config, GError **error)
{
    return yd_ca_ensure(config->keys_dir, (const char *const *)config->gate_names, error) &&
           yd_ca_ensure_link(config->keys_dir, config->gate_name, error) &&
           yd_backup_settle(service, error) && yd_service_open_hosts(service, error) &&
           add_first_host(service, config->hypervisor, error) && yd_desktops_start(service, error);
}

static gboolean
serve(const DeskdConfig *config, GError **error)
{
    if (!make_folder(config->service.run_dir, 0755, error))
        return FALSE;
    g_autoptr(YdPidfile) pid_file = yd_pidfile_take(config->pid_file, error);
    g_autoptr(YdService) service = pid_file ? open_service(config, error) : NULL;
    if (!service)
        return FALSE;
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_unix_signal_add(SIGTERM, on_signal, loop);
    g_unix_signal_add(SIGINT, on_signal, loop);
    g_autoptr(YdGateLink) gates = NULL;
    g_autoptr(YdApi) api = NULL;
    gboolean good = start_service(service, config, error) &&
                    (gates = yd_gate_link_new(service, &config->gate_link, NULL, error)) &&
                    (api = yd_api_new(service, &config->api, NULL, error));
    if (good) {
        g_message("deskd " YD_VERSION " is ready at %s", config->api.socket);
        yd_notify("READY=1");
        g_main_loop_run(loop);
        yd_notify("STOPPING=1");
        g_message("ending");
    }
    g_thread_unref(g_thread_new("end", end_anyway, NULL));
    if (api)
        yd_api_stop(api, FINISH_MS);
    g_clear_pointer(&gates, yd_gate_link_free);
    yd_desktops_stop(service);
    g_clear_pointer(&api, yd_api_free);
    return good;
}

static gboolean
init_admin(const DeskdConfig *config, const char *username, GError **error)
{
    g_autoptr(YdService) service = open_service(config, error);
    char *password = NULL;
    if (!service || !yd_user_init_admin(service, username, &password, error))
        return FALSE;
    printf("username: %s\npassword: %s\n", username, password);
    yd_secret_wipe(&password);
    return TRUE;
}

static gboolean
add_machine(const DeskdConfig *config, const Options *options, GError **error)
{
    const DeskdAdd add = {.name = options->add_host ? options->add_host : options->add_gate,
                          .address = options->address,
                          .manager = options->manager,
                          .names = (const char *const *)options->names,
                          .out = options->out};
    return options->add_host ? deskd_add_host(config, &add, error)
                             : deskd_add_gate(config, &add, error);
}

static gboolean
new_rdp_key(const DeskdConfig *config, GError **error)
{
    g_autofree char *sha1 = NULL, *sha256 = NULL;
    if (!yd_ca_renew_sign(config->keys_dir, &sha1, &sha256, error))
        return FALSE;
    printf("SHA-1:   %s\nSHA-256: %s\nRestart deskd; .rdp files are signed with the new key then. "
           "Tell the group policy of the clients the new thumbprint.\n",
           sha1, sha256);
    return TRUE;
}

static gboolean
check_store(const DeskdConfig *config, GError **error)
{
    g_autoptr(YdStore) store = yd_store_open(config->service.database, TRUE, error);
    if (store)
        printf("%s: the store is in order\n", config->service.database);
    return store != NULL;
}

static void
tell_table(const char *table, gint64 rows, gpointer data)
{
    printf("%-22s %8" G_GINT64_FORMAT " rows, the same\n", table, rows);
}

// No deskd may run meanwhile: it holds the pid file.
static gboolean
migrate_database(const DeskdConfig *config, const char *to, GError **error)
{
    g_autoptr(YdMariadbUrl) url = strstr(to, "://") ? yd_mariadb_url_parse(to, error) : NULL;
    if (strstr(to, "://") && !url)
        return FALSE;
    if (!make_folder(config->service.run_dir, 0755, error))
        return FALSE;
    g_autoptr(YdPidfile) pid_file = yd_pidfile_take(config->pid_file, error);
    if (!pid_file || !yd_store_copy_all(config->service.database, to, tell_table, NULL, error))
        return FALSE;
    printf("All of %s is in %s now. Set [deskd] database=%s and start deskd; the old one was only "
           "read.\n",
           config->service.database, to, to);
    return TRUE;
}

static gboolean
run(const Options *options, GError **error)
{
    if (options->print_routes) {
        g_autofree char *text = yd_api_describe();
        puts(text);
        return TRUE;
    }
    g_autoptr(YdConfig) file = yd_config_load(options->config_file, error);
    DeskdConfig config;
    if (!file || !deskd_config_read(file, &config, error))
        return FALSE;
    gboolean good = options->init_admin ? init_admin(&config, options->init_admin, error)
                    : options->add_gate || options->add_host ? add_machine(&config, options, error)
                    : options->migrate_to  ? migrate_database(&config, options->migrate_to, error)
                    : options->check       ? check_store(&config, error)
                    : options->new_rdp_key ? new_rdp_key(&config, error)
                                           : serve(&config, error);
    deskd_config_clear(&config);
    return good;
}

static gboolean
parse(int *argc, char ***argv, Options *options, GError **error)
{
    const GOptionEntry entries[] = {
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &options->config_file,
         "Configuration file (" YD_CONFIG_FILE ")", "FILE"},
        {"init-admin", 0, 0, G_OPTION_ARG_STRING, &options->init_admin,
         "Make the first administrator, print the one-time password, and end", "NAME"},
        {"add-gate", 0, 0, G_OPTION_ARG_STRING, &options->add_gate,
         "Make certificates and configuration for a gate on another host, and end", "NAME"},
        {"add-host", 0, 0, G_OPTION_ARG_STRING, &options->add_host,
         "Make what another machine needs to become a host, and end", "NAME"},
        {"address", 0, 0, G_OPTION_ARG_STRING, &options->address,
         "With --add-host: the address of the host", "ADDRESS"},
        {"out", 0, 0, G_OPTION_ARG_FILENAME, &options->out,
         "With --add-gate, --add-host: into that folder", "FOLDER"},
        {"manager", 0, 0, G_OPTION_ARG_STRING, &options->manager,
         "With --add-gate, --add-host: how it reaches the gate beside deskd", "ADDRESS:PORT"},
        {"names", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->names,
         "With --add-gate, --add-host: a name or address of the new gate (repeat it)", "NAME"},
        {"new-rdp-key", 0, 0, G_OPTION_ARG_NONE, &options->new_rdp_key,
         "Make a new key that .rdp files are signed with, print its thumbprint, and end", NULL},
        {"migrate-database-to", 0, 0, G_OPTION_ARG_STRING, &options->migrate_to,
         "Copy the store into an empty database, compare every row, and end", "PATH or URL"},
        {"check", 0, 0, G_OPTION_ARG_NONE, &options->check, "Check the store's integrity, and end",
         NULL},
        {"print-routes", 0, 0, G_OPTION_ARG_NONE, &options->print_routes,
         "Print the API's routes and records as JSON, and end", NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version, and end", NULL},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- the manager of Yundesk");
    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, argc, argv, error);
}

int
main(int argc, char **argv)
{
    mallopt(M_ARENA_MAX, ARENAS);
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    yd_log_init("deskd");
    Options options = {0};
    g_autoptr(GError) error = NULL;
    gboolean good = parse(&argc, &argv, &options, &error);
    if (good && options.version)
        puts("deskd " YD_VERSION);
    else if (good)
        good = run(&options, &error);
    if (!good)
        fprintf(stderr, "deskd: %s\n", error->message);
    g_free(options.config_file);
    g_free(options.init_admin);
    g_free(options.add_gate);
    g_free(options.migrate_to);
    g_free(options.add_host);
    g_free(options.address);
    g_free(options.out);
    g_free(options.manager);
    g_strfreev(options.names);
    return good ? 0 : 1;
}
