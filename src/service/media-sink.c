// SPDX-License-Identifier: Apache-2.0
// Receiving a medium's bytes. The newest piece is the one that counts: each has a number, and
// whoever finds another number at its next block gives up. So a client whose line broke goes on at
// once, also while the server still waits for the old connection.

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/media-private.h"
#include "service/table.h"

#define TELL_US (G_USEC_PER_SEC) // how often the row learns of progress

typedef struct {
    guint64 number;   // of the piece that may write
    gboolean writing; // a block is on its way to the disk
} Writer;

struct _YdMediaSink {
    YdService *service;
    char *id, *path;
    guint64 number;
    int fd;
    gint64 position, size_bytes;
    gint64 told;     // monotonic
    gboolean looked; // the head was looked at
};

// Id → Writer.
static YdTable *
writers_of(YdService *service)
{
    return yd_table_of(service, "media-writers", yd_table_texts_owned);
}

static gboolean
busy(const char *id, GError **error)
{
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "a part of medium %s is being written at this moment; try again", id);
    return FALSE;
}

gboolean
yd_media_stop_writer(YdService *service, const char *media_id, GError **error)
{
    YdTable *writers = writers_of(service);

    g_mutex_lock(&writers->lock);
    Writer *writer = g_hash_table_lookup(writers->rows, media_id);
    gboolean free_now = !writer || !writer->writing;
    if (free_now)
        g_hash_table_remove(writers->rows, media_id);
    g_mutex_unlock(&writers->lock);
    return free_now || busy(media_id, error);
}

// Takes the place of whoever wrote before; 0 while a block is on its way.
static guint64
take_turn(YdService *service, const char *id)
{
    static gint last; // atomic
    YdTable *writers = writers_of(service);
    guint64 number = 0;

    g_mutex_lock(&writers->lock);
    Writer *writer = g_hash_table_lookup(writers->rows, id);
    if (!writer) {
        writer = g_new0(Writer, 1);
        g_hash_table_insert(writers->rows, g_strdup(id), writer);
    }
    if (!writer->writing)
        number = writer->number = (guint64)g_atomic_int_add(&last, 1) + 1;
    g_mutex_unlock(&writers->lock);
    return number;
}

static gboolean
begin_block(YdMediaSink *sink, GError **error)
{
    YdTable *writers = writers_of(sink->service);

    g_mutex_lock(&writers->lock);
    Writer *writer = g_hash_table_lookup(writers->rows, sink->id);
    gboolean mine = writer && writer->number == sink->number;
    if (mine)
        writer->writing = TRUE;
    g_mutex_unlock(&writers->lock);
    if (!mine)
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "medium %s was deleted, or another upload goes on with it", sink->id);
    return mine;
}

static void
end_block(YdMediaSink *sink)
{
    YdTable *writers = writers_of(sink->service);

    g_mutex_lock(&writers->lock);
    Writer *writer = g_hash_table_lookup(writers->rows, sink->id);
    if (writer && writer->number == sink->number)
        writer->writing = FALSE;
    g_mutex_unlock(&writers->lock);
}

// ---- opening ----

static gboolean
check_piece(const YdMedia *media, gint64 there, gint64 offset, gint64 bytes, GError **error)
{
    if (g_strcmp0(media->state, "uploading") != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "medium “%s” is %s; it takes no more bytes",
                    media->name, media->state);
        return FALSE;
    }
    if (offset != there) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "%" G_GINT64_FORMAT
                    " bytes of “%s” are here: go on there, not at %" G_GINT64_FORMAT,
                    there, media->name, offset);
        return FALSE;
    }
    if (bytes <= 0)
        return yd_error_invalid(error, "Content-Length", "must be given and above 0");
    if (bytes > media->size_bytes - offset)
        return yd_error_invalid(error, "Content-Length",
                                "%" G_GINT64_FORMAT " bytes from %" G_GINT64_FORMAT
                                " on are more than the %" G_GINT64_FORMAT " that were announced",
                                bytes, offset, media->size_bytes);
    return TRUE;
}

static gboolean
open_part(YdMediaSink *sink, GError **error)
{
    sink->fd = open(sink->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (sink->fd >= 0)
        return TRUE;
    g_set_error(error, YD_ERROR, errno == ENOSPC ? YD_ERROR_NO_SPACE : YD_ERROR_INTERNAL,
                "“%s” cannot be written: %s", sink->path, g_strerror(errno));
    return FALSE;
}

YdMediaSink *
yd_media_sink_open(YdService *service, const YdActor *actor, const char *media_id, gint64 offset,
                   gint64 bytes, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdMediaSink) sink = g_new0(YdMediaSink, 1);
    g_autoptr(YdMedia) media = NULL;
    g_autofree char *folder = NULL;

    sink->fd = -1;
    if (!store || !yd_service_allowed(actor, YD_RIGHT_TEMPLATES_WRITE, error) ||
        !(media = yd_store_get(store, &yd_media_type, media_id, error)))
        return NULL;
    folder = yd_media_folder(service, error);
    if (!folder)
        return NULL;
    sink->service = service;
    sink->id = g_strdup(media->id);
    sink->path = yd_media_file(service, media->id, ".part");
    sink->position = offset;
    sink->size_bytes = media->size_bytes;
    sink->looked = offset >= YD_ISO_HEAD;
    sink->told = g_get_monotonic_time();
    sink->number = take_turn(service, media->id);
    if (sink->number == 0) {
        busy(media->id, error);
        return NULL;
    }
    // From here on nobody else writes: the size that is looked at stays.
    if (!check_piece(media, yd_media_part_bytes(service, media->id), offset, bytes, error) ||
        !open_part(sink, error))
        return NULL;
    return g_steal_pointer(&sink);
}

// ---- writing ----

static gboolean
write_all(YdMediaSink *sink, const guint8 *data, gsize n, GError **error)
{
    while (n > 0) {
        ssize_t done = pwrite(sink->fd, data, n, sink->position);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0) {
            g_set_error(error, YD_ERROR, errno == ENOSPC ? YD_ERROR_NO_SPACE : YD_ERROR_INTERNAL,
                        "the medium cannot be written: %s; what came is kept, go on when there is "
                        "room",
                        g_strerror(errno));
            return FALSE;
        }
        data += done;
        n -= (gsize)done;
        sink->position += done;
    }
    return TRUE;
}

gboolean
yd_media_look(const char *path, gint64 size_bytes, YdIsoFacts *ret_facts, GError **error)
{
    g_autofree guint8 *head = g_malloc(YD_ISO_HEAD);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd >= 0 ? pread(fd, head, YD_ISO_HEAD, 0) : -1;
    int failed = errno;

    if (fd >= 0)
        close(fd);
    if (n >= 0)
        return yd_iso_check(head, (gsize)n, size_bytes, ret_facts, error);
    g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "“%s” cannot be read: %s", path,
                g_strerror(failed));
    return FALSE;
}

static void
set_progress(YdMedia *media, gpointer data)
{
    const YdMediaSink *sink = data;

    media->received_bytes = sink->position;
}

static void
set_failed(YdMedia *media, gpointer data)
{
    yd_set_string(&media->state, "failed");
    yd_set_string(&media->error, data);
    media->received_bytes = 0;
}

// No more bytes are wanted of what cannot be a medium.
static void
give_up(YdMediaSink *sink, const GError *why)
{
    g_autoptr(GError) error = NULL;
    YdStore *store = yd_service_store(sink->service, &error);

    if (!store || !yd_media_change(store, sink->id, set_failed, why->message, &error))
        g_debug("medium %s: %s, ignoring", sink->id, error->message);
    yd_media_unlink(sink->service, sink->id);
}

static gboolean
look_once(YdMediaSink *sink, GError **error)
{
    YdIsoFacts facts;
    GError *why = NULL;

    if (sink->looked || sink->position < MIN(YD_ISO_HEAD, sink->size_bytes))
        return TRUE;
    sink->looked = TRUE;
    if (yd_media_look(sink->path, sink->size_bytes, &facts, &why))
        return TRUE;
    if (g_error_matches(why, YD_ERROR, YD_ERROR_INVALID))
        give_up(sink, why);
    g_propagate_error(error, why);
    return FALSE;
}

static void
tell(YdMediaSink *sink)
{
    gint64 now = g_get_monotonic_time();
    g_autoptr(GError) error = NULL;
    YdStore *store;

    if (now - sink->told < TELL_US)
        return;
    sink->told = now;
    store = yd_service_store(sink->service, &error);
    if (!store || !yd_media_change(store, sink->id, set_progress, sink, &error))
        g_debug("medium %s: %s, ignoring", sink->id, error->message);
}

gboolean
yd_media_sink_write(YdMediaSink *sink, const guint8 *data, gsize n, GError **error)
{
    if (!begin_block(sink, error))
        return FALSE;
    gboolean done = write_all(sink, data, n, error) && look_once(sink, error);
    end_block(sink);
    if (done)
        tell(sink);
    return done;
}

YdMedia *
yd_media_sink_end(YdMediaSink *sink, GError **error)
{
    YdStore *store = yd_service_store(sink->service, error);

    if (!store)
        return NULL;
    if (fsync(sink->fd) != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_NO_SPACE, "the medium cannot be written: %s",
                    g_strerror(errno));
        return NULL;
    }
    return yd_media_change(store, sink->id, set_progress, sink, error)
               ? yd_store_get(store, &yd_media_type, sink->id, error)
               : NULL;
}

static void
leave_turn(const YdMediaSink *sink)
{
    YdTable *writers = writers_of(sink->service);

    g_mutex_lock(&writers->lock);
    Writer *writer = g_hash_table_lookup(writers->rows, sink->id);
    if (writer && writer->number == sink->number)
        g_hash_table_remove(writers->rows, sink->id);
    g_mutex_unlock(&writers->lock);
}

void
yd_media_sink_free(YdMediaSink *sink)
{
    if (!sink)
        return;
    if (sink->number != 0)
        leave_turn(sink);
    if (sink->fd >= 0)
        close(sink->fd);
    g_free(sink->id);
    g_free(sink->path);
    g_free(sink);
}
