// SPDX-License-Identifier: Apache-2.0
// deskctl media: the library of ISO images. An upload that broke off goes on where the server's
// file ends, by itself or when the command is given again.
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>

#include "base/error.h"
#include "deskctl/nouns.h"
#include "deskctl/progress.h"
#include "deskctl/refs.h"
#include "deskctl/verbs.h"
#include "rest/path.h"

#define CHUNK (1024 * 1024)
#define TRIES 20 // in a row without a byte that came through
#define PAUSE_MS 500
#define PAUSE_MAX_MS 8000

static const CtlColumn columns[] = {
    {"name", "NAME"},
    {"state", "STATE"},
    {"size_bytes", "SIZE", CTL_CELL_BYTES},
    {"received_bytes", "HERE", CTL_CELL_BYTES},
    {"label", "LABEL"},
    {"bootable", "BOOTS", CTL_CELL_BOOL},
    {"created", "MADE", CTL_CELL_TIME},
    {"error", "ERROR"},
    {0},
};

static const CtlOption upload_options[] = {
    {"name", CTL_TEXT, "NAME", .help = "its name in the library; the file's without"},
    {"sha256", CTL_TEXT, "HEX", .help = "what the file must have; computed here without"},
    {0},
};

typedef struct {
    Ctl *ctl;
    const char *file;
    goffset size, base; // base: where the piece under way begins
} Sending;

static void
on_sent(goffset sent, goffset total, gpointer user_data)
{
    Sending *sending = user_data;
    ctl_bytes_bar(sending->ctl, "sending the medium", sending->base + sent, sending->size);
}

// SHA-256 of the file, owned.
static char *
sum_up(Sending *sending, GError **error)
{
    g_autoptr(GFile) file = g_file_new_for_path(sending->file);
    g_autoptr(GFileInputStream) stream = g_file_read(file, NULL, error);
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree guint8 *buffer = g_malloc(CHUNK);
    goffset done = 0;
    gssize n = stream ? 1 : -1;
    while (n > 0) {
        n = g_input_stream_read(G_INPUT_STREAM(stream), buffer, CHUNK, NULL, error);
        if (n > 0)
            g_checksum_update(sum, buffer, n);
        done += MAX(n, 0);
        ctl_bytes_bar(sending->ctl, "reading the file", done, sending->size);
    }
    return n == 0 ? g_strdup(g_checksum_get_string(sum)) : NULL;
}

static const char *
text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

// Whether what is there is the same file on its way.
static gboolean
is_same(const json_t *there, const Sending *sending, const char *sum)
{
    return g_str_equal(text(there, "state"), "uploading") &&
           json_integer_value(json_object_get(there, "size_bytes")) == sending->size &&
           g_ascii_strcasecmp(text(there, "sha256"), sum) == 0;
}

// Announces the file, or finds the upload of it that broke off; its id, owned.
static char *
announce(Sending *sending, const char *name, const char *sum, GError **error)
{
    Ctl *ctl = sending->ctl;
    g_autoptr(GError) why = NULL;
    g_autoptr(json_t) there = ctl_find(ctl, ctl->args->noun, name, &why);
    if (there && is_same(there, sending, sum))
        return g_strdup(text(there, "id"));
    if (!there && !g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&why));
        return NULL;
    }
    g_autoptr(json_t) body = json_pack("{s:s, s:I, s:s}", "name", name, "size_bytes",
                                       (json_int_t)sending->size, "sha256", sum);
    g_autoptr(json_t) made = yd_rest_post(ctl->rest, "/media", body, error);
    return made ? g_strdup(text(made, "id")) : NULL;
}

// Sends the file from base on.
static gboolean
send_rest(Sending *sending, const char *id, GError **error)
{
    g_autoptr(GFile) file = g_file_new_for_path(sending->file);
    g_autoptr(GFileInputStream) stream = g_file_read(file, NULL, error);
    if (!stream || !g_seekable_seek(G_SEEKABLE(stream), sending->base, G_SEEK_SET, NULL, error))
        return FALSE;
    g_autofree char *place = yd_path("media", id, "content");
    g_autofree char *path = g_strdup_printf("%s?offset=%" G_GOFFSET_FORMAT, place, sending->base);
    YdRestRequest request = {.method = "PUT",
                             .path = path,
                             .type = "application/octet-stream",
                             .stream = G_INPUT_STREAM(stream),
                             .length = sending->size - sending->base,
                             .progress = on_sent,
                             .user_data = sending};
    return yd_rest_send(sending->ctl->rest, &request, NULL, error);
}

// Asks how much is there; FALSE with the server's refusal.
static gboolean
ask_base(Sending *sending, const char *id, GError **error)
{
    g_autofree char *path = yd_path("media", id, NULL);
    g_autoptr(json_t) media = yd_rest_get(sending->ctl->rest, path, error);
    if (!media)
        return FALSE;
    sending->base = json_integer_value(json_object_get(media, "received_bytes"));
    return TRUE;
}

static gboolean
may_try_again(const GError *why)
{
    return g_error_matches(why, YD_ERROR, YD_ERROR_UNAVAILABLE) ||
           g_error_matches(why, YD_ERROR, YD_ERROR_TIMEOUT) ||
           g_error_matches(why, YD_ERROR, YD_ERROR_STATE);
}

static gboolean
send_all(Sending *sending, const char *id, GError **error)
{
    goffset best = -1;
    for (guint tries = 0;;) {
        g_autoptr(GError) why = NULL;
        gboolean asked = ask_base(sending, id, &why);
        if (asked && (sending->base == sending->size || send_rest(sending, id, &why)))
            return TRUE;
        if (sending->base > best)
            tries = 0;
        best = MAX(best, sending->base);
        if (!may_try_again(why) || ++tries > TRIES) {
            g_propagate_error(error, g_steal_pointer(&why));
            return FALSE;
        }
        if (tries == 1)
            ctl_note(sending->ctl, "%s; going on where it broke off", why->message);
        g_usleep(1000 * MIN(PAUSE_MS << MIN(tries, 10), PAUSE_MAX_MS));
    }
}

static gboolean
finish(Ctl *ctl, const char *id, const char *name, GError **error)
{
    g_autofree char *path = yd_path("media", id, "finish");
    g_autoptr(json_t) answer = yd_rest_post(ctl->rest, path, NULL, error);
    return ctl_tell_job(ctl, answer, "medium", name, "ready", error);
}

static gboolean
run_upload(Ctl *ctl, GError **error)
{
    const char *file = ctl_args_word(ctl->args, 0), *given = ctl_args_get(ctl->args, "sha256");
    g_autofree char *base = g_path_get_basename(file);
    const char *name = ctl_args_get(ctl->args, "name");
    GStatBuf info;
    if (g_stat(file, &info) != 0 || !S_ISREG(info.st_mode))
        return yd_error_invalid(error, NULL, "'%s' is not a file on this computer", file);
    Sending sending = {.ctl = ctl, .file = file, .size = info.st_size};
    g_autofree char *sum = given ? g_strdup(given) : sum_up(&sending, error);
    g_autofree char *id = sum ? announce(&sending, name ? name : base, sum, error) : NULL;
    return id && send_all(&sending, id, error) && finish(ctl, id, name ? name : base, error);
}

static const CtlCommand commands[] = {
    {"list", "", "list the media library", ctl_run_list, 0, 0, CTL_LISTS | CTL_COLUMNS},
    {"show", "MEDIUM…", "show all about media", ctl_run_show, 1, CTL_MANY},
    {"upload", "FILE", "send an ISO image; one that broke off goes on", run_upload, 1, 1, CTL_WAITS,
     upload_options},
    {"delete", "MEDIUM…", "delete media, and uploads that broke off", ctl_run_delete, 1, CTL_MANY,
     CTL_ASKS},
    {0},
};

const CtlNoun ctl_noun_media = {
    "media", "media",  "med", {"name"}, "ISO images that templates are installed from",
    columns, commands,
};
