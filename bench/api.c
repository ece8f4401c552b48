// SPDX-License-Identifier: Apache-2.0
// How fast deskd answers: log-ins, pages of a long list, connects. The server is deskd's library in
// a child process, with a fake host whose guest agents take 50 to 200 ms; the load comes from the
// parent's threads over the unix socket. Prints for each: requests per second, requests per second
// of CPU time that the server used ("per core"), and the times.
//
//   build/bench/bench-api [list|login|connect|hung]…
#include <errno.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api-seed.h"
#include "api/api.h"
#include "base/log.h"
#include "base/proxy-v2.h"
#include "base/secret.h"
#include "hypervisor/fake.h"
#include "service/ca.h"

#define DESKTOPS 10000
#define READY 6000
#define HUNG 40

static char *directory, *socket_path;
static pid_t server;

// --- the server ---

// The guests that "hung" connects to: the ready desktops with the highest numbers.
static void
hang_some(YdService *service, YdHypervisor *hv)
{
    const char *const states[] = {"ready", NULL};
    YdCondition condition = {"state", "=", states};
    YdQuery query = {.limit = HUNG, .sort = "-name", .conditions = &condition, .n_conditions = 1};
    GError *error = NULL;
    g_autoptr(YdPage) last =
        yd_store_list(yd_service_store(service, NULL), &yd_desktop_type, &query, &error);
    must(last != NULL, error);
    for (guint i = 0; i < last->records->len; i++)
        yd_fake_agent_hang(hv, ((YdDesktop *)last->records->pdata[i])->uuid, TRUE);
}

static YdService *
open_service(const Seed *seed)
{
    g_autofree char *images = g_build_filename(directory, "images", NULL);
    g_autofree char *keys = g_build_filename(directory, "keys", NULL);
    GError *error = NULL;
    YdService *service = yd_service_new(&seed->config, yd_storage_local(images), &error);
    must(service && yd_ca_ensure(keys, NULL, &error) && yd_service_open_hosts(service, &error),
         error);
    seed_machines(service);
    YdStore *store = yd_service_store(service, NULL);
    g_autoptr(YdHost) host = yd_store_find(store, &yd_host_type, "name", "local", NULL);
    YdHypervisor *hv = yd_service_hypervisor(service, host->id, NULL);
    yd_fake_agent_delay(hv, 50, 200);
    hang_some(service, hv);
    return service;
}

static void
serve(const Seed *seed, int ready_pipe)
{
    GError *error = NULL;
    YdApiConfig config;
    yd_api_config_init(&config);
    config.socket = g_strdup(socket_path);
    config.max_per_address = 1024;
    YdApi *api = yd_api_new(open_service(seed), &config, NULL, &error);
    must(api != NULL, error);
    must(write(ready_pipe, "!", 1) == 1, NULL);
    g_main_loop_run(g_main_loop_new(NULL, FALSE));
}

static void
start_server(const Seed *seed)
{
    int ends[2];
    char byte;
    must(pipe(ends) == 0, NULL);
    fflush(stdout);
    server = fork();
    if (server == 0) {
        // It logs as deskd does, one line a request, but into a file.
        g_autofree char *log = g_build_filename(directory, "log", NULL);
        must(freopen(log, "w", stderr) != NULL, NULL);
        yd_log_init("deskd");
        serve(seed, ends[1]);
        _exit(0);
    }
    must(read(ends[0], &byte, 1) == 1, NULL);
    close(ends[0]);
    close(ends[1]);
}

// CPU seconds that the server has used.
static double
server_cpu(void)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)server);
    g_autofree char *text = NULL;
    unsigned long user = 0, system = 0;
    g_file_get_contents(path, &text, NULL, NULL);
    const char *at = text ? strrchr(text, ')') : NULL;
    if (at)
        sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

// --- the clients ---

typedef struct {
    const char *name;
    guint threads, requests;   // of all threads together
    guint first;               // number of the person of request 0
    gboolean same;             // all by that one person
    const char *method, *path; // %s: the id of the person's own pool
    const char *body;          // %05u: number of the person
    guint status;              // wanted
} Load;

typedef struct {
    const Load *load;
    const char *pool_id;
    gint next;    // atomic
    gint wrong;   // atomic
    gint64 *took; // µs of each request
} Run;

static int
open_client(guint n)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    g_strlcpy(name.sun_path, socket_path, sizeof name.sun_path);
    must(fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof name) == 0, NULL);
    YdProxyV2 proxy = {.source_port = 50000, .destination = "192.0.2.1", .destination_port = 443};
    g_snprintf(proxy.source, sizeof proxy.source, "10.1.%u.%u", n / 250, n % 250 + 1);
    guint8 header[YD_PROXY_V2_WRITE_MAX];
    gsize length = yd_proxy_v2_write(&proxy, header);
    must(write(fd, header, length) == (gssize)length, NULL);
    return fd;
}

// Sends one request and reads its answer whole; the status, 0 when the server closed.
static guint
exchange(int fd, const char *text, gsize length, char *buffer, gsize size)
{
    if (write(fd, text, length) != (gssize)length)
        return 0;
    gsize have = 0, want = 0;
    while (!want || have < want) {
        gssize n = read(fd, buffer + have, size - 1 - have);
        if (n <= 0)
            return 0;
        have += (gsize)n;
        buffer[have] = '\0';
        char *end = want ? NULL : strstr(buffer, "\r\n\r\n");
        char *field = end ? strcasestr(buffer, "\r\nContent-Length: ") : NULL;
        if (end)
            want = (gsize)(end + 4 - buffer) +
                   (field && field < end ? strtoull(field + 18, NULL, 10) : 0);
    }
    return (guint)strtoul(buffer + 9, NULL, 10);
}

static char *
request_text(const Run *run, guint person)
{
    const Load *load = run->load;
    g_autofree char *token = seed_token(person);
    g_autofree char *path = g_strdup(load->path);
    if (strstr(path, "%s")) {
        g_auto(GStrv) parts = g_strsplit(load->path, "%s", 2);
        g_free(path);
        path = g_strconcat(parts[0], run->pool_id, parts[1], NULL);
    }
    g_autofree char *body = g_strdup(load->body ? load->body : "");
    if (strstr(body, "%05u")) {
        g_auto(GStrv) parts = g_strsplit(load->body, "%05u", 2);
        g_free(body);
        body = g_strdup_printf("%s%05u%s", parts[0], person, parts[1]);
    }
    return g_strdup_printf("%s %s HTTP/1.1\r\nHost: desk.example\r\nAuthorization: Bearer %s\r\n"
                           "Content-Type: application/json\r\nContent-Length: %" G_GSIZE_FORMAT
                           "\r\n\r\n%s",
                           load->method, path, token, strlen(body), body);
}

static gpointer
client(gpointer data)
{
    Run *run = data;
    const gsize size = 1024 * 1024;
    g_autofree char *buffer = g_malloc(size);
    int fd = -1;
    for (;;) {
        guint i = (guint)g_atomic_int_add(&run->next, 1);
        if (i >= run->load->requests)
            break;
        if (fd < 0)
            fd = open_client(i);
        g_autofree char *text =
            request_text(run, run->load->same ? run->load->first : run->load->first + i);
        gint64 since = g_get_monotonic_time();
        guint status = exchange(fd, text, strlen(text), buffer, size);
        run->took[i] = g_get_monotonic_time() - since;
        if (status != run->load->status && g_atomic_int_add(&run->wrong, 1) == 0)
            fprintf(stderr, "status %u: %.300s\n", status, strstr(buffer, "\r\n\r\n"));
        if (strcmp(run->load->name, "log-in") == 0 || status == 0) { // another address each
            close(fd);
            fd = -1;
        }
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

static int
compare(gconstpointer a, gconstpointer b)
{
    gint64 left = *(const gint64 *)a, right = *(const gint64 *)b;
    return left < right ? -1 : left > right;
}

static void
run_load(const Load *load, const char *pool_id)
{
    Run run = {.load = load, .pool_id = pool_id, .took = g_new0(gint64, load->requests)};
    g_autofree GThread **threads = g_new0(GThread *, load->threads);
    double cpu = server_cpu();
    gint64 since = g_get_monotonic_time();
    for (guint i = 0; i < load->threads; i++)
        threads[i] = g_thread_new("client", client, &run);
    for (guint i = 0; i < load->threads; i++)
        g_thread_join(threads[i]);
    double elapsed = (double)(g_get_monotonic_time() - since) / 1e6;
    cpu = server_cpu() - cpu;
    qsort(run.took, load->requests, sizeof(gint64), compare);
    printf("%-34s %6u requests %7.0f/s  %7.0f/s per core  p50 %7.1f ms  p99 %7.1f ms%s\n",
           load->name, load->requests, load->requests / elapsed, load->requests / MAX(cpu, 0.01),
           (double)run.took[load->requests / 2] / 1000,
           (double)run.took[load->requests * 99 / 100] / 1000, run.wrong ? "  WRONG ANSWERS" : "");
    fflush(stdout);
    g_free(run.took);
    if (run.wrong)
        exit(1);
}

// --- what is measured ---

static void
print_hashing(void)
{
    g_autofree char *hash = yd_password_hash("Correct-Horse-9", FALSE);
    g_autofree char *cheap = yd_password_hash("Correct-Horse-9", TRUE);
    gint64 since = g_get_monotonic_time();
    for (guint i = 0; i < 5; i++)
        must(yd_password_verify(hash, "Correct-Horse-9"), NULL);
    double real = (double)(g_get_monotonic_time() - since) / 5000;
    since = g_get_monotonic_time();
    for (guint i = 0; i < 50; i++)
        must(yd_password_verify(cheap, "Correct-Horse-9"), NULL);
    printf("%-34s %.1f ms each in production; %.3f ms with the cheap limits used below\n",
           "hashing a password (argon2id)", real, (double)(g_get_monotonic_time() - since) / 50000);
}

static gpointer
hung_connects(gpointer pool_id)
{
    // The ready desktops with the highest numbers hang.
    const Load load = {"connect to 40 hung guests",
                       HUNG,
                       HUNG,
                       READY - HUNG,
                       FALSE,
                       "POST",
                       "/api/v1/pools/%s/connections",
                       "{\"protocol\":\"rdp\"}",
                       504};
    run_load(&load, pool_id);
    return NULL;
}

static void
run_hung(const char *pool_id)
{
    static const Load alone = {"log-in, guests well",
                               4,
                               400,
                               2000,
                               FALSE,
                               "POST",
                               "/api/v1/login",
                               "{\"username\":\"user%05u\",\"password\":\"Correct-Horse-9\"}",
                               201};
    static const Load beside = {"log-in",
                                4,
                                400,
                                2400,
                                FALSE,
                                "POST",
                                "/api/v1/login",
                                "{\"username\":\"user%05u\",\"password\":\"Correct-Horse-9\"}",
                                201};
    run_load(&alone, pool_id);
    GThread *hung = g_thread_new("hung", hung_connects, (gpointer)pool_id);
    g_usleep(300 * 1000);
    run_load(&beside, pool_id);
    printf("%-34s (the line above ran while 40 connects waited for hung guests)\n", "");
    g_thread_join(hung);
}

static void
run_part(const char *part, const char *pool_id)
{
    static const Load loads[] = {
        {"list", 8, 3000, 0, TRUE, "GET", "/api/v1/desktops?limit=100", NULL, 200},
        {"list-total", 8, 500, 0, TRUE, "GET", "/api/v1/desktops?limit=100&total=true&sort=name",
         NULL, 200},
        {"login", 8, 2000, 6000, FALSE, "POST", "/api/v1/login",
         "{\"username\":\"user%05u\",\"password\":\"Correct-Horse-9\"}", 201},
        {"connect", 128, READY - 2 * HUNG, 1, FALSE, "POST", "/api/v1/pools/%s/connections",
         "{\"protocol\":\"rdp\"}", 201},
    };
    static const char *const names[] = {"page of 100 of 10,000 desktops", "the same, sorted, total",
                                        "log-in", "connect to a running desktop"};
    for (guint i = 0; i < G_N_ELEMENTS(loads); i++) {
        if (!g_str_has_prefix(loads[i].name, part))
            continue;
        Load load = loads[i];
        load.name = names[i];
        if (strcmp(part, "login") == 0)
            print_hashing();
        run_load(&load, pool_id);
    }
    if (strcmp(part, "hung") == 0)
        run_hung(pool_id);
}

static void
print_memory(void)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)server);
    g_autofree char *text = NULL;
    g_file_get_contents(path, &text, NULL, NULL);
    const char *at = text ? strstr(text, "RssAnon:") : NULL;
    printf("%-34s %.0f MiB (with %u fake machines)\n", "the server's own memory afterwards",
           at ? strtod(at + 8, NULL) / 1024 : -1, READY);
}

static void
remove_tree(void)
{
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", directory);
    must(system(command) == 0, NULL);
}

int
main(int argc, char **argv)
{
    static const char *const all[] = {"list", "login", "connect", "hung", NULL};
    const char *const *parts = argc > 1 ? (const char *const *)argv + 1 : all;
    signal(SIGPIPE, SIG_IGN);
    directory = g_dir_make_tmp("yundesk-bench-XXXXXX", NULL);
    socket_path = g_build_filename(directory, "deskd.sock", NULL);
    g_autofree char *images = g_build_filename(directory, "images", NULL);
    g_mkdir(images, 0700);
    Seed seed = {.uri = "fake:bench", .desktops = DESKTOPS, .ready = READY};
    yd_service_config_init(&seed.config);
    seed.config.database = g_build_filename(directory, "yundesk.db", NULL);
    seed.config.state_dir = g_strdup(directory);
    seed.config.run_dir = g_strdup(directory);
    seed.config.cheap_passwords = TRUE;
    GError *error = NULL;
    gint64 since = g_get_monotonic_time();
    YdService *service = yd_service_new(&seed.config, yd_storage_local(images), &error);
    must(service != NULL, error);
    seed_store(service, &seed);
    g_autoptr(YdPool) pool =
        yd_store_find(yd_service_store(service, NULL), &yd_pool_type, "name", "office", NULL);
    yd_service_free(service); // before the fork
    printf("%u desktops stored in %.1f s, %u of them run\n", DESKTOPS,
           (double)(g_get_monotonic_time() - since) / 1e6, READY);
    start_server(&seed);
    for (const char *const *part = parts; *part; part++)
        run_part(*part, pool->id);
    print_memory();
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    remove_tree();
    return 0;
}
