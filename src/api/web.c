// SPDX-License-Identifier: Apache-2.0
// Serves the console's files out of memory, compressed as the browser takes it.
#include "api/web.h"

#include <string.h>

#define MAX_ALL (64 * 1024 * 1024) // bytes of all files together
#define MAX_DEPTH 4                // of folders
#define PAGE "/index.html"
#define ASSETS "/assets/" // names with a hash: their content never changes

typedef struct {
    GBytes *plain, *gzip, *brotli;
    const char *type;
    char *etag;
} File;

struct _YdWeb {
    GHashTable *files; // "/assets/x.js" → File
    gsize bytes;
};

// The page may load and talk to nothing but its own origin; wasm is compiled by the viewers.
static const char policy[] =
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

static const struct {
    const char *suffix, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".woff2", "font/woff2"},
    {".wasm", "application/wasm"},
    {".json", "application/json"},
    {".txt", "text/plain; charset=utf-8"},
};

static const char *
type_of(const char *path)
{
    for (guint i = 0; i < G_N_ELEMENTS(types); i++)
        if (g_str_has_suffix(path, types[i].suffix))
            return types[i].type;
    return "application/octet-stream";
}

static void
file_free(gpointer data)
{
    File *file = data;
    g_clear_pointer(&file->plain, g_bytes_unref);
    g_clear_pointer(&file->gzip, g_bytes_unref);
    g_clear_pointer(&file->brotli, g_bytes_unref);
    g_free(file->etag);
    g_free(file);
}

static File *
file_at(YdWeb *web, const char *path)
{
    File *file = g_hash_table_lookup(web->files, path);
    if (!file) {
        file = g_new0(File, 1);
        file->type = type_of(path);
        g_hash_table_insert(web->files, g_strdup(path), file);
    }
    return file;
}

static void
file_add(YdWeb *web, const char *path, GBytes *bytes)
{
    g_autofree char *name = g_strdup(path);
    gboolean gzip = g_str_has_suffix(path, ".gz"), brotli = g_str_has_suffix(path, ".br");
    if (gzip || brotli)
        name[strlen(name) - strlen(".gz")] = '\0';
    File *file = file_at(web, name);
    if (gzip) {
        file->gzip = g_bytes_ref(bytes);
    } else if (brotli) {
        file->brotli = g_bytes_ref(bytes);
    } else {
        g_autofree char *sum = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, bytes);
        file->plain = g_bytes_ref(bytes);
        file->etag = g_strdup_printf("\"%.20s\"", sum);
    }
}

static gboolean
read_file(YdWeb *web, const char *full, const char *path, GError **error)
{
    g_autoptr(GError) problem = NULL;
    char *data = NULL;
    gsize size = 0;
    if (!g_file_get_contents(full, &data, &size, &problem)) {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "The console's file %s: %s", full,
                    problem->message);
        return FALSE;
    }
    g_autoptr(GBytes) bytes = g_bytes_new_take(data, size);
    web->bytes += size;
    if (web->bytes > MAX_ALL) {
        g_set_error(error, YD_ERROR, YD_ERROR_LIMIT,
                    "The console's files are more than %d MiB; is [deskd] web= the folder that "
                    "web/ is built to?",
                    MAX_ALL >> 20);
        return FALSE;
    }
    file_add(web, path, bytes);
    return TRUE;
}

static gboolean
read_folder(YdWeb *web, const char *folder, const char *prefix, guint depth, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, &problem);
    if (!dir) {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                    "The console's folder %s: %s; build it with ./run or set [deskd] web=.", folder,
                    problem->message);
        return FALSE;
    }
    const char *name;
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *full = g_build_filename(folder, name, NULL);
        g_autofree char *path = g_strconcat(prefix, "/", name, NULL);
        gboolean good = TRUE;
        if (g_file_test(full, G_FILE_TEST_IS_DIR))
            good = depth == 0 || read_folder(web, full, path, depth - 1, error);
        else
            good = read_file(web, full, path, error);
        if (!good)
            return FALSE;
    }
    return TRUE;
}

// A compressed form without its file serves nobody.
static gboolean
is_incomplete(gpointer path, gpointer file, gpointer data)
{
    return ((File *)file)->plain == NULL;
}

YdWeb *
yd_web_new(const char *folder, GError **error)
{
    g_autoptr(YdWeb) web = g_new0(YdWeb, 1);
    web->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, file_free);
    if (!read_folder(web, folder, "", MAX_DEPTH, error))
        return NULL;
    g_hash_table_foreach_remove(web->files, is_incomplete, NULL);
    if (!g_hash_table_contains(web->files, PAGE)) {
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND,
                    "There is no index.html in %s; build the console with ./run or set [deskd] "
                    "web=.",
                    folder);
        return NULL;
    }
    return g_steal_pointer(&web);
}

void
yd_web_free(YdWeb *web)
{
    if (!web)
        return;
    g_hash_table_unref(web->files);
    g_free(web);
}

gboolean
yd_web_serves(const char *path)
{
    static const char *const api[] = {"/api", "/healthz", "/readyz", "/metrics", "/connect"};
    for (guint i = 0; i < G_N_ELEMENTS(api); i++) {
        gsize length = strlen(api[i]);
        if (strncmp(path, api[i], length) == 0 && (path[length] == '\0' || path[length] == '/'))
            return FALSE;
    }
    return TRUE;
}

// The page for a path that only the page's own router knows.
static const File *
find(const YdWeb *web, const char *path)
{
    const File *file = g_hash_table_lookup(web->files, path);
    const char *last = strrchr(path, '/');
    if (!file && last && !strchr(last, '.') && !g_str_has_prefix(path, ASSETS))
        file = g_hash_table_lookup(web->files, PAGE);
    return file;
}

static gboolean
takes(SoupMessageHeaders *headers, const char *coding)
{
    const char *list = soup_message_headers_get_list(headers, "Accept-Encoding");
    return list && soup_header_contains(list, coding);
}

static GBytes *
choose(const File *file, SoupMessageHeaders *asked, const char **ret_coding)
{
    if (file->brotli && takes(asked, "br")) {
        *ret_coding = "br";
        return file->brotli;
    }
    if (file->gzip && takes(asked, "gzip")) {
        *ret_coding = "gzip";
        return file->gzip;
    }
    return file->plain;
}

static void
add_headers(SoupMessageHeaders *headers, const char *path)
{
    gboolean hashed = g_str_has_prefix(path, ASSETS);
    soup_message_headers_replace(headers, "Cache-Control",
                                 hashed ? "public, max-age=31536000, immutable" : "no-cache");
    soup_message_headers_replace(headers, "Content-Security-Policy", policy);
    soup_message_headers_replace(headers, "X-Content-Type-Options", "nosniff");
    soup_message_headers_replace(headers, "X-Frame-Options", "DENY");
    soup_message_headers_replace(headers, "Referrer-Policy", "no-referrer");
    soup_message_headers_replace(headers, "Cross-Origin-Resource-Policy", "same-origin");
    soup_message_headers_replace(headers, "Cross-Origin-Opener-Policy", "same-origin");
    soup_message_headers_replace(headers, "Strict-Transport-Security", "max-age=31536000");
    soup_message_headers_replace(headers, "Permissions-Policy",
                                 "clipboard-read=(self), clipboard-write=(self), camera=(), "
                                 "microphone=(), geolocation=()");
}

void
yd_web_answer(const YdWeb *web, SoupServerMessage *msg, const char *path)
{
    SoupMessageHeaders *asked = soup_server_message_get_request_headers(msg);
    SoupMessageHeaders *headers = soup_server_message_get_response_headers(msg);
    const File *file = find(web, strcmp(path, "/") == 0 ? PAGE : path);
    add_headers(headers, path);
    if (!file) {
        soup_message_headers_replace(headers, "Cache-Control", "no-store");
        soup_server_message_set_status(msg, SOUP_STATUS_NOT_FOUND, NULL);
        return;
    }
    soup_message_headers_replace(headers, "ETag", file->etag);
    soup_message_headers_replace(headers, "Vary", "Accept-Encoding");
    const char *known = soup_message_headers_get_one(asked, "If-None-Match");
    if (known && strstr(known, file->etag)) {
        soup_server_message_set_status(msg, SOUP_STATUS_NOT_MODIFIED, NULL);
        return;
    }
    const char *coding = NULL;
    GBytes *bytes = choose(file, asked, &coding);
    if (coding)
        soup_message_headers_replace(headers, "Content-Encoding", coding);
    soup_message_headers_replace(headers, "Content-Type", file->type);
    soup_message_body_append_bytes(soup_server_message_get_response_body(msg), bytes);
    soup_server_message_set_status(msg, SOUP_STATUS_OK, NULL);
}
