// SPDX-License-Identifier: Apache-2.0
// How many connects to running desktops a second: the whole use case (rights, one-time password by
// a fake guest agent that takes 50 to 200 ms, signed .rdp file, committed ticket row), without
// HTTP.
//   usage: bench-connect [DESKTOPS [THREADS [SECONDS]]]
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/id.h"
#include "hypervisor/fake.h"
#include "service/ca.h"
#include "service/connect.h"
#include "service/host.h"
#include "store/store-desktops.h"

typedef struct {
    YdService *service;
    YdStore *store;
    char *directory, *host_id, *pool_id, *version_id, *network_id;
    GPtrArray *desktops, *users; // ids
    gint next, done, failed;     // atomic
    gint64 end;
    GMutex lock;
    GArray *times; // gint64 µs; lock
} Bench;

static void
must(gboolean good, GError *error)
{
    if (!good)
        g_error("%s", error ? error->message : "failed");
}

static char *
put(Bench *b, const YdRecordType *type, gpointer record)
{
    GError *error = NULL;
    must(yd_store_insert(b->store, type, record, &error), error);
    return g_strdup(*(char **)record);
}

static void
open_service(Bench *b)
{
    GError *error = NULL;
    YdServiceConfig config;
    yd_service_config_init(&config);
    b->directory = g_dir_make_tmp("bench-connect-XXXXXX", NULL);
    g_free(config.database);
    g_free(config.state_dir);
    g_free(config.run_dir);
    config.database = g_build_filename(b->directory, "yundesk.db", NULL);
    config.state_dir = g_strdup(b->directory);
    config.run_dir = g_strdup(b->directory);
    b->service = yd_service_new(&config, yd_storage_local(b->directory), &error);
    must(b->service != NULL, error);
    b->store = yd_service_store(b->service, &error);
    must(b->store != NULL, error);
    g_autofree char *keys = g_build_filename(b->directory, "keys", NULL);
    must(yd_ca_ensure(keys, NULL, &error), error);
    yd_service_config_clear(&config);
}

static void
make_ground(Bench *b)
{
    const YdActor system = {.username = "system", .role = YD_ROLE_ADMIN};
    GError *error = NULL;
    g_autoptr(YdHost) host = yd_host_new();
    host->name = g_strdup("host-1");
    host->uri = g_strdup("fake:bench");
    must(yd_host_add(b->service, &system, host, &error), error);
    b->host_id = g_strdup(host->id);
    g_autoptr(YdNetwork) network = yd_network_new();
    network->name = g_strdup("bench");
    network->mode = g_strdup("nat");
    network->cidr = g_strdup("10.64.0.0/16");
    network->gateway = g_strdup("10.64.0.1");
    network->range_first = g_strdup("10.64.0.10");
    network->range_last = g_strdup("10.64.250.250");
    network->state = g_strdup("active");
    b->network_id = put(b, &yd_network_type, network);
    g_autoptr(YdTemplate) template = yd_template_new();
    template->name = g_strdup("bench");
    template->os = g_strdup("linux");
    template->firmware = g_strdup("bios");
    template->access = g_strdup("rdp");
    g_autofree char *template_id = put(b, &yd_template_type, template);
    g_autoptr(YdTemplateVersion) version = yd_template_version_new();
    version->template_id = g_strdup(template_id);
    version->number = 1;
    version->state = g_strdup("ready");
    version->image = g_strdup("tplv-bench.qcow2");
    b->version_id = put(b, &yd_template_version_type, version);
    g_autoptr(YdPool) pool = yd_pool_new();
    pool->name = g_strdup("bench");
    pool->network_id = g_strdup(b->network_id);
    pool->template_version_id = g_strdup(b->version_id);
    pool->vcpus = 1;
    pool->memory_mib = 1024;
    pool->enabled = TRUE;
    b->pool_id = put(b, &yd_pool_type, pool);
}

static void
make_desktop(Bench *b, guint number)
{
    GError *error = NULL;
    g_autoptr(YdUser) user = yd_user_new();
    user->username = g_strdup_printf("user%u", number);
    user->role = g_strdup("user");
    user->enabled = TRUE;
    user->uid = 20000 + number;
    g_ptr_array_add(b->users, put(b, &yd_user_type, user));
    g_autoptr(YdEntitlement) given = yd_entitlement_new();
    given->pool_id = g_strdup(b->pool_id);
    given->user_id = g_strdup(user->id);
    g_free(put(b, &yd_entitlement_type, given));
    g_autoptr(YdDesktop) desktop = yd_desktop_new();
    desktop->name = g_strdup_printf("bench-%u", number);
    desktop->pool_id = g_strdup(b->pool_id);
    desktop->user_id = g_strdup(user->id);
    desktop->template_version_id = g_strdup(b->version_id);
    desktop->host_id = g_strdup(b->host_id);
    desktop->state = g_strdup("ready");
    desktop->wanted = g_strdup("on");
    desktop->uuid = g_uuid_string_random();
    desktop->vcpus = 1;
    desktop->memory_mib = 1024;
    g_ptr_array_add(b->desktops, put(b, &yd_desktop_type, desktop));
    g_autoptr(YdAddress) address =
        yd_store_take_address(b->store, b->network_id, desktop->id, &error);
    must(address != NULL, error);
    const YdMachineSpec spec = {.uuid = desktop->uuid,
                                .name = desktop->name,
                                .desktop_id = desktop->id,
                                .vcpus = 1,
                                .memory_mib = 1024,
                                .disk = "/none"};
    YdHypervisor *hv = yd_service_hypervisor(b->service, b->host_id, &error);
    must(hv && yd_hypervisor_start(hv, &spec, &error), error);
}

static gpointer
caller(gpointer data)
{
    Bench *b = data;
    while (g_get_monotonic_time() < b->end) {
        guint i = (guint)g_atomic_int_add(&b->next, 1) % b->desktops->len;
        g_autofree char *name = g_strdup_printf("user%u", i);
        const YdActor actor = {.user_id = g_ptr_array_index(b->users, i),
                               .username = name,
                               .address = "192.0.2.7",
                               .role = YD_ROLE_USER};
        const YdConnectRequest request = {.desktop_id = g_ptr_array_index(b->desktops, i),
                                          .protocol = "rdp"};
        g_autoptr(GError) error = NULL;
        gint64 since = g_get_monotonic_time();
        g_autoptr(YdConnectAnswer) answer = yd_connect(b->service, &actor, &request, &error);
        gint64 time = g_get_monotonic_time() - since;
        g_atomic_int_inc(answer && answer->ticket ? &b->done : &b->failed);
        if (error)
            g_message("%s", error->message);
        g_mutex_lock(&b->lock);
        g_array_append_val(b->times, time);
        g_mutex_unlock(&b->lock);
    }
    return NULL;
}

static int
compare(gconstpointer a, gconstpointer b)
{
    gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;
    return x < y ? -1 : x > y;
}

static double
cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
measure(Bench *b, guint threads, guint seconds)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    double cpu = cpu_seconds();
    gint64 since = g_get_monotonic_time();
    b->end = since + (gint64)seconds * G_USEC_PER_SEC;
    for (guint i = 0; i < threads; i++)
        g_ptr_array_add(all, g_thread_new("caller", caller, b));
    for (guint i = 0; i < threads; i++)
        g_thread_join(g_ptr_array_index(all, i));
    double wall = (double)(g_get_monotonic_time() - since) / 1e6;
    cpu = cpu_seconds() - cpu;
    g_array_sort(b->times, compare);
    guint n = b->times->len;
    printf("connects %d (failed %d) by %u threads in %.1f s: %.0f/s; CPU %.2f ms each = %.0f/s per "
           "core; p50 %.0f ms, p99 %.0f ms\n",
           b->done, b->failed, threads, wall, b->done / wall, cpu * 1000 / b->done, b->done / cpu,
           (double)g_array_index(b->times, gint64, n / 2) / 1000,
           (double)g_array_index(b->times, gint64, n * 99 / 100) / 1000);
}

int
main(int argc, char **argv)
{
    guint desktops = argc > 1 ? (guint)atoi(argv[1]) : 10000;
    guint threads = argc > 2 ? (guint)atoi(argv[2]) : 64;
    guint seconds = argc > 3 ? (guint)atoi(argv[3]) : 10;
    Bench b = {.desktops = g_ptr_array_new_with_free_func(g_free),
               .users = g_ptr_array_new_with_free_func(g_free),
               .times = g_array_new(FALSE, FALSE, sizeof(gint64))};
    GError *error = NULL;
    g_mutex_init(&b.lock);
    open_service(&b);
    make_ground(&b);
    must(yd_store_begin(b.store, &error), error);
    for (guint i = 0; i < desktops; i++)
        make_desktop(&b, i);
    must(yd_store_commit(b.store, &error), error);
    yd_fake_agent_delay(yd_service_hypervisor(b.service, b.host_id, NULL), 50, 200);
    measure(&b, threads, seconds);
    yd_service_free(b.service);
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", b.directory);
    must(g_spawn_command_line_sync(command, NULL, NULL, NULL, &error), error);
    return b.failed > 0;
}
