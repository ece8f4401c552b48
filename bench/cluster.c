// SPDX-License-Identifier: Apache-2.0
// What deskd needs for 100 hosts with 100 running desktops each: its start with the first pass of
// the reconciler, CPU and memory while it looks after them, how soon a browser hears that a machine
// ended, placements a second. deskd is the real program with SQLite; each host is a libvirtd with
// the test driver (cluster-hosts.h). The driver inside of deskd (test:///FILE) would not do: its
// machines would count as deskd's memory, and each connection has machines of its own, so nobody
// but deskd could end one. To be run in a laboratory, which ends whatever is left:
//
//   bench/run cluster [HOSTS [DESKTOPS OF EACH]]
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api-seed.h"
#include "cluster-hosts.h"
#include "cluster-listen.h"
#include "cluster-place.h"
#include "deskd-run.h"

#define READY_SECONDS 300 // at most
#define SETTLE_SECONDS 15 // after the first pass
#define WATCH_SECONDS 65  // one pass of the reconciler is among them
#define EVENTS 300
#define GAP_MS 230 // between two of them, on average: their time also holds a pass
#define LATE_SECONDS 30

typedef struct {
    char *directory, *socket_path;
    guint hosts, each;
    Seed seed;
    ClusterHosts *libvirts;
    YdService *service; // keeps the machines, and ends some of them
    pid_t deskd;
} Bench;

// --- deskd, from outside ---

// Seconds that it has used.
static double
cpu_of(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
    g_autofree char *text = NULL;
    unsigned long user = 0, system = 0;
    g_file_get_contents(path, &text, NULL, NULL);
    const char *at = text ? strrchr(text, ')') : NULL;
    must(at && sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                      &system) == 2,
         NULL);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static void
tell(const char *what, const char *figure, const char *goal, gboolean met)
{
    printf("%-46s %-44s goal %-10s %s\n", what, figure, goal, met ? "met" : "NOT MET");
    fflush(stdout);
}

static void
check_lives(const Bench *bench, gint64 since)
{
    must(waitpid(bench->deskd, NULL, WNOHANG) == 0 && seconds_since(since) < READY_SECONDS,
         g_error_new(G_FILE_ERROR, G_FILE_ERROR_FAILED, "deskd ended, or took too long"));
}

static guint
count_off(const Bench *bench)
{
    const char *const states[] = {"off", NULL};
    const YdCondition condition = {"state", "=", states};
    const YdQuery query = {.limit = bench->hosts + 1, .conditions = &condition, .n_conditions = 1};
    GError *error = NULL;
    g_autoptr(YdPage) page =
        yd_store_list(yd_service_store(bench->service, NULL), &yd_desktop_type, &query, &error);
    must(page != NULL, error);
    return page->records->len;
}

// --- the parts ---

static void
fill(Bench *bench)
{
    GError *error = NULL;
    g_autofree char *images = g_build_filename(bench->directory, "images", NULL);
    gint64 since = g_get_monotonic_time();
    g_mkdir(images, 0700);
    bench->libvirts = cluster_hosts_start(bench->directory, bench->hosts);
    printf("%u libvirtd answer after %.1f s\n", bench->hosts, seconds_since(since));
    yd_service_config_init(&bench->seed.config);
    bench->seed.config.database = g_build_filename(bench->directory, "yundesk.db", NULL);
    bench->seed.config.state_dir = g_strdup(bench->directory);
    bench->seed.config.run_dir = g_strdup(bench->directory);
    bench->seed.config.cheap_passwords = TRUE;
    bench->seed.uris = cluster_hosts_uris(bench->libvirts);
    bench->seed.desktops = bench->seed.ready = bench->hosts * bench->each;
    since = g_get_monotonic_time();
    bench->service = yd_service_new(&bench->seed.config, yd_storage_local(images), &error);
    must(bench->service != NULL, error);
    seed_store(bench->service, &bench->seed);
    printf("%u desktops stored in %.1f s\n", bench->seed.desktops, seconds_since(since));
    since = g_get_monotonic_time();
    must(yd_service_open_hosts(bench->service, &error), error);
    seed_machines(bench->service);
    printf("their machines started in %.1f s\n", seconds_since(since));
    fflush(stdout);
}

// The machine of that desktop ends, as when its guest shuts down.
static void
end_machine(const Bench *bench, const YdDesktop *desktop)
{
    GError *error = NULL;
    YdHypervisor *hv = yd_service_hypervisor(bench->service, desktop->host_id, &error);
    must(hv && yd_hypervisor_power_off(hv, desktop->uuid, &error), error);
}

// The running desktops of one host.
static GPtrArray *
desktops_of(const Bench *bench, guint host)
{
    g_autofree char *name = g_strdup_printf("host-%03u", host);
    GError *error = NULL;
    YdStore *store = yd_service_store(bench->service, NULL);
    g_autoptr(YdHost) row = yd_store_find(store, &yd_host_type, "name", name, &error);
    must(row != NULL, error);
    GPtrArray *all = yd_store_all(store, &yd_desktop_type, "host_id", row->id, &error);
    must(all != NULL, error);
    for (guint i = all->len; i > 0; i--)
        if (strcmp(((const YdDesktop *)all->pdata[i - 1])->state, "ready") != 0)
            g_ptr_array_remove_index(all, i - 1);
    must(all->len > 0, NULL);
    return all;
}

// One machine of each host ended while no deskd ran: the first pass is over when all are noted.
static void
measure_start(Bench *bench)
{
    for (guint i = 0; i < bench->hosts; i++) {
        g_autoptr(GPtrArray) desktops = desktops_of(bench, i);
        end_machine(bench, desktops->pdata[0]);
    }
    must(count_off(bench) == 0, NULL);
    gint64 since = g_get_monotonic_time();
    bench->deskd = deskd_run(bench->directory);
    while (!g_file_test(bench->socket_path, G_FILE_TEST_EXISTS)) {
        check_lives(bench, since);
        g_usleep(20000);
    }
    double ready = seconds_since(since);
    while (count_off(bench) < bench->hosts) {
        check_lives(bench, since);
        g_usleep(50000);
    }
    double passed = seconds_since(since);
    g_autofree char *figure = g_strdup_printf("%.1f s; it answers after %.1f s", passed, ready);
    tell("start until the first pass is over", figure, "< 10 s", passed < 10);
    g_usleep(SETTLE_SECONDS * G_USEC_PER_SEC);
    printf("%-46s %.1f s of CPU, %.0f MiB resident at most\n", "the start and 15 s more",
           cpu_of(bench->deskd), deskd_mib(bench->deskd, "VmHWM:"));
}

static void
measure_watch(const Bench *bench)
{
    double first = cpu_of(bench->deskd), before = first, most = 0, resident = 0;
    gint64 since = g_get_monotonic_time(), then = since;
    while (seconds_since(since) < WATCH_SECONDS) {
        g_usleep(G_USEC_PER_SEC);
        double now = cpu_of(bench->deskd);
        most = MAX(most, (now - before) / seconds_since(then));
        resident = MAX(resident, deskd_mib(bench->deskd, "VmRSS:"));
        before = now;
        then = g_get_monotonic_time();
    }
    double cores = (before - first) / ((double)(then - since) / 1e6);
    g_autofree char *cpu = g_strdup_printf("%.2f cores; busiest second %.2f", cores, most);
    g_autofree char *memory = g_strdup_printf("%.0f MiB resident (%.0f its own)", resident,
                                              deskd_mib(bench->deskd, "RssAnon:"));
    tell("CPU while it looks after them (65 s)", cpu, "< 1 core", cores < 1);
    tell("memory meanwhile, at most", memory, "< 300 MB", resident * 1.048576 < 300);
}

static int
compare(gconstpointer a, gconstpointer b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

// Ends those machines, gap_ms between two of them, and tells how long the browser did not know.
static void
measure_events(const Bench *bench, const char *what, GPtrArray *desktops, guint gap_ms)
{
    g_autofree double *took = g_new0(double, desktops->len);
    g_autofree gint64 *ended = g_new0(gint64, desktops->len);
    g_autofree char *token = seed_token(0);
    ClusterListen *listen = cluster_listen_open(bench->socket_path, token);
    for (guint i = 0; i < desktops->len; i++) {
        const YdDesktop *desktop = desktops->pdata[i];
        cluster_listen_expect(listen, desktop->id);
        ended[i] = g_get_monotonic_time();
        end_machine(bench, desktop);
        if (gap_ms > 0)
            g_usleep((gulong)g_random_int_range(0, (gint32)(2 * gap_ms)) * 1000);
    }
    guint late =
        cluster_listen_wait(listen, g_get_monotonic_time() + LATE_SECONDS * G_USEC_PER_SEC);
    for (guint i = 0; i < desktops->len; i++) {
        gint64 came = cluster_listen_take(listen, ((const YdDesktop *)desktops->pdata[i])->id);
        took[i] = came ? (double)(came - ended[i]) / 1000 : LATE_SECONDS * 1000;
    }
    cluster_listen_close(listen);
    qsort(took, desktops->len, sizeof *took, compare);
    double p99 = took[desktops->len * 99 / 100];
    g_autofree char *figure =
        g_strdup_printf("p50 %.0f ms, p99 %.0f ms, most %.0f ms (n = %u)", took[desktops->len / 2],
                        p99, took[desktops->len - 1], desktops->len);
    tell(what, figure, "p99 < 1 s", late == 0 && p99 < 1000);
    if (late > 0)
        printf("%u of them were NOT TOLD within %d s\n", late, LATE_SECONDS);
}

// Of all hosts but the first, in turn.
static GPtrArray *
some_of_all(const Bench *bench)
{
    GPtrArray *some = g_ptr_array_new_with_free_func((GDestroyNotify)yd_desktop_free);
    for (guint i = 1; i < bench->hosts; i++) {
        g_autoptr(GPtrArray) desktops = desktops_of(bench, i);
        guint wanted = MIN(desktops->len, EVENTS / (bench->hosts - 1) + 1);
        for (guint j = 0; j < wanted && some->len < EVENTS; j++)
            g_ptr_array_add(some, yd_desktop_copy(desktops->pdata[j]));
    }
    return some;
}

static void
measure_placements(const Bench *bench)
{
    ClusterPlacements result = cluster_place(bench->service);
    double rate = result.placed / result.seconds;
    g_autofree char *figure = g_strdup_printf("%.0f/s (%.0f per core, n = %u)", rate,
                                              result.placed / result.cpu, result.placed);
    tell("placements: row read, placed, committed", figure, "1,000/s", rate >= 1000);
    printf("%-46s %.0f/s\n", "  of them the choice and what it is made on", result.looks);
    printf("%-46s %.0f/s\n", "  of that the choice among the hosts alone", result.choices);
}

int
main(int argc, char **argv)
{
    Bench bench = {.hosts = argc > 1 ? (guint)strtoul(argv[1], NULL, 10) : 100,
                   .each = argc > 2 ? (guint)strtoul(argv[2], NULL, 10) : 100};
    must(bench.hosts > 1 && bench.each > 5, NULL);
    signal(SIGPIPE, SIG_IGN);
    bench.directory = g_dir_make_tmp("yundesk-bench-XXXXXX", NULL);
    bench.socket_path = g_build_filename(bench.directory, "deskd.sock", NULL);
    fill(&bench);
    measure_start(&bench);
    measure_watch(&bench);
    g_autoptr(GPtrArray) some = some_of_all(&bench);
    measure_events(&bench, "a machine ends until the browser hears", some, GAP_MS);
    g_autoptr(GPtrArray) first = desktops_of(&bench, 0);
    measure_events(&bench, "all machines of one host end at once", first, 0);
    kill(bench.deskd, SIGTERM);
    waitpid(bench.deskd, NULL, 0);
    measure_placements(&bench);
    yd_service_free(bench.service);
    cluster_hosts_stop(bench.libvirts);
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", bench.directory);
    return system(command) == 0 ? 0 : 1;
}
