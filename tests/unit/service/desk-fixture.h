// SPDX-License-Identifier: Apache-2.0
// A service with one fake host, an active network, a real (empty) template image, a pool and a
// person to whom it is given; for the tests of jobs, desktops, connections and the reconciler. The
// service can be opened anew on what it left, as after a kill.
#pragma once

#include "../wait-for.h"
#include "hypervisor/fake.h"
#include "service/desktop.h"
#include "service/jobs.h"
#include "store/store-desktops.h"

typedef struct {
    char *directory;
    YdServiceConfig config;
    YdService *service;
    YdStore *store; // of the test's thread
    YdActor admin;
    char *host_name; // "fake:…"
    char *host_id, *network_id, *version_id, *pool_id;
    char *user_id, *login_id; // "anna", entitled
    YdActor user;
} Desk;

void desk_set_up(Desk *f, gconstpointer data);
void desk_tear_down(Desk *f, gconstpointer data);

// Closes the service and opens it anew on the same database, images and fake host. Jobs do not run
// before desk_run().
void desk_reopen(Desk *f);
void desk_run(Desk *f); // starts the job runner alone

YdHypervisor *desk_hv(Desk *f);
char *desk_user(Desk *f, const char *username, gboolean entitled); // id, owned
YdActor desk_actor(const char *user_id, const char *username);     // a user; strings borrowed
char *desk_login(Desk *f, const char *user_id);                    // id of a live log-in, owned

// Waits for the job's end; it must end in that state. Takes the job.
void desk_job_ends(Desk *f, YdJob *job, const char *state);
json_t *desk_job_result(Desk *f, const char *job_id); // what it came to, owned
char *desk_second_host(Desk *f);                      // adds host-2, which is up; id owned
// Waits until the job runner has been abandoned by a stop point.
void desk_abandoned(Desk *f);

YdDesktop *desk_get(Desk *f, const char *id); // NULL when it is gone
gboolean desk_is_quiet(Desk *f);              // no job waits or runs
char *desk_make(Desk *f);                     // anna's desktop, made, off; id owned
char *desk_make_ready(Desk *f);               // and started
gboolean desk_image(Desk *f, const char *id); // whether its overlay is there
gboolean desk_machine(Desk *f, const char *uuid, YdMachineState *ret); // FALSE: not defined
guint desk_count(Desk *f, const YdRecordType *type);

#define desk_assert_state(f, id, expected)                                                         \
    G_STMT_START                                                                                   \
    {                                                                                              \
        g_autoptr(YdDesktop) desk_now = desk_get(f, id);                                           \
        g_assert_nonnull(desk_now);                                                                \
        g_assert_cmpstr(desk_now->state, ==, expected);                                            \
    }                                                                                              \
    G_STMT_END
