// SPDX-License-Identifier: Apache-2.0
// How much memory deskd needs with 10,000 desktops that all run, on libvirt's test driver in
// another process (libvirtd). To be run in a laboratory, whose libvirtd takes the machines:
//
//   bench/run memory [DESKTOPS]
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "api-seed.h"
#include "deskd-run.h"

#define URI "test+unix:///default?socket=/run/libvirt/libvirt-sock"
#define SETTLE_SECONDS 40 // monitor rounds, reconciling, idle

static char *directory;

static void
wait_ready(pid_t pid)
{
    g_autofree char *socket = g_build_filename(directory, "deskd.sock", NULL);
    gint64 since = g_get_monotonic_time();
    while (!g_file_test(socket, G_FILE_TEST_EXISTS)) {
        must(waitpid(pid, NULL, WNOHANG) == 0 && seconds_since(since) < 120, NULL);
        g_usleep(100000);
    }
    printf("deskd is ready after %.1f s: %.0f MiB resident\n", seconds_since(since),
           deskd_mib(pid, "VmRSS:"));
    fflush(stdout);
}

int
main(int argc, char **argv)
{
    guint desktops = argc > 1 ? (guint)strtoul(argv[1], NULL, 10) : 10000;
    directory = g_dir_make_tmp("yundesk-bench-XXXXXX", NULL);
    g_autofree char *images = g_build_filename(directory, "images", NULL);
    g_mkdir(images, 0700);
    Seed seed = {.uri = URI, .desktops = desktops, .ready = desktops};
    yd_service_config_init(&seed.config);
    seed.config.database = g_build_filename(directory, "yundesk.db", NULL);
    seed.config.state_dir = g_strdup(directory);
    seed.config.run_dir = g_strdup(directory);
    seed.config.cheap_passwords = TRUE;
    GError *error = NULL;
    YdService *service = yd_service_new(&seed.config, yd_storage_local(images), &error);
    must(service != NULL, error);
    gint64 since = g_get_monotonic_time();
    seed_store(service, &seed);
    printf("%u desktops stored in %.1f s\n", desktops, seconds_since(since));
    must(yd_service_open_hosts(service, &error), error);
    since = g_get_monotonic_time();
    seed_machines(service);
    printf("their machines started on %s in %.1f s\n", URI, seconds_since(since));
    fflush(stdout);
    // This process keeps its connection, so that libvirtd keeps the test driver's machines.
    pid_t pid = deskd_run(directory);
    wait_ready(pid);
    g_usleep(SETTLE_SECONDS * G_USEC_PER_SEC);
    printf("after %d s: %.0f MiB resident, %.0f MiB at most\n", SETTLE_SECONDS,
           deskd_mib(pid, "VmRSS:"), deskd_mib(pid, "VmHWM:"));
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    yd_service_free(service);
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", directory);
    return system(command) == 0 ? 0 : 1;
}
