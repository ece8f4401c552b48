// SPDX-License-Identifier: Apache-2.0
// SoupServer on a thread; the tables are guarded by one lock.
#include "fake-server.h"

#include <glib/gstdio.h>
#include <libsoup/soup.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define DRAIN_ROUNDS 50

typedef struct {
    guint status;
    char *type, *body;
} Answer;

struct _FakeServer {
    GMutex lock;
    GHashTable *answers; // "GET /path" -> GQueue of Answer
    GPtrArray *requests;
    GMainContext *context;
    GMainLoop *loop;
    GThread *thread;
    SoupServer *soup;
    char *url, *ca;
};

static void
answer_free(gpointer data)
{
    Answer *answer = data;
    g_free(answer->type);
    g_free(answer->body);
    g_free(answer);
}

static void
queue_free(gpointer data)
{
    g_queue_free_full(data, answer_free);
}

static void
request_free(gpointer data)
{
    FakeRequest *request = data;
    g_free(request->method);
    g_free(request->path);
    g_free(request->query);
    g_free(request->body);
    g_free(request->token);
    g_free(request->key);
    g_free(request->if_match);
    g_free(request);
}

static void
keep(FakeServer *server, SoupServerMessage *message, const char *path)
{
    SoupMessageHeaders *headers = soup_server_message_get_request_headers(message);
    SoupMessageBody *body = soup_server_message_get_request_body(message);
    g_autoptr(GBytes) bytes = soup_message_body_flatten(body);
    FakeRequest *request = g_new0(FakeRequest, 1);
    request->method = g_strdup(soup_server_message_get_method(message));
    request->path = g_strdup(path);
    request->query = g_strdup(g_uri_get_query(soup_server_message_get_uri(message)));
    request->body = g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    request->token = g_strdup(soup_message_headers_get_one(headers, "Authorization"));
    request->key = g_strdup(soup_message_headers_get_one(headers, "Idempotency-Key"));
    request->if_match = g_strdup(soup_message_headers_get_one(headers, "If-Match"));
    g_ptr_array_add(server->requests, request);
}

static void
on_request(SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query,
           gpointer user_data)
{
    FakeServer *server = user_data;
    g_autofree char *name = g_strdup_printf("%s %s", soup_server_message_get_method(message), path);
    g_mutex_lock(&server->lock);
    keep(server, message, path);
    GQueue *queue = g_hash_table_lookup(server->answers, name);
    Answer *answer = queue ? g_queue_peek_head(queue) : NULL;
    if (!answer) {
        const char *text = "{\"status\":404,\"code\":\"not-found\",\"detail\":\"no such path\"}";
        soup_server_message_set_status(message, 404, NULL);
        soup_server_message_set_response(message, "application/problem+json", SOUP_MEMORY_COPY,
                                         text, strlen(text));
    } else if (answer->status == 0) {
        g_autoptr(GIOStream) stream = soup_server_message_steal_connection(message);
        g_io_stream_close(stream, NULL, NULL);
    } else {
        soup_server_message_set_status(message, answer->status, NULL);
        if (answer->body)
            soup_server_message_set_response(message, answer->type, SOUP_MEMORY_COPY, answer->body,
                                             strlen(answer->body));
    }
    if (queue && g_queue_get_length(queue) > 1)
        answer_free(g_queue_pop_head(queue));
    g_mutex_unlock(&server->lock);
}

// A self-signed certificate for 127.0.0.1 with its key in one PEM file.
static char *
make_certificate(void)
{
    g_autoptr(GError) error = NULL;
    char *file = NULL;
    int fd = g_file_open_tmp("fake-server-XXXXXX.pem", &file, &error);
    g_assert_no_error(error);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const guint8 *)"127.0.0.1", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *names =
        X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(certificate, key, EVP_sha256());
    FILE *out = fdopen(fd, "w");
    PEM_write_X509(out, certificate);
    PEM_write_PKCS8PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
    fclose(out);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return file;
}

static gpointer
serve(gpointer user_data)
{
    FakeServer *server = user_data;
    g_main_context_push_thread_default(server->context);
    g_main_loop_run(server->loop);
    g_main_context_pop_thread_default(server->context);
    return NULL;
}

FakeServer *
fake_server_new(gboolean tls)
{
    g_autoptr(GError) error = NULL;
    FakeServer *server = g_new0(FakeServer, 1);
    g_mutex_init(&server->lock);
    server->answers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, queue_free);
    server->requests = g_ptr_array_new_with_free_func(request_free);
    server->context = g_main_context_new();
    server->loop = g_main_loop_new(server->context, FALSE);
    g_main_context_push_thread_default(server->context);
    server->soup = soup_server_new(NULL, NULL);
    if (tls) {
        server->ca = make_certificate();
        g_autoptr(GTlsCertificate) own = g_tls_certificate_new_from_file(server->ca, &error);
        g_assert_no_error(error);
        soup_server_set_tls_certificate(server->soup, own);
    }
    soup_server_add_handler(server->soup, NULL, on_request, server, NULL);
    soup_server_listen_local(server->soup, 0,
                             SOUP_SERVER_LISTEN_IPV4_ONLY | (tls ? SOUP_SERVER_LISTEN_HTTPS : 0),
                             &error);
    g_assert_no_error(error);
    g_main_context_pop_thread_default(server->context);
    GSList *uris = soup_server_get_uris(server->soup);
    server->url =
        g_strdup_printf("%s://127.0.0.1:%d", tls ? "https" : "http", g_uri_get_port(uris->data));
    g_slist_free_full(uris, (GDestroyNotify)g_uri_unref);
    server->thread = g_thread_new("fake-server", serve, server);
    return server;
}

static gboolean
quit(gpointer user_data)
{
    FakeServer *server = user_data;
    soup_server_disconnect(server->soup);
    g_main_loop_quit(server->loop);
    return G_SOURCE_REMOVE;
}

void
fake_server_free(FakeServer *server)
{
    g_main_context_invoke(server->context, quit, server);
    g_thread_join(server->thread);
    // libsoup lets go of a connection when it sees that the client has closed it.
    for (guint i = 0; i < DRAIN_ROUNDS; i++) {
        while (g_main_context_iteration(NULL, FALSE) ||
               g_main_context_iteration(server->context, FALSE))
            ;
        g_usleep(1000);
    }
    g_object_unref(server->soup);
    while (g_main_context_iteration(server->context, FALSE))
        ;
    g_main_loop_unref(server->loop);
    g_main_context_unref(server->context);
    g_hash_table_unref(server->answers);
    g_ptr_array_unref(server->requests);
    g_mutex_clear(&server->lock);
    if (server->ca)
        g_unlink(server->ca);
    g_free(server->ca);
    g_free(server->url);
    g_free(server);
}

const char *
fake_server_url(FakeServer *server)
{
    return server->url;
}

const char *
fake_server_ca(FakeServer *server)
{
    return server->ca;
}

void
fake_server_answer(FakeServer *server, const char *method, const char *path, guint status,
                   const char *type, const char *body)
{
    g_autofree char *name = g_strdup_printf("%s %s", method, path);
    Answer *answer = g_new0(Answer, 1);
    answer->status = status;
    answer->type = g_strdup(type ? type : "application/json");
    answer->body = g_strdup(body);
    g_mutex_lock(&server->lock);
    GQueue *queue = g_hash_table_lookup(server->answers, name);
    if (!queue) {
        queue = g_queue_new();
        g_hash_table_insert(server->answers, g_steal_pointer(&name), queue);
    }
    g_queue_push_tail(queue, answer);
    g_mutex_unlock(&server->lock);
}

guint
fake_server_count(FakeServer *server)
{
    g_mutex_lock(&server->lock);
    guint n = server->requests->len;
    g_mutex_unlock(&server->lock);
    return n;
}

const FakeRequest *
fake_server_request(FakeServer *server, guint n)
{
    g_mutex_lock(&server->lock);
    g_assert_cmpuint(n, <, server->requests->len);
    const FakeRequest *request = g_ptr_array_index(server->requests, n);
    g_mutex_unlock(&server->lock);
    return request;
}

#ifdef __SANITIZE_ADDRESS__
// GCC 12's sanitizer misjudges where glibc keeps the thread-local storage of modules that are
// loaded later (GIO's TLS backend), and LeakSanitizer then reads at addresses that are none.
// Whole stacks are needed to tell libsoup's leaks (tests/lib/lsan.supp) from ours. Defaults only:
// ASAN_OPTIONS counts more.
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
    return "intercept_tls_get_addr=0:fast_unwind_on_malloc=0";
}
#endif
