// SPDX-License-Identifier: Apache-2.0
// How long it takes to hand out desktops to a whole department: job, record, address, DHCP entry
// and overlay of each, by the service's job runner with local storage (real qemu-img overlays) and
// a fake host. No machine is started.
//
//   bench/run derive [DESKTOPS]      100 of them unless told otherwise
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api-seed.h"
#include "service/ca.h"
#include "service/desktop.h"
#include "service/jobs.h"

static const YdActor admin = {.username = "bench", .address = "192.0.2.1", .role = YD_ROLE_ADMIN};
static char *directory, *images;

static void
run_command(const char *format, const char *folder)
{
    g_autoptr(GString) command = g_string_new(format);
    g_string_replace(command, "DIR", folder, 0);
    int status = -1;
    GError *error = NULL;
    must(g_spawn_command_line_sync(command->str, NULL, NULL, &status, &error), error);
    must(status == 0, NULL);
}

static void
add_people(YdStore *store, const char *department_id, guint count)
{
    MUST(yd_store_begin(store, &error));
    for (guint i = 0; i < count; i++) {
        g_autoptr(YdUser) user = yd_user_new();
        user->username = g_strdup_printf("user%05u", i);
        user->role = g_strdup("user");
        user->enabled = TRUE;
        user->uid = 20000 + i;
        MUST(yd_store_insert(store, &yd_user_type, user, &error));
        g_autoptr(YdMembership) member = yd_membership_new();
        member->department_id = g_strdup(department_id);
        member->user_id = g_strdup(user->id);
        MUST(yd_store_insert(store, &yd_membership_type, member, &error));
    }
    MUST(yd_store_commit(store, &error));
}

static YdService *
open_service(void)
{
    GError *error = NULL;
    Seed seed = {.uri = "fake:bench-derive"};
    yd_service_config_init(&seed.config);
    g_free(seed.config.database);
    g_free(seed.config.state_dir);
    g_free(seed.config.run_dir);
    seed.config.database = g_build_filename(directory, "yundesk.db", NULL);
    seed.config.state_dir = g_strdup(directory);
    seed.config.run_dir = g_strdup(directory);
    seed.config.cheap_passwords = TRUE;
    g_autofree char *keys = g_build_filename(directory, "keys", NULL);
    YdService *service = yd_service_new(&seed.config, yd_storage_local(images), &error);
    must(service && yd_ca_ensure(keys, NULL, &error), error);
    seed_store(service, &seed);
    must(yd_service_open_hosts(service, &error), error);
    yd_service_config_clear(&seed.config);
    return service;
}

// Desktops in the store that are made and off, and whose overlay lies there.
static guint
count_made(YdStore *store)
{
    GError *error = NULL;
    guint made = 0;
    g_autoptr(GPtrArray) all = yd_store_all(store, &yd_desktop_type, "state", "off", &error);
    must(all != NULL, error);
    for (guint i = 0; i < all->len; i++) {
        const YdDesktop *desktop = g_ptr_array_index(all, i);
        g_autofree char *path = g_build_filename(images, desktop->image, NULL);
        made += g_file_test(path, G_FILE_TEST_IS_REGULAR);
    }
    return made;
}

static guint
hand_out(YdService *service)
{
    GError *error = NULL;
    YdStore *store = yd_service_store(service, NULL);
    g_autoptr(YdPool) pool = yd_store_find(store, &yd_pool_type, "name", "office", NULL);
    g_autoptr(YdDepartment) department =
        yd_store_find(store, &yd_department_type, "number", "D1", NULL);
    g_autoptr(YdJob) job =
        yd_desktop_handout(service, &admin, pool->id, department->id, NULL, &error);
    must(job != NULL, error);
    g_autoptr(YdJob) done = NULL;
    must(yd_job_wait(service, job->id, 600000, &done, &error), error);
    if (strcmp(done->state, "done") != 0)
        fprintf(stderr, "bench: the job ended as %s: %s\n", done->state, done->error);
    return count_made(store);
}

int
main(int argc, char **argv)
{
    guint desktops = argc > 1 ? (guint)strtoul(argv[1], NULL, 10) : 100;
    GError *error = NULL;
    directory = g_dir_make_tmp("yundesk-bench-XXXXXX", &error);
    must(directory != NULL, error);
    images = g_build_filename(directory, "images", NULL);
    must(g_mkdir(images, 0755) == 0, NULL);
    run_command("qemu-img create -q -f qcow2 DIR/tplv-office.qcow2 1G", images);
    run_command("chmod 0444 DIR/tplv-office.qcow2", images);
    YdService *service = open_service();
    YdStore *store = yd_service_store(service, NULL);
    g_autoptr(YdDepartment) department =
        yd_store_find(store, &yd_department_type, "number", "D1", NULL);
    add_people(store, department->id, desktops);
    must(yd_desktops_start(service, &error), error);
    gint64 since = g_get_monotonic_time();
    guint made = hand_out(service);
    double took = (double)(g_get_monotonic_time() - since) / 1e6;
    printf("%u desktops handed out, record and overlay each: %.2f s (%.0f ms a desktop)\n", made,
           took, took * 1000 / MAX(made, 1));
    yd_desktops_stop(service);
    yd_service_free(service);
    run_command("rm -rf DIR", directory);
    return made == desktops ? 0 : 1;
}
