// SPDX-License-Identifier: Apache-2.0
// One request on its way: built on the loop, worked on by one lane's thread, answered on the loop.
// Between hand-overs exactly one thread has it, so nothing in it is locked.
#pragma once

#include <jansson.h>

#include "api/api.h"
#include "base/json-util.h"
#include "service/login.h"

typedef struct _YdRequest YdRequest;
typedef struct _YdRoute YdRoute;
typedef struct _YdClient YdClient;

// Does one route's work on a lane's thread. FALSE with a YD_ERROR becomes a problem answer.
typedef gboolean (*YdHandler)(YdRequest *request, GError **error);

// Whose threads a request takes, so that slow kinds hold up nobody else.
typedef enum {
    YD_LANE_ACT,     // all that only asks the store
    YD_LANE_HASH,    // argon2id: few threads, so that log-ins cannot take all memory and cores
    YD_LANE_CONNECT, // waits for guest agents
    YD_N_LANES
} YdLane;

typedef enum {
    YD_BODY_JSON, // of POST, PATCH: an object, or nothing
    YD_BODY_CSV,
    YD_BODY_UPLOAD, // goes to a file while it comes
} YdBody;

struct _YdRoute {
    const char *method, *path; // path below the root, "{id}" takes one segment
    YdRight right;
    YdHandler handler;
    YdLane lane;
    YdBody body;
    gboolean stream;                 // the handler's success opens an event stream
    gboolean secret;                 // answers hold secrets: never remembered for Idempotency-Key
    gboolean changeless;             // allowed while the password must be changed
    const YdRecordType *type;        // what lists and gets are about
    const YdRecordType *parent_type; // lists below another object: its type, and the
    const char *parent;              // column that holds its id
};

// All routes.
const YdRoute *yd_routes(guint *ret_n);

// The route for method and path (still escaped); params gets the unescaped "{…}" segments, at most
// two. NOT_FOUND when there is none; *ret_allow (owned) is then the methods that exist, or NULL.
const YdRoute *yd_route_find(const char *method, const char *path, char *params[2],
                             char **ret_allow, GError **error);

struct _YdRequest {
    YdApi *api;
    YdService *service;
    const YdRoute *route;
    gint64 began; // monotonic µs

    // From the head.
    char *id;          // Request-Id
    char *params[2];   // of the path
    GHashTable *query; // decoded
    char *token;       // of the log-in
    gboolean cookie;   // it came as a cookie, so unsafe methods need the CSRF token
    char *csrf, *agent, *host, *address, *content_type, *content_encoding, *idempotency_key;
    char *last_event_id;
    gint64 if_match; // 0: none
    gboolean loopback;

    GBytes *body;
    json_t *input;            // JSON object; NULL without a body
    struct _YdUpload *upload; // of YD_BODY_UPLOAD; borrowed

    // Set by authorisation.
    YdActorOwned *login; // NULL for routes without right
    YdActor actor;

    gint64 events_after; // of an event stream

    // The answer.
    guint status;
    char *answer_type;
    GBytes *answer;
    GPtrArray *headers; // name, value, name, value …; owned strings
};

void yd_request_free(YdRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdRequest, yd_request_free)

// Runs the route on the calling thread: authorise, body, handler; always leaves an answer.
void yd_request_run(YdRequest *request);

// Sets an answer. `json` is taken.
void yd_request_answer(YdRequest *request, guint status, json_t *json);
void yd_request_answer_text(YdRequest *request, guint status, const char *type, const char *text);
void yd_request_header(YdRequest *request, const char *name, const char *value);

// Sets the problem answer for an error.
void yd_request_problem(YdRequest *request, const GError *error);

// The same for what has no YD_ERROR code (405, 415).
void
yd_request_problem_status(YdRequest *request, guint status, const char *code, const char *detail);

// INVALID when the request has no body.
gboolean yd_request_need_input(YdRequest *request, GError **error);

// A text of the input; needed: INVALID when it is absent, null or empty. Without: *ret_value NULL.
// For other kinds see base/json-util.h; input may be NULL there too.
gboolean yd_request_text(YdRequest *request, const char *name, gboolean needed,
                         const char **ret_value, GError **error);
// Refuses members that are not in the NULL-terminated list.
gboolean yd_request_only(YdRequest *request, const char *const *names, GError **error);

// A value of the query or NULL.
const char *yd_request_query(YdRequest *request, const char *name);
// Likewise a whole number; *value stays when it is not given. INVALID.
gboolean yd_request_query_int(YdRequest *request, const char *name, gint64 least, gint64 most,
                              gint64 *value, GError **error);
