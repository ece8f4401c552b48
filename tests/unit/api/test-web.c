// SPDX-License-Identifier: Apache-2.0
// The console's files over a real libsoup server on loopback.
#include "api/web.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct {
    char *folder;
    YdWeb *web;
    SoupServer *server;
    SoupSession *session;
    guint port;
} Fixture;

static void
put(const char *folder, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *parent = g_path_get_dirname(path);
    g_assert_cmpint(g_mkdir_with_parents(parent, 0755), ==, 0);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void
on_message(SoupServer *server, SoupServerMessage *msg, const char *path, GHashTable *query,
           gpointer data)
{
    yd_web_answer(((Fixture *)data)->web, msg, path);
}

static void
set_up(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    f->folder = g_dir_make_tmp("yd-web-XXXXXX", NULL);
    put(f->folder, "index.html", "<html>");
    put(f->folder, "assets/a-1.js", "plain");
    put(f->folder, "assets/a-1.js.gz", "zipped");
    put(f->folder, "assets/a-1.js.br", "brotli");
    put(f->folder, "assets/lonely.css.gz", "no plain file");
    f->web = yd_web_new(f->folder, &error);
    g_assert_no_error(error);
    f->server = soup_server_new("raw-paths", TRUE, NULL);
    soup_server_add_early_handler(f->server, NULL, on_message, f, NULL);
    g_assert_true(soup_server_listen_local(f->server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, NULL));
    GSList *uris = soup_server_get_uris(f->server);
    f->port = (guint)g_uri_get_port(uris->data);
    g_slist_free_full(uris, (GDestroyNotify)g_uri_unref);
    f->session = soup_session_new();
    soup_session_remove_feature_by_type(f->session, SOUP_TYPE_CONTENT_DECODER);
}

static void
remove_tree(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        remove_tree(child);
    }
    g_remove(path);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    soup_session_abort(f->session);
    g_clear_object(&f->session);
    // libsoup lets go of a connection when it sees that the client has closed it.
    for (guint i = 0; i < 50; i++) {
        while (g_main_context_iteration(NULL, FALSE))
            ;
        g_usleep(1000);
    }
    soup_server_disconnect(f->server);
    g_clear_object(&f->server);
    yd_web_free(f->web);
    remove_tree(f->folder);
    g_free(f->folder);
}

typedef struct {
    SoupMessage *msg;
    char *body;
    GMainLoop *loop;
} Got;

static void
on_got(GObject *source, GAsyncResult *result, gpointer data)
{
    Got *got = data;
    g_autoptr(GBytes) bytes = soup_session_send_and_read_finish(SOUP_SESSION(source), result, NULL);
    g_assert_nonnull(bytes);
    gsize size = 0;
    const char *text = g_bytes_get_data(bytes, &size);
    got->body = size > 0 ? g_strndup(text, size) : g_strdup("");
    g_main_loop_quit(got->loop);
}

static void
fetch(Fixture *f, const char *path, const char *name, const char *value, Got *got)
{
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u%s", f->port, path);
    got->msg = soup_message_new("GET", url);
    if (name)
        soup_message_headers_replace(soup_message_get_request_headers(got->msg), name, value);
    got->loop = g_main_loop_new(NULL, FALSE);
    soup_session_send_and_read_async(f->session, got->msg, G_PRIORITY_DEFAULT, NULL, on_got, got);
    g_main_loop_run(got->loop);
}

static void
got_clear(Got *got)
{
    g_clear_object(&got->msg);
    g_clear_pointer(&got->body, g_free);
    g_clear_pointer(&got->loop, g_main_loop_unref);
}

static const char *
header(const Got *got, const char *name)
{
    return soup_message_headers_get_one(soup_message_get_response_headers(got->msg), name);
}

static void
expect(Fixture *f, const char *path, const char *name, const char *value, guint status,
       const char *body)
{
    Got got = {0};
    fetch(f, path, name, value, &got);
    g_assert_cmpuint(soup_message_get_status(got.msg), ==, status);
    g_assert_cmpstr(got.body, ==, body);
    g_assert_cmpstr(header(&got, "X-Frame-Options"), ==, "DENY");
    g_assert_nonnull(strstr(header(&got, "Content-Security-Policy"), "object-src 'none'"));
    got_clear(&got);
}

static void
test_files(Fixture *f, gconstpointer data)
{
    expect(f, "/", NULL, NULL, 200, "<html>");
    expect(f, "/desktops/dsk-1", NULL, NULL, 200, "<html>"); // the page's own router
    expect(f, "/assets/a-1.js", NULL, NULL, 200, "plain");
    expect(f, "/assets/a-1.js", "Accept-Encoding", "gzip", 200, "zipped");
    expect(f, "/assets/a-1.js", "Accept-Encoding", "gzip, br", 200, "brotli");
    expect(f, "/assets/lonely.css", "Accept-Encoding", "gzip", 404, "");
    expect(f, "/assets/none", NULL, NULL, 404, "");
    expect(f, "/favicon.ico", NULL, NULL, 404, "");
}

static void
test_outside(Fixture *f, gconstpointer data)
{
    put(f->folder, "../yd-web-secret.txt", "secret");
    expect(f, "/..%2Fyd-web-secret.txt", NULL, NULL, 404, "");
    expect(f, "/assets/..%2F..%2Fetc%2Fpasswd.txt", NULL, NULL, 404, "");
    g_autofree char *secret = g_build_filename(f->folder, "../yd-web-secret.txt", NULL);
    g_remove(secret);
}

static void
test_caching(Fixture *f, gconstpointer data)
{
    Got page = {0}, asset = {0}, again = {0};
    fetch(f, "/", NULL, NULL, &page);
    g_assert_cmpstr(header(&page, "Cache-Control"), ==, "no-cache");
    fetch(f, "/assets/a-1.js", NULL, NULL, &asset);
    g_assert_nonnull(strstr(header(&asset, "Cache-Control"), "immutable"));
    fetch(f, "/", "If-None-Match", header(&page, "ETag"), &again);
    g_assert_cmpuint(soup_message_get_status(again.msg), ==, 304);
    g_assert_cmpstr(again.body, ==, "");
    got_clear(&page);
    got_clear(&asset);
    got_clear(&again);
}

static void
test_paths(void)
{
    g_assert_true(yd_web_serves("/"));
    g_assert_true(yd_web_serves("/apiary"));
    g_assert_true(yd_web_serves("/users"));
    g_assert_false(yd_web_serves("/api"));
    g_assert_false(yd_web_serves("/api/v1/me"));
    g_assert_false(yd_web_serves("/healthz"));
    g_assert_false(yd_web_serves("/metrics"));
    g_assert_false(yd_web_serves("/connect/rdp"));
}

static void
test_no_page(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("yd-web-XXXXXX", NULL);
    g_assert_null(yd_web_new(folder, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_assert_nonnull(strstr(error->message, folder));
    g_clear_error(&error);
    g_remove(folder);
    g_assert_null(yd_web_new(folder, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
}

#ifdef __SANITIZE_ADDRESS__
// Whole stacks are needed to tell libsoup's leaks (tests/lib/lsan.supp) from ours.
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
    return "fast_unwind_on_malloc=0";
}
#endif

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/web/files", Fixture, NULL, set_up, test_files, tear_down);
    g_test_add("/web/outside", Fixture, NULL, set_up, test_outside, tear_down);
    g_test_add("/web/caching", Fixture, NULL, set_up, test_caching, tear_down);
    g_test_add_func("/web/paths", test_paths);
    g_test_add_func("/web/no-page", test_no_page);
    return g_test_run();
}
