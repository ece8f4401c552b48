// SPDX-License-Identifier: Apache-2.0
// A service on a fresh database file, a folder of images and a fake host, with cheap passwords, for
// the tests of people, pools, networks, templates, hosts and settings.
#pragma once

#include "service/department.h"
#include "service/host.h"
#include "service/login.h"
#include "service/network.h"
#include "service/pool.h"
#include "service/service.h"
#include "service/settings.h"
#include "service/template.h"
#include "service/user.h"

typedef struct {
    char *directory; // removed at the end
    YdService *service;
    YdStore *store; // of this thread
    YdActor system; // no person, all rights
} Fixture;

#define FIXTURE_PASSWORD "Correct-Horse-9"

// For g_test_add. data not NULL: passwords cost as much as in production.
void fixture_set_up(Fixture *f, gconstpointer data);
void fixture_tear_down(Fixture *f, gconstpointer data);

// All fail the test when the verb fails, and give back ids that the caller owns.
char *fixture_user(Fixture *f, const char *username, const char *role); // FIXTURE_PASSWORD
char *fixture_department(Fixture *f, const char *number, const char *name);
char *fixture_network(Fixture *f, const char *name, const char *cidr);
char *fixture_version(Fixture *f, const char *template_name); // ready, 1 GiB
char *fixture_pool(Fixture *f, const char *name);             // makes its network and template
char *fixture_desktop(Fixture *f, const char *pool_id, const char *user_id, const char *name);
char *fixture_connection(Fixture *f, const char *desktop_id, const char *user_id,
                         const char *login_id); // open

// An actor of that user as they are now; owned.
YdActorOwned *fixture_actor(Fixture *f, const char *user_id);

// Logs in with FIXTURE_PASSWORD, must_change or not; the token is owned.
char *fixture_login(Fixture *f, const char *username, const char *kind);

// Number of audit rows of that act and outcome.
guint fixture_audits(Fixture *f, const char *act, const char *outcome);

// "ended", … of a connection; owned.
char *fixture_connection_state(Fixture *f, const char *id);

// The error is of that code and its message has that text; clears it.
#define fixture_assert_error(error, code, text)                                                    \
    G_STMT_START                                                                                   \
    {                                                                                              \
        g_assert_error(error, YD_ERROR, code);                                                     \
        if (!strstr((error)->message, text))                                                       \
            g_error("“%s” does not have “%s”", (error)->message, text);                            \
        g_assert_true(g_utf8_validate((error)->message, -1, NULL));                                \
        g_assert_cmpuint(strlen((error)->message), <, 1000);                                       \
        g_clear_error(&(error));                                                                   \
    }                                                                                              \
    G_STMT_END
