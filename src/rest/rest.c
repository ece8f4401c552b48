// SPDX-License-Identifier: Apache-2.0
// The client's requests: builds messages, repeats what is safe to repeat, reads answers. Trust in
// certificates is decided in trust.c.
#include "rest/rest.h"

#include <libsoup/soup.h>
#include <string.h>

#include "base/error.h"
#include "rest/sse.h"
#include "rest/trust.h"

#define MAX_ANSWER (64 * 1024 * 1024)
#define TRIES 3
#define API "/api/v1"

struct _YdRest {
    char *url; // without a slash at its end
    char *token;
    guint timeout;
    YdTrust *trust;
    SoupSession *session; // made at first use
    YdProblem *problem;
};

static gboolean
is_loopback(const char *host)
{
    if (g_str_equal(host, "localhost"))
        return TRUE;
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(host);
    return address && g_inet_address_get_is_loopback(address);
}

YdRest *
yd_rest_new(const char *url, GError **error)
{
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
    const char *scheme = uri ? g_uri_get_scheme(uri) : NULL;
    const char *host = uri ? g_uri_get_host(uri) : NULL;
    if (!uri || !host || !*host ||
        (!g_str_equal(scheme, "https") && !g_str_equal(scheme, "http"))) {
        yd_error_invalid(error, "url", "'%s' is not an address like https://desk.example:443", url);
        return NULL;
    }
    const char *path = g_uri_get_path(uri);
    if ((*path && !g_str_equal(path, "/")) || g_uri_get_query(uri) || g_uri_get_userinfo(uri)) {
        yd_error_invalid(error, "url", "'%s' must be only scheme, host and port", url);
        return NULL;
    }
    if (g_str_equal(scheme, "http") && !is_loopback(host)) {
        yd_error_invalid(error, "url",
                         "'%s' would send the password unencrypted; write https:// instead", url);
        return NULL;
    }
    YdRest *rest = g_new0(YdRest, 1);
    rest->url = g_strdup(url);
    if (g_str_has_suffix(rest->url, "/"))
        rest->url[strlen(rest->url) - 1] = '\0';
    rest->timeout = 30;
    rest->trust = yd_trust_new();
    return rest;
}

YdRest *
yd_rest_copy(const YdRest *rest)
{
    YdRest *copy = g_new0(YdRest, 1);
    copy->url = g_strdup(rest->url);
    copy->token = g_strdup(rest->token);
    copy->timeout = rest->timeout;
    copy->trust = yd_trust_copy(rest->trust);
    return copy;
}

void
yd_rest_free(YdRest *rest)
{
    if (!rest)
        return;
    g_clear_object(&rest->session);
    yd_trust_free(rest->trust);
    yd_problem_free(rest->problem);
    g_free(rest->token);
    g_free(rest->url);
    g_free(rest);
}

gboolean
yd_rest_set_ca(YdRest *rest, const char *file, GError **error)
{
    g_clear_object(&rest->session);
    return yd_trust_set_ca(rest->trust, file, error);
}

gboolean
yd_rest_set_fingerprint(YdRest *rest, const char *hex, GError **error)
{
    g_clear_object(&rest->session);
    return yd_trust_set_fingerprint(rest->trust, hex, error);
}

void
yd_rest_set_token(YdRest *rest, const char *token)
{
    g_free(rest->token);
    rest->token = g_strdup(token);
}

void
yd_rest_set_timeout(YdRest *rest, guint seconds)
{
    rest->timeout = seconds;
    g_clear_object(&rest->session);
}

const char *
yd_rest_url(const YdRest *rest)
{
    return rest->url;
}

const char *
yd_rest_refused(const YdRest *rest, const char **ret_why)
{
    return yd_trust_refused(rest->trust, ret_why);
}

const YdProblem *
yd_rest_problem(const YdRest *rest)
{
    return rest->problem;
}

void
yd_rest_answer_clear(YdRestAnswer *answer)
{
    json_decref(answer->json);
    g_clear_pointer(&answer->bytes, g_bytes_unref);
    g_clear_pointer(&answer->type, g_free);
    answer->json = NULL;
}

static SoupSession *
session(YdRest *rest)
{
    if (rest->session)
        return rest->session;
    rest->session = soup_session_new_with_options("timeout", rest->timeout, "user-agent",
                                                  "yundesk/" YD_VERSION, NULL);
    GTlsDatabase *database = yd_trust_database(rest->trust);
    if (database)
        soup_session_set_tls_database(rest->session, database);
    return rest->session;
}

// What a failed exchange means, in one place. Consumes cause.
static void
translate(YdRest *rest, GError *cause, GError **error)
{
    g_autoptr(GError) owned = cause;
    const char *why = NULL;
    const char *seen = yd_trust_refused(rest->trust, &why);
    if (seen) {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                    "the certificate of %s is not trusted: %s (its SHA-256 fingerprint is %s)",
                    rest->url, why, seen);
    } else if (g_error_matches(cause, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)) {
        g_set_error(error, YD_ERROR, YD_ERROR_TIMEOUT, "%s did not answer within %u seconds",
                    rest->url, rest->timeout);
    } else if (g_error_matches(cause, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        g_set_error_literal(error, YD_ERROR, YD_ERROR_CANCELLED, "cancelled");
    } else if (cause->domain == YD_ERROR) {
        g_propagate_error(error, g_steal_pointer(&owned));
    } else {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "%s can't be reached: %s", rest->url,
                    cause->message);
    }
}

static gboolean
on_certificate(SoupMessage *message, GTlsCertificate *certificate, GTlsCertificateFlags flags,
               gpointer user_data)
{
    YdRest *rest = user_data;
    return yd_trust_judge(rest->trust, certificate, flags);
}

typedef struct {
    const YdRestRequest *request;
    goffset sent;
} Upload;

static void
on_wrote(SoupMessage *message, guint chunk, gpointer user_data)
{
    Upload *upload = user_data;
    upload->sent += chunk;
    upload->request->progress(upload->sent, upload->request->length, upload->request->user_data);
}

static SoupMessage *
make_message(YdRest *rest, const YdRestRequest *request, const char *key, GError **error)
{
    gboolean outside = g_str_has_prefix(request->path, "//");
    g_autofree char *url =
        g_strconcat(rest->url, outside ? "" : API, request->path + (outside ? 1 : 0), NULL);
    SoupMessage *message = soup_message_new(request->method, url);
    if (!message) {
        yd_error_invalid(error, "url", "'%s' can't be asked for", url);
        return NULL;
    }
    soup_message_add_flags(message, SOUP_MESSAGE_NO_REDIRECT);
    g_signal_connect(message, "accept-certificate", G_CALLBACK(on_certificate), rest);
    SoupMessageHeaders *headers = soup_message_get_request_headers(message);
    if (rest->token) {
        g_autofree char *bearer = g_strconcat("Bearer ", rest->token, NULL);
        soup_message_headers_replace(headers, "Authorization", bearer);
    }
    if (key)
        soup_message_headers_replace(headers, "Idempotency-Key", key);
    if (request->if_match) {
        g_autofree char *tag = g_strdup_printf("\"%s\"", request->if_match);
        soup_message_headers_replace(headers, "If-Match", tag);
    }
    if (request->body) {
        char *text = json_dumps(request->body, JSON_COMPACT | JSON_ENCODE_ANY);
        g_autoptr(GBytes) bytes = g_bytes_new_with_free_func(text, strlen(text), free, text);
        soup_message_set_request_body_from_bytes(message, "application/json", bytes);
    } else if (request->bytes) {
        soup_message_set_request_body_from_bytes(message, request->type, request->bytes);
    } else if (request->stream) {
        soup_message_set_request_body(message, request->type, request->stream, request->length);
    }
    return message;
}

static GBytes *
read_all(GInputStream *stream, gsize most, GError **error)
{
    g_autoptr(GByteArray) all = g_byte_array_new();
    guint8 buffer[32768];
    for (;;) {
        gssize n = g_input_stream_read(stream, buffer, sizeof buffer, NULL, error);
        if (n < 0)
            return NULL;
        if (n == 0)
            return g_byte_array_free_to_bytes(g_steal_pointer(&all));
        if (all->len + (gsize)n > most) {
            g_set_error(error, YD_ERROR, YD_ERROR_TOO_LARGE,
                        "the server's answer is larger than %d MiB", (int)(most >> 20));
            return NULL;
        }
        g_byte_array_append(all, buffer, (guint)n);
    }
}

// One exchange. Returns FALSE with the transport's own error.
static gboolean
exchange(YdRest *rest, const YdRestRequest *request, const char *key, YdRestAnswer *ret,
         GError **error)
{
    g_autoptr(SoupMessage) message = make_message(rest, request, key, error);
    if (!message)
        return FALSE;
    Upload upload = {request, 0};
    if (request->progress)
        g_signal_connect(message, "wrote-body-data", G_CALLBACK(on_wrote), &upload);
    g_autoptr(GInputStream) stream = soup_session_send(session(rest), message, NULL, error);
    if (!stream)
        return FALSE;
    g_autoptr(GBytes) bytes = read_all(stream, request->most ? request->most : MAX_ANSWER, error);
    if (!bytes)
        return FALSE;
    ret->status = soup_message_get_status(message);
    SoupMessageHeaders *headers = soup_message_get_response_headers(message);
    ret->type = g_strdup(soup_message_headers_get_content_type(headers, NULL));
    ret->bytes = g_steal_pointer(&bytes);
    return TRUE;
}

static gboolean
is_json(const char *type)
{
    return type && (g_ascii_strcasecmp(type, "application/json") == 0 ||
                    g_ascii_strcasecmp(type, "application/problem+json") == 0);
}

// Parses the body and turns a refusal into an error.
static gboolean
digest(YdRest *rest, YdRestAnswer *answer, GError **error)
{
    gsize n;
    const char *data = g_bytes_get_data(answer->bytes, &n);
    json_error_t why = {0};
    if (is_json(answer->type) && n > 0) {
        answer->json = json_loadb(data, n, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why);
        if (!answer->json && answer->status < 300) {
            g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL,
                        "the server's answer is not JSON (%s): is %s a Yundesk server?", why.text,
                        rest->url);
            return FALSE;
        }
    }
    if (answer->status >= 200 && answer->status < 300)
        return TRUE;
    rest->problem = yd_problem_parse(answer->status, answer->json);
    yd_problem_to_error(rest->problem, error);
    return FALSE;
}

// Whether asking again can help and can't harm.
static gboolean
may_repeat(const YdRestRequest *request, const GError *cause)
{
    if (request->stream ||
        (!g_str_equal(request->method, "GET") && !g_str_equal(request->method, "POST")))
        return FALSE;
    return cause->domain == G_IO_ERROR && cause->code != G_IO_ERROR_TIMED_OUT &&
           cause->code != G_IO_ERROR_CANCELLED;
}

gboolean
yd_rest_send(YdRest *rest, const YdRestRequest *request, YdRestAnswer *ret_answer, GError **error)
{
    g_auto(YdRestAnswer) answer = {0};
    g_autofree char *key = g_str_equal(request->method, "POST") ? g_uuid_string_random() : NULL;
    g_clear_pointer(&rest->problem, yd_problem_free);
    for (guint try = 1;; try++) {
        g_autoptr(GError) cause = NULL;
        yd_trust_forget(rest->trust);
        if (exchange(rest, request, key, &answer, &cause))
            break;
        if (try == TRIES || !may_repeat(request, cause)) {
            translate(rest, g_steal_pointer(&cause), error);
            return FALSE;
        }
        g_usleep(200 * 1000 * try);
    }
    if (!digest(rest, &answer, error))
        return FALSE;
    if (ret_answer) {
        *ret_answer = answer;
        answer = (YdRestAnswer){0};
    }
    return TRUE;
}

static json_t *
send_json(YdRest *rest, const YdRestRequest *request, GError **error)
{
    g_auto(YdRestAnswer) answer = {0};
    if (!yd_rest_send(rest, request, &answer, error))
        return NULL;
    if (answer.json)
        return json_incref(answer.json);
    if (g_bytes_get_size(answer.bytes) == 0)
        return json_null();
    g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL,
                "the server answered with %s where JSON was due: is %s a Yundesk server?",
                answer.type ? answer.type : "no type", rest->url);
    return NULL;
}

json_t *
yd_rest_get(YdRest *rest, const char *path, GError **error)
{
    return send_json(rest, &(YdRestRequest){.method = "GET", .path = path}, error);
}

json_t *
yd_rest_post(YdRest *rest, const char *path, const json_t *body, GError **error)
{
    return send_json(rest, &(YdRestRequest){.method = "POST", .path = path, .body = body}, error);
}

static gboolean
pump(GInputStream *stream, YdSse *sse, GCancellable *cancellable, GError **error)
{
    char buffer[4096];
    gssize n;
    while ((n = g_input_stream_read(stream, buffer, sizeof buffer, cancellable, error)) > 0) {
        if (!yd_sse_feed(sse, buffer, (gsize)n, error))
            return FALSE;
    }
    return n == 0;
}

static gboolean
read_events(YdRest *rest, SoupMessage *message, YdSse *sse, GCancellable *cancellable,
            GError **error)
{
    g_autoptr(GInputStream) stream = soup_session_send(session(rest), message, cancellable, error);
    if (!stream)
        return FALSE;
    guint status = soup_message_get_status(message);
    if (status == 200)
        return pump(stream, sse, cancellable, error);
    g_autoptr(GBytes) bytes = read_all(stream, MAX_ANSWER, error);
    if (!bytes)
        return FALSE;
    json_auto_t *body = json_loadb(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), 0, NULL);
    rest->problem = yd_problem_parse(status, body);
    yd_problem_to_error(rest->problem, error);
    return FALSE;
}

gboolean
yd_rest_events(YdRest *rest, const char *last_id, YdRestEventFunc func, gpointer user_data,
               GCancellable *cancellable, GError **error)
{
    YdRestRequest request = {.method = "GET", .path = "/events"};
    g_clear_pointer(&rest->problem, yd_problem_free);
    yd_trust_forget(rest->trust);
    g_autoptr(SoupMessage) message = make_message(rest, &request, NULL, error);
    if (!message)
        return FALSE;
    SoupMessageHeaders *headers = soup_message_get_request_headers(message);
    soup_message_headers_replace(headers, "Accept", "text/event-stream");
    if (last_id && *last_id)
        soup_message_headers_replace(headers, "Last-Event-ID", last_id);
    g_autoptr(YdSse) sse = yd_sse_new(func, user_data);
    g_autoptr(GError) cause = NULL;
    if (read_events(rest, message, sse, cancellable, &cause) ||
        g_cancellable_is_cancelled(cancellable))
        return TRUE;
    translate(rest, g_steal_pointer(&cause), error);
    return FALSE;
}
