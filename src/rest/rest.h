// SPDX-License-Identifier: Apache-2.0
// The HTTP client of the REST API: JSON in and out, problem documents as GErrors, TLS that trusts
// one CA file or one pinned certificate. Shared by deskctl and native clients. Synchronous: a
// YdRest belongs to one thread; make another one (yd_rest_copy) for another thread.
#pragma once

#include <gio/gio.h>
#include <jansson.h>

#include "rest/problem.h"

typedef struct _YdRest YdRest;

// url is "https://HOST[:PORT]"; plain "http" only for loopback addresses, since the log-in would
// go over the wire readable. YD_ERROR_INVALID else.
YdRest *yd_rest_new(const char *url, GError **error);
YdRest *yd_rest_copy(const YdRest *rest);
void yd_rest_free(YdRest *rest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdRest, yd_rest_free)

// Trust only certificates of the CAs in this PEM file.
gboolean yd_rest_set_ca(YdRest *rest, const char *file, GError **error);

// Trust only the certificate with this SHA-256 fingerprint (64 hex digits, colons allowed),
// whatever name it is for.
gboolean yd_rest_set_fingerprint(YdRest *rest, const char *hex, GError **error);

void yd_rest_set_token(YdRest *rest, const char *token); // bearer; NULL: none
void yd_rest_set_timeout(YdRest *rest, guint seconds);   // silence on the socket; 30 by default
const char *yd_rest_url(const YdRest *rest);

// Fingerprint (hex) of the last certificate that was refused, with "why" in words; NULL when none
// was. Borrowed until the next call.
const char *yd_rest_refused(const YdRest *rest, const char **ret_why);

// Bytes sent so far of a body that is a stream.
typedef void (*YdRestProgress)(goffset sent, goffset total, gpointer user_data);

// One request. Zero members are defaults. GET is tried up to three times where no answer came;
// so is POST, whose Idempotency-Key (made here) keeps the server from doing it twice.
typedef struct {
    const char *method;   // "GET", …
    const char *path;     // below /api/v1, with its query: "/users?limit=5"; "//readyz": outside it
    const json_t *body;   // sent as JSON
    const char *if_match; // version of the object; NULL: whatever it is
    const char *type;     // of `bytes` or `stream`
    GBytes *bytes;
    GInputStream *stream; // read once, so never tried again
    goffset length;       // of the stream
    YdRestProgress progress;
    gpointer user_data;
    gsize most; // bytes of the answer; 0: 64 MiB
} YdRestRequest;

typedef struct {
    guint status;
    json_t *json; // NULL when the answer was not JSON
    GBytes *bytes;
    char *type;
} YdRestAnswer;

void yd_rest_answer_clear(YdRestAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(YdRestAnswer, yd_rest_answer_clear)

// Sends it and waits. ret_answer (may be NULL) is cleared by the caller. Errors: what the problem
// document says; YD_ERROR_UNAVAILABLE when the server can't be reached or is not trusted,
// YD_ERROR_TIMEOUT when it stays silent, YD_ERROR_TOO_LARGE for larger answers.
gboolean
yd_rest_send(YdRest *rest, const YdRestRequest *request, YdRestAnswer *ret_answer, GError **error);

// Shortcuts for JSON; the result is owned by the caller (json_decref). A 204 gives a JSON null.
json_t *yd_rest_get(YdRest *rest, const char *path, GError **error);
json_t *yd_rest_post(YdRest *rest, const char *path, const json_t *body, GError **error);

// The problem document behind the last error of that client; NULL when there was none. Borrowed.
const YdProblem *yd_rest_problem(const YdRest *rest);

// Opens /events and calls func (see rest/sse.h) for each event until the stream ends, an error
// comes or cancellable is cancelled (TRUE in the first and the last case). last_id: where to
// resume, or NULL.
typedef void (*YdRestEventFunc)(const char *id, const char *type, const char *data,
                                gpointer user_data);
gboolean yd_rest_events(YdRest *rest, const char *last_id, YdRestEventFunc func, gpointer user_data,
                        GCancellable *cancellable, GError **error);
