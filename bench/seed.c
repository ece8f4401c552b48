// SPDX-License-Identifier: Apache-2.0
// Fills the store of a deskd that does not run with people and desktops, for the benchmarks and
// tests that need long lists behind the real programs. Every 20th desktop has failed, the others
// are off. A thousand sessions, jobs and acts of the audit log lie in the past. The people are
// user00001 and so on, "admin" the administrator; all have one password.
//
//   build/bench/bench-seed DATABASE [DESKTOPS]
#include <stdio.h>
#include <stdlib.h>

#include "api-seed.h"

#define FAILED_EVERY 20
#define PAST 1000

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

static void
insert(YdStore *store, const YdRecordType *type, gpointer record)
{
    MUST(yd_store_insert(store, type, record, &error));
    yd_record_free(type, record);
}

// One ended session, one done job and one row of the audit log for each of these desktops.
static void
make_past(YdStore *store, guint of)
{
    GError *problem = NULL;
    g_autoptr(GPtrArray) all = yd_store_all(store, &yd_desktop_type, "state", "off", &problem);
    must(all != NULL, problem);
    MUST(yd_store_begin(store, &error));
    for (guint i = 0; i < MIN(of, all->len); i++) {
        const YdDesktop *desktop = all->pdata[i];
        gint64 then = yd_now_ms() - (gint64)i * 60000;
        YdConnection *session = yd_connection_new();
        session->desktop_id = g_strdup(desktop->id);
        session->user_id = g_strdup(desktop->user_id);
        session->protocol = g_strdup("rdp");
        session->ticket_hash = g_strdup_printf("%064u", i);
        session->state = g_strdup("ended");
        session->source = g_strdup("net");
        session->client_address = g_strdup("192.0.2.1");
        session->reason = g_strdup("client");
        session->created = session->expires = session->ended = then;
        session->score = 100 - (gint64)(i % 60);
        session->score_reason = g_strdup(i % 60 < 20 ? "good" : "delay");
        insert(store, &yd_connection_type, session);
        YdJob *job = yd_job_new();
        job->kind = g_strdup("desktop-start");
        job->object_kind = g_strdup("desktop");
        job->object_id = g_strdup(desktop->id);
        job->object_name = g_strdup(desktop->name);
        job->user_id = g_strdup(desktop->user_id);
        job->state = g_strdup("done");
        job->step = g_strdup("ready");
        job->progress = 100;
        job->created = job->started = job->ended = then;
        insert(store, &yd_job_type, job);
        YdAudit *act = yd_audit_new();
        act->time = then;
        act->username = g_strdup(desktop->username);
        act->act = g_strdup("desktop.start");
        act->object_kind = g_strdup("desktop");
        act->object_id = g_strdup(desktop->id);
        act->object_name = g_strdup(desktop->name);
        act->outcome = g_strdup("ok");
        act->details = g_strdup("{\"host\":\"local\"}");
        insert(store, &yd_audit_type, act);
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
    make_past(yd_service_store(service, &error), PAST);
    printf("%u people with a desktop each; password: %s\n", seed.desktops, SEED_PASSWORD);
    yd_service_free(service);
    yd_service_config_clear(&seed.config);
    return 0;
}
