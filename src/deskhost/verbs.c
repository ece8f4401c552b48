// SPDX-License-Identifier: Apache-2.0
// The table of verbs and their arguments. Everything that is not in it is refused.
#include "deskhost/verbs.h"
#include "deskhost/segment.h"
#include "deskhost/source.h"
#include "base/error.h"
#include "base/json-util.h"
#include "base/log.h"
#include "storage/backup.h"
#include "storage/local.h"
#include "storage/point-files.h"
#include "storage/ram-image.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROGRESS_US (250 * 1000)
#define PATH_LENGTH 4096

struct request {
    const YdHostConfig *config;
    YdStorage *storage;
    int fd;
    gboolean from_gate;
    const json_t *arguments;
    gint64 told; // monotonic time of the last progress line
};

// Returns a new object that becomes the answer, NULL with error.
typedef json_t *(*Verb)(struct request *request, GError **error);

static gboolean
send_json(int fd, const json_t *json)
{
    g_autofree char *text = yd_json_text(json);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    gsize length = strlen(line);
    for (gsize sent = 0; sent < length;) {
        ssize_t n = send(fd, line + sent, length - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return FALSE;
        sent += (gsize)n;
    }
    return TRUE;
}

void
yd_verbs_refuse(int fd, const GError *error)
{
    g_autofree char *message = g_utf8_make_valid(error->message, -1);
    g_autoptr(json_t) answer =
        json_pack("{s:b, s:s, s:s}", "ok", 0, "code",
                  yd_error_code_name(error->domain == YD_ERROR ? (YdErrorCode)error->code
                                                               : YD_ERROR_INTERNAL),
                  "message", message);
    send_json(fd, answer);
}

static gboolean
hung_up(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static gboolean
on_progress(double percent, gpointer data)
{
    struct request *request = data;
    gint64 now = g_get_monotonic_time();
    if (hung_up(request->fd))
        return FALSE;
    if (now - request->told < PROGRESS_US)
        return TRUE;
    request->told = now;
    g_autoptr(json_t) line = json_pack("{s:f}", "progress", percent);
    return send_json(request->fd, line);
}

// A text that must be there.
static const char *
text(struct request *request, const char *name, gsize longest, GError **error)
{
    const char *value = NULL;
    if (!yd_json_string(request->arguments, name, &value, error))
        return NULL;
    if (value && *value && strlen(value) <= longest)
        return value;
    yd_error_invalid(error, name, "must be a text of 1 to %u bytes", (guint)longest);
    return NULL;
}

static json_t *
info_answer(YdImageInfo *info)
{
    if (!info)
        return NULL;
    json_t *answer = json_pack("{s:{s:s, s:I, s:I, s:s?, s:s?}}", "info", "format", info->format,
                               "virtual_bytes", (json_int_t)info->virtual_bytes, "size_bytes",
                               (json_int_t)info->size_bytes, "backing", info->backing, "checksum",
                               info->checksum);
    yd_image_info_free(info);
    return answer;
}

static int
open_source(struct request *request, const char **ret_path, GError **error)
{
    *ret_path = text(request, "path", PATH_LENGTH, error);
    if (!*ret_path)
        return -1;
    return yd_source_open(*ret_path, (const char *const *)request->config->import_dirs, error);
}

static json_t *
verb_inspect(struct request *request, GError **error)
{
    const char *path;
    int fd = open_source(request, &path, error);
    if (fd < 0)
        return NULL;
    YdImageInfo *info = yd_storage_local_inspect(request->storage, fd, path, error);
    close(fd);
    return info_answer(info);
}

static json_t *
verb_import(struct request *request, GError **error)
{
    const char *path, *image = text(request, "image", NAME_MAX, error);
    int fd = image ? open_source(request, &path, error) : -1;
    if (fd < 0)
        return NULL;
    YdImageInfo *info =
        yd_storage_local_import(request->storage, fd, path, image, on_progress, request, error);
    close(fd);
    return info_answer(info);
}

static json_t *
verb_derive(struct request *request, GError **error)
{
    gint64 bytes = 0;
    gboolean fresh = !json_object_get(request->arguments, "base"); // a disk without a base
    const char *base = fresh ? NULL : text(request, "base", NAME_MAX, error);
    const char *image = fresh || base ? text(request, "image", NAME_MAX, error) : NULL;
    if (!image || !yd_json_int(request->arguments, "bytes", 0, G_MAXINT64, &bytes, error) ||
        !yd_storage_derive(request->storage, base, image, bytes, error))
        return NULL;
    return json_object();
}

static json_t *
verb_seal(struct request *request, GError **error)
{
    gboolean flat = !json_object_get(request->arguments, "base"); // built on nothing
    const char *image = text(request, "image", NAME_MAX, error);
    const char *base = image && !flat ? text(request, "base", NAME_MAX, error) : NULL;
    const char *sealed = image && (flat || base) ? text(request, "sealed", NAME_MAX, error) : NULL;
    if (!sealed || !yd_storage_seal(request->storage, image, base, sealed, error))
        return NULL;
    return json_object();
}

static json_t *
verb_flatten(struct request *request, GError **error)
{
    const char *image = text(request, "image", NAME_MAX, error);
    const char *flat = image ? text(request, "flat", NAME_MAX, error) : NULL;
    if (!flat)
        return NULL;
    return info_answer(
        yd_storage_flatten(request->storage, image, flat, on_progress, request, error));
}

// Takes all.
static json_t *
facts_answer(GPtrArray *all)
{
    if (!all)
        return NULL;
    json_t *images = json_array();
    for (guint i = 0; i < all->len; i++) {
        const YdImageFacts *facts = all->pdata[i];
        json_array_append_new(
            images,
            json_pack("{s:s, s:s*, s:I, s:I, s:I, s:I, s:b, s:s*, s:s*}", "image", facts->image,
                      "base", facts->base, "size_bytes", (json_int_t)facts->size_bytes,
                      "allocated_bytes", (json_int_t)facts->allocated_bytes, "virtual_bytes",
                      (json_int_t)facts->virtual_bytes, "mtime", (json_int_t)facts->mtime, "sealed",
                      facts->sealed, "header", facts->header, "damage", facts->damage));
    }
    g_ptr_array_unref(all);
    return json_pack("{s:o}", "images", images);
}

static json_t *
verb_chain(struct request *request, GError **error)
{
    const char *image = text(request, "image", NAME_MAX, error);
    return image ? facts_answer(yd_storage_chain(request->storage, image, error)) : NULL;
}

static json_t *
verb_usage(struct request *request, GError **error)
{
    return facts_answer(yd_storage_usage(request->storage, error));
}

static json_t *
verb_grow(struct request *request, GError **error)
{
    gint64 bytes = 0;
    const char *image = text(request, "image", NAME_MAX, error);
    if (!image || !yd_json_int(request->arguments, "bytes", 0, G_MAXINT64, &bytes, error) ||
        !yd_storage_grow(request->storage, image, bytes, error))
        return NULL;
    return json_object();
}

static json_t *
verb_point(struct request *request, GError **error)
{
    YdPointAct act = YD_POINT_MAKE;
    const char *image = text(request, "image", NAME_MAX, error);
    const char *name = image ? text(request, "name", NAME_MAX, error) : NULL;
    const char *what = name ? text(request, "act", 16, error) : NULL;
    if (!what)
        return NULL;
    if (!yd_point_act_from_name(what, &act)) {
        yd_error_invalid(error, "act", "'%s' is not known", what);
        return NULL;
    }
    return yd_storage_point(request->storage, image, name, act, error) ? json_object() : NULL;
}

static json_t *
verb_look(struct request *request, GError **error)
{
    const char *image = text(request, "image", NAME_MAX, error);
    return image ? info_answer(yd_storage_look(request->storage, image, error)) : NULL;
}

static json_t *
verb_verify(struct request *request, GError **error)
{
    const char *image = text(request, "image", NAME_MAX, error);
    if (!image)
        return NULL;
    return info_answer(yd_storage_verify(request->storage, image, on_progress, request, error));
}

static json_t *
verb_delete(struct request *request, GError **error)
{
    const char *image = text(request, "image", NAME_MAX, error);
    if (!image || !yd_storage_delete(request->storage, image, error))
        return NULL;
    return json_object();
}

static json_t *
verb_list(struct request *request, GError **error)
{
    g_autoptr(GPtrArray) names = yd_storage_list(request->storage, error);
    if (!names)
        return NULL;
    json_t *images = json_array();
    for (guint i = 0; i < names->len; i++)
        json_array_append_new(images, json_string(names->pdata[i]));
    return json_pack("{s:o}", "images", images);
}

static json_t *
verb_space(struct request *request, GError **error)
{
    gint64 bytes, left;
    if (!yd_storage_space(request->storage, &bytes, &left, error))
        return NULL;
    return json_pack("{s:I, s:I}", "bytes", (json_int_t)bytes, "free", (json_int_t)left);
}

static json_t *
verb_ram(struct request *request, GError **error)
{
    const char *verb = json_string_value(json_object_get(request->arguments, "verb"));
    return yd_ram_image_call(request->storage, verb, request->arguments, error);
}

static gboolean
on_bytes(gpointer data, const void *bytes, gsize n, GError **error)
{
    struct request *request = data;
    g_autofree char *coded = g_base64_encode(bytes, n);
    g_autoptr(json_t) line = json_pack("{s:s}", "data", coded);
    if (!hung_up(request->fd) && send_json(request->fd, line))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_CANCELLED, "nobody reads the file any more");
    return FALSE;
}

static json_t *
verb_files(struct request *request, GError **error)
{
    return yd_point_files_call(request->storage, request->arguments, on_bytes, on_progress, request,
                               error);
}

static json_t *
verb_segment(struct request *request, GError **error)
{
    return yd_segment_ensure(request->arguments, error);
}

static json_t *
verb_segment_keep(struct request *request, GError **error)
{
    return yd_segment_keep(request->arguments, error);
}

static json_t *
verb_backup(struct request *request, GError **error)
{
    return yd_backup_call(request->storage, request->arguments, on_progress, request, error);
}

static json_t *
verb_directory(struct request *request, GError **error)
{
    return json_pack("{s:s, s:s}", "directory", request->config->images_dir, "version", YD_VERSION);
}

static const struct {
    const char *name;
    Verb run;
    const char *arguments[9];
    gboolean gate; // also for deskgate, which brings it from deskd's machine
} verbs[] = {
    {"directory", verb_directory, {"verb"}},
    {"inspect", verb_inspect, {"verb", "path"}},
    {"import", verb_import, {"verb", "path", "image"}},
    {"derive", verb_derive, {"verb", "base", "image", "bytes"}},
    {"seal", verb_seal, {"verb", "image", "base", "sealed"}},
    {"flatten", verb_flatten, {"verb", "image", "flat"}},
    {"chain", verb_chain, {"verb", "image"}},
    {"usage", verb_usage, {"verb"}},
    {"grow", verb_grow, {"verb", "image", "bytes"}},
    {"point", verb_point, {"verb", "image", "name", "act"}},
    {"look", verb_look, {"verb", "image"}},
    {"verify", verb_verify, {"verb", "image"}},
    {"delete", verb_delete, {"verb", "image"}},
    {"list", verb_list, {"verb"}},
    {"space", verb_space, {"verb"}},
    {"files-list", verb_files, {"verb", "image", "point", "path", "cursor", "limit"}},
    {"files-read", verb_files, {"verb", "image", "point", "path", "most"}},
    {"ram-begin", verb_ram, {"verb", "base", "name", "bytes"}},
    {"ram-seal", verb_ram, {"verb", "name", "facts"}},
    {"ram-look", verb_ram, {"verb", "name"}},
    {"ram-clone", verb_ram, {"verb", "name", "image", "xml"}},
    {"ram-drop", verb_ram, {"verb", "image"}},
    {"ram-delete", verb_ram, {"verb", "name"}},
    {"segment",
     verb_segment,
     {"verb", "vni", "bridge", "local", "peers", "gateway", "mac", "isolated"},
     .gate = TRUE},
    {"segment-keep", verb_segment_keep, {"verb", "vnis"}, .gate = TRUE},
    {"backup-space", verb_backup, {"verb", "known"}},
    {"backup-disk", verb_backup, {"verb", "id", "image", "point", "previous", "about", "known"}},
    {"backup-image", verb_backup, {"verb", "image", "known"}},
    {"backup-product", verb_backup, {"verb", "id", "known"}},
    {"backup-verify", verb_backup, {"verb", "id", "checksum"}},
    {"backup-fill", verb_backup, {"verb", "id", "checksum", "image"}},
    {"backup-drop", verb_backup, {"verb", "id"}},
    {"backup-sweep", verb_backup, {"verb"}},
};

static json_t *
run(struct request *request, const char **ret_verb, GError **error)
{
    const char *name = text(request, "verb", 32, error);
    if (!name)
        return NULL;
    for (guint i = 0; i < G_N_ELEMENTS(verbs); i++) {
        if (strcmp(verbs[i].name, name) != 0)
            continue;
        *ret_verb = verbs[i].name;
        if (request->from_gate && !verbs[i].gate) {
            g_set_error(error, YD_ERROR, YD_ERROR_FORBIDDEN, "'%s' is not for deskgate", name);
            return NULL;
        }
        if (!yd_json_known(request->arguments, verbs[i].arguments, error))
            return NULL;
        return verbs[i].run(request, error);
    }
    yd_error_invalid(error, "verb", "'%s' is not known", name);
    return NULL;
}

void
yd_verbs_handle(const YdHostConfig *config, YdStorage *storage, int fd, gboolean from_gate,
                const char *line)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(json_t) arguments = yd_json_parse_object(line, &error);
    struct request request = {config, storage, fd, from_gate, arguments, 0};
    const char *verb = "?";
    gint64 begun = g_get_monotonic_time();
    g_autoptr(json_t) answer = arguments ? run(&request, &verb, &error) : NULL;
    gint64 ms = (g_get_monotonic_time() - begun) / 1000;
    const char *image = json_string_value(json_object_get(arguments, "image"));
    if (answer) {
        json_object_set_new(answer, "ok", json_true());
        send_json(fd, answer);
        yd_log(G_LOG_LEVEL_INFO, NULL, "%s '%s' done in %" G_GINT64_FORMAT " ms", verb,
               image ? image : "", ms);
        return;
    }
    yd_verbs_refuse(fd, error);
    yd_log(G_LOG_LEVEL_MESSAGE, NULL, "%s '%s' failed after %" G_GINT64_FORMAT " ms: %s", verb,
           image ? image : "", ms, error->message);
}
