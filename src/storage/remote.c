// SPDX-License-Identifier: Apache-2.0
// Storage over deskhost's socket: one connection for each request, JSON lines. The protocol is
// described in docs/internals/hypervisor.md.
#include "storage/family.h"
#include "base/json-util.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MAX_BYTES (4 * 1024 * 1024) // a list of many images
#define SILENCE_SECONDS 120              // deskhost says something at least once a second

typedef struct {
    YdStorage parent;
    char *socket_path;
    GMutex lock;
    char *directory; // under lock; NULL: not asked yet
} RemoteStorage;

static gboolean
unreachable(RemoteStorage *remote, const char *why, GError **error)
{
    g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                "deskhost does not answer at '%s' (%s); check that it runs", remote->socket_path,
                why);
    return FALSE;
}

static int
connect_to(RemoteStorage *remote, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval silence = {.tv_sec = SILENCE_SECONDS};
    if (strlen(remote->socket_path) >= sizeof address.sun_path) {
        unreachable(remote, "the path is too long", error);
        return -1;
    }
    strcpy(address.sun_path, remote->socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        unreachable(remote, g_strerror(errno), error);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof silence);
    return fd;
}

static gboolean
send_line(RemoteStorage *remote, int fd, const json_t *request, GError **error)
{
    g_autofree char *text = yd_json_text(request);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    gsize length = strlen(line);
    for (gsize sent = 0; sent < length;) {
        ssize_t n = send(fd, line + sent, length - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return unreachable(remote, g_strerror(errno), error);
        sent += (gsize)n;
    }
    return TRUE;
}

// Reads one line into *line (without its end), keeping what follows in buffer.
static gboolean
read_line(RemoteStorage *remote, int fd, GString *buffer, char **ret_line, GError **error)
{
    char chunk[4096];
    for (;;) {
        char *end = memchr(buffer->str, '\n', buffer->len);
        if (end) {
            *ret_line = g_strndup(buffer->str, (gsize)(end - buffer->str));
            g_string_erase(buffer, 0, end - buffer->str + 1);
            return TRUE;
        }
        ssize_t n = recv(fd, chunk, sizeof chunk, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return unreachable(remote, n == 0 ? "it hung up" : g_strerror(errno), error);
        if (buffer->len + (gsize)n > LINE_MAX_BYTES)
            return unreachable(remote, "its answer is too long", error);
        g_string_append_len(buffer, chunk, n);
    }
}

static gboolean
refused(RemoteStorage *remote, const json_t *answer, GError **error)
{
    YdErrorCode code = YD_ERROR_INTERNAL;
    const char *name = json_string_value(json_object_get(answer, "code"));
    const char *message = json_string_value(json_object_get(answer, "message"));
    if (name)
        yd_error_code_from_name(name, &code);
    g_set_error(error, YD_ERROR, code, "%s", message ? message : "deskhost gave no reason");
    return FALSE;
}

static gboolean
take_data(const json_t *text, YdPointSink sink, gpointer data, GError **error)
{
    gsize n = 0;
    g_autofree guchar *bytes = g_base64_decode(json_string_value(text), &n);
    return sink(data, bytes, n, error);
}

// Reads until the final answer. Bytes of files go to the sink (NULL: none are wanted), progress
// lines to the callback, whose FALSE half-closes the connection: deskhost then cancels and cleans
// up before it answers.
static json_t *
await(RemoteStorage *remote, int fd, YdPointSink sink, YdProgress progress, gpointer data,
      GError **error)
{
    g_autoptr(GString) buffer = g_string_new(NULL);
    for (;;) {
        g_autofree char *line = NULL;
        if (!read_line(remote, fd, buffer, &line, error))
            return NULL;
        g_autoptr(json_t) answer = yd_json_parse_object(line, error);
        if (!answer)
            return NULL;
        const json_t *bytes = json_object_get(answer, "data");
        if (sink && json_is_string(bytes)) {
            if (!take_data(bytes, sink, data, error))
                return NULL;
            continue;
        }
        const json_t *percent = json_object_get(answer, "progress");
        if (!percent) {
            if (json_is_true(json_object_get(answer, "ok")))
                return g_steal_pointer(&answer);
            refused(remote, answer, error);
            return NULL;
        }
        if (progress && !progress(json_number_value(percent), data)) {
            shutdown(fd, SHUT_WR);
            progress = NULL;
        }
    }
}

// Takes request.
static json_t *
call(YdStorage *storage, json_t *request, YdProgress progress, gpointer data, GError **error)
{
    RemoteStorage *remote = (RemoteStorage *)storage;
    json_t *answer = NULL;
    if (!request) {
        yd_error_invalid(error, "path", "is not UTF-8");
        return NULL;
    }
    int fd = connect_to(remote, error);
    if (fd >= 0 && send_line(remote, fd, request, error))
        answer = await(remote, fd, NULL, progress, data, error);
    if (fd >= 0)
        close(fd);
    json_decref(request);
    return answer;
}

static gboolean
call_simple(YdStorage *storage, json_t *request, GError **error)
{
    g_autoptr(json_t) answer = call(storage, request, NULL, NULL, error);
    return answer != NULL;
}

static YdImageInfo *
call_info(YdStorage *storage, json_t *request, YdProgress progress, gpointer data, GError **error)
{
    g_autoptr(json_t) answer = call(storage, request, progress, data, error);
    if (!answer)
        return NULL;
    const json_t *from = json_object_get(answer, "info");
    YdImageInfo *info = g_new0(YdImageInfo, 1);
    info->format = g_strdup(json_string_value(json_object_get(from, "format")));
    info->virtual_bytes = json_integer_value(json_object_get(from, "virtual_bytes"));
    info->size_bytes = json_integer_value(json_object_get(from, "size_bytes"));
    info->backing = g_strdup(json_string_value(json_object_get(from, "backing")));
    info->checksum = g_strdup(json_string_value(json_object_get(from, "checksum")));
    return info;
}

static char *
remote_path(YdStorage *storage, const char *image)
{
    RemoteStorage *remote = (RemoteStorage *)storage;
    g_mutex_lock(&remote->lock);
    char *directory = g_strdup(remote->directory);
    g_mutex_unlock(&remote->lock);
    if (!directory) {
        g_autoptr(json_t) answer =
            call(storage, json_pack("{s:s}", "verb", "directory"), NULL, NULL, NULL);
        directory = g_strdup(json_string_value(json_object_get(answer, "directory")));
        g_mutex_lock(&remote->lock);
        if (!remote->directory)
            remote->directory = g_strdup(directory);
        g_mutex_unlock(&remote->lock);
    }
    char *path = directory ? g_build_filename(directory, image, NULL) : NULL;
    g_free(directory);
    return path;
}

static YdImageInfo *
remote_inspect(YdStorage *storage, const char *path, GError **error)
{
    json_t *request = json_pack("{s:s, s:s?}", "verb", "inspect", "path", path);
    return call_info(storage, request, NULL, NULL, error);
}

static YdImageInfo *
remote_import(YdStorage *storage, const char *source, const char *image, YdProgress progress,
              gpointer data, GError **error)
{
    json_t *request =
        json_pack("{s:s, s:s?, s:s}", "verb", "import", "path", source, "image", image);
    return call_info(storage, request, progress, data, error);
}

static gboolean
remote_derive(YdStorage *storage, const char *base, const char *image, gint64 bytes, GError **error)
{
    return call_simple(storage,
                       json_pack("{s:s, s:s*, s:s, s:I}", "verb", "derive", "base", base, "image",
                                 image, "bytes", (json_int_t)bytes),
                       error);
}

static gboolean
remote_seal(YdStorage *storage, const char *image, const char *base, const char *sealed,
            GError **error)
{
    return call_simple(storage,
                       json_pack("{s:s, s:s, s:s*, s:s}", "verb", "seal", "image", image, "base",
                                 base, "sealed", sealed),
                       error);
}

static YdImageInfo *
remote_flatten(YdStorage *storage, const char *image, const char *flat, YdProgress progress,
               gpointer data, GError **error)
{
    json_t *request = json_pack("{s:s, s:s, s:s}", "verb", "flatten", "image", image, "flat", flat);
    return call_info(storage, request, progress, data, error);
}

static YdImageFacts *
facts_from(const json_t *from)
{
    YdImageFacts *facts = g_new0(YdImageFacts, 1);
    facts->image = g_strdup(json_string_value(json_object_get(from, "image")));
    facts->base = g_strdup(json_string_value(json_object_get(from, "base")));
    facts->size_bytes = json_integer_value(json_object_get(from, "size_bytes"));
    facts->allocated_bytes = json_integer_value(json_object_get(from, "allocated_bytes"));
    facts->virtual_bytes = json_integer_value(json_object_get(from, "virtual_bytes"));
    facts->mtime = json_integer_value(json_object_get(from, "mtime"));
    facts->sealed = json_is_true(json_object_get(from, "sealed"));
    facts->header = g_strdup(json_string_value(json_object_get(from, "header")));
    facts->damage = g_strdup(json_string_value(json_object_get(from, "damage")));
    return facts;
}

// Takes request.
static GPtrArray *
call_facts(YdStorage *storage, json_t *request, GError **error)
{
    g_autoptr(json_t) answer = call(storage, request, NULL, NULL, error);
    if (!answer)
        return NULL;
    GPtrArray *all = g_ptr_array_new_with_free_func(yd_image_facts_free);
    size_t i;
    json_t *facts;
    json_array_foreach(json_object_get(answer, "images"), i, facts)
        g_ptr_array_add(all, facts_from(facts));
    return all;
}

static GPtrArray *
remote_chain(YdStorage *storage, const char *image, GError **error)
{
    return call_facts(storage, json_pack("{s:s, s:s}", "verb", "chain", "image", image), error);
}

static GPtrArray *
remote_usage(YdStorage *storage, GError **error)
{
    return call_facts(storage, json_pack("{s:s}", "verb", "usage"), error);
}

static gboolean
remote_grow(YdStorage *storage, const char *image, gint64 bytes, GError **error)
{
    return call_simple(
        storage,
        json_pack("{s:s, s:s, s:I}", "verb", "grow", "image", image, "bytes", (json_int_t)bytes),
        error);
}

static gboolean
remote_point(YdStorage *storage, const char *image, const char *name, YdPointAct what,
             GError **error)
{
    return call_simple(storage,
                       json_pack("{s:s, s:s, s:s, s:s}", "verb", "point", "image", image, "name",
                                 name, "act", yd_point_act_name(what)),
                       error);
}

static YdImageInfo *
remote_look(YdStorage *storage, const char *image, GError **error)
{
    json_t *request = json_pack("{s:s, s:s}", "verb", "look", "image", image);
    return call_info(storage, request, NULL, NULL, error);
}

static YdImageInfo *
remote_verify(YdStorage *storage, const char *image, YdProgress progress, gpointer data,
              GError **error)
{
    json_t *request = json_pack("{s:s, s:s}", "verb", "verify", "image", image);
    return call_info(storage, request, progress, data, error);
}

static gboolean
remote_delete(YdStorage *storage, const char *image, GError **error)
{
    return call_simple(storage, json_pack("{s:s, s:s}", "verb", "delete", "image", image), error);
}

static GPtrArray *
remote_list(YdStorage *storage, GError **error)
{
    g_autoptr(json_t) answer = call(storage, json_pack("{s:s}", "verb", "list"), NULL, NULL, error);
    if (!answer)
        return NULL;
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    size_t i;
    json_t *name;
    json_array_foreach(json_object_get(answer, "images"), i, name) if (json_is_string(name))
        g_ptr_array_add(names, g_strdup(json_string_value(name)));
    return names;
}

static gboolean
remote_space(YdStorage *storage, gint64 *ret_bytes, gint64 *ret_free, GError **error)
{
    g_autoptr(json_t) answer =
        call(storage, json_pack("{s:s}", "verb", "space"), NULL, NULL, error);
    if (!answer)
        return FALSE;
    *ret_bytes = json_integer_value(json_object_get(answer, "bytes"));
    *ret_free = json_integer_value(json_object_get(answer, "free"));
    return TRUE;
}

static json_t *
remote_ram(YdStorage *storage, const char *verb, const json_t *arguments, GError **error)
{
    json_t *request = json_deep_copy(arguments);
    json_object_set_new(request, "verb", json_string(verb));
    return call(storage, request, NULL, NULL, error);
}

static json_t *
remote_files(YdStorage *storage, const json_t *arguments, YdPointSink sink, YdProgress progress,
             gpointer data, GError **error)
{
    RemoteStorage *remote = (RemoteStorage *)storage;
    json_t *answer = NULL;
    int fd = connect_to(remote, error);
    if (fd >= 0 && send_line(remote, fd, arguments, error))
        answer = await(remote, fd, sink, progress, data, error);
    if (fd >= 0)
        close(fd); // it cancels what is still going on
    return answer;
}

static json_t *
remote_backup(YdStorage *storage, const json_t *request, YdProgress progress, gpointer data,
              GError **error)
{
    return call(storage, json_deep_copy(request), progress, data, error);
}

static void
remote_free(YdStorage *storage)
{
    RemoteStorage *remote = (RemoteStorage *)storage;
    g_free(remote->socket_path);
    g_free(remote->directory);
    g_mutex_clear(&remote->lock);
    g_free(remote);
}

YdStorage *
yd_storage_remote(const char *socket_path)
{
    static const YdStorageFamily family = {
        .free = remote_free,
        .path = remote_path,
        .inspect = remote_inspect,
        .import = remote_import,
        .derive = remote_derive,
        .seal = remote_seal,
        .flatten = remote_flatten,
        .chain = remote_chain,
        .usage = remote_usage,
        .grow = remote_grow,
        .point = remote_point,
        .look = remote_look,
        .verify = remote_verify,
        .delete = remote_delete,
        .list = remote_list,
        .space = remote_space,
        .files = remote_files,
        .ram = remote_ram,
        .backup = remote_backup,
    };
    RemoteStorage *remote = g_new0(RemoteStorage, 1);
    remote->parent.family = &family;
    remote->socket_path = g_strdup(socket_path);
    g_mutex_init(&remote->lock);
    return &remote->parent;
}
