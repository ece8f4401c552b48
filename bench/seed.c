// SPDX-License-Identifier: Apache-2.0
// Fills the store of a deskd that does not run with people and desktops, for the benchmarks and
// tests that need long lists behind the real programs. Every 20th desktop has failed, the others
// are off. The people are user00001 and so on, "admin" the administrator; all have one password.
//
//   build/bench/bench-seed DATABASE [DESKTOPS]
#include <stdio.h>
#include <stdlib.h>

#include "api-seed.h"

#define FAILED_EVERY 20

static void
fail_some(YdStore *store)
{
    GError *problem = NULL;
    g_autoptr(GPtrArray) all = yd_store_all(store, &yd_desktop_type, "state", "off", &problem);
    must(all != NULL, problem);
    MUST(yd_store_begin(store, &error));
    for (guint i = 0; i < all->len; i += FAILED_EVERY) {
        YdDesktop *desktop = all->pdata[i];
        g_free(desktop->state);
        desktop->state = g_strdup("failed");
        desktop->error = g_strdup("the guest agent did not answer");
        MUST(yd_store_update(store, &yd_desktop_type, desktop, &error));
    }
    MUST(yd_store_commit(store, &error));
}

int
main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: bench-seed DATABASE [DESKTOPS]\n");
        return 2;
    }
    g_autofree char *directory = g_path_get_dirname(argv[1]);
    Seed seed = {.uri = "fake:bench",
                 .desktops = argc > 2 ? (guint)strtoul(argv[2], NULL, 10) : 10000};
    yd_service_config_init(&seed.config);
    g_free(seed.config.database);
    seed.config.database = g_strdup(argv[1]);
    g_free(seed.config.state_dir);
    seed.config.state_dir = g_strdup(directory);
    g_free(seed.config.run_dir);
    seed.config.run_dir = g_strdup(directory);
    GError *error = NULL;
    YdService *service = yd_service_new(&seed.config, yd_storage_local(directory), &error);
    must(service != NULL, error);
    seed_store(service, &seed);
    fail_some(yd_service_store(service, &error));
    printf("%u people with a desktop each; password: %s\n", seed.desktops, SEED_PASSWORD);
    yd_service_free(service);
    yd_service_config_clear(&seed.config);
    return 0;
}
