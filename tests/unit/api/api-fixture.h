// SPDX-License-Identifier: Apache-2.0
// A whole API on a thread of its own, over a real unix socket: service on a fresh database, a fake
// host, cheap passwords; and a small HTTP client that sends what it is told, byte by byte.
#pragma once

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <jansson.h>
#include <string.h>

#include "api/api.h"
#include "api/gate-link.h"
#include "base/json-util.h"

#define PASSWORD "Correct-Horse-9"

typedef struct {
    char *directory, *socket, *gate_socket;
    YdService *service;
    YdStore *store; // of the test's thread
    YdActor system; // no person, all rights
    YdApiConfig config;
    YdApi *api;
    YdGateLink *gates;
    GMainContext *context;
    GMainLoop *loop;
    GThread *thread;
} Fixture;

// For g_test_add. data: a void (*)(YdApiConfig *) that changes the limits, or NULL.
void fixture_set_up(Fixture *f, gconstpointer data);
void fixture_tear_down(Fixture *f, gconstpointer data);

// Ids, owned by the caller. All fail the test when something goes wrong.
char *fixture_user(Fixture *f, const char *username, const char *role); // has PASSWORD
char *fixture_department(Fixture *f, const char *number);
void fixture_member(Fixture *f, const char *department_id, const char *user_id, gboolean manager);
char *fixture_pool(Fixture *f, const char *name); // with network, template and ready version
char *fixture_desktop(Fixture *f, const char *pool_id, const char *user_id, const char *name);
char *fixture_connection(Fixture *f, const char *desktop_id, const char *user_id);
char *fixture_job(Fixture *f, const char *user_id, const char *object_id);

typedef struct {
    int fd;
    char *socket;
    GByteArray *buffer; // read but not used
    char *token;        // sent as bearer
    char *cookie;       // sent as cookie
    char *csrf;         // sent as X-CSRF-Token
} Client;

typedef struct {
    guint status;       // 0: the server closed without an answer
    GHashTable *fields; // lower case
    char *body;
    gsize length;
    json_t *json; // NULL when the body is none
} Answer;
void answer_free(Answer *answer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Answer, answer_free)

// Connects, with a PROXY header for that client address (NULL: "LOCAL").
Client *client_new(Fixture *f, const char *address);
void client_free(Client *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Client, client_free)

// One logged-in client.
Client *client_login(Fixture *f, const char *username);

// Sends a request and reads its answer. headers: "Name: value\r\n…" or NULL; body NULL: none.
Answer *client_send(Client *client, const char *method, const char *path, const char *headers,
                    const char *body);
Answer *client_send_bytes(Client *client, const char *method, const char *path, const char *headers,
                          const char *body, gsize length);
// The same with a format for the path's or body's arguments.
Answer *client_get(Client *client, const char *format, ...) G_GNUC_PRINTF(2, 3);

// Raw bytes; FALSE when the server does not take them any more.
gboolean client_write(Client *client, const void *data, gsize length);
Answer *client_read(Client *client, gboolean head_only);
// Reads until text has come, at most so long; FALSE: time-out or end.
gboolean client_wait_for(Client *client, const char *text, guint milliseconds);
// Whether the server closes within that time.
gboolean client_closed(Client *client, guint milliseconds);

const char *answer_field(const Answer *answer, const char *name);
const char *answer_text(const Answer *answer, const char *member); // of the JSON; "" when missing
#define assert_status(answer, wanted)                                                              \
    G_STMT_START                                                                                   \
    {                                                                                              \
        if ((answer)->status != (wanted))                                                          \
            g_error("%s:%d: status %u, not %u: %s", __FILE__, __LINE__, (answer)->status,          \
                    (guint)(wanted), (answer)->body);                                              \
    }                                                                                              \
    G_STMT_END
// Status, and a problem document of that code.
#define assert_problem(answer, wanted, code_)                                                      \
    G_STMT_START                                                                                   \
    {                                                                                              \
        assert_status(answer, wanted);                                                             \
        g_assert_cmpstr(answer_text(answer, "code"), ==, code_);                                   \
        g_assert_cmpstr(answer_field(answer, "content-type"), ==, "application/problem+json");     \
        g_assert_cmpstr(answer_text(answer, "request_id"), !=, "");                                \
    }                                                                                              \
    G_STMT_END

// Open files of this process, to find leaks.
guint open_files(void);
