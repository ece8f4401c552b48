// SPDX-License-Identifier: Apache-2.0
// PUT /uploads and PUT /media/{id}/content: the body goes to a file (below state/uploads; of the
// medium) while it comes. The loop only collects; a lane's thread writes each full block while the
// message is paused, so a slow disk slows down the sender and nobody else.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "api/handlers.h"
#include "api/resource.h"
#include "api/server.h"
#include "service/media.h"
#include "service/template.h"

#define BLOCK (1024 * 1024)

struct _YdUpload {
    YdApi *api;
    gint64 bytes; // announced
    char *token, *path;
    YdMediaSink *sink; // of a medium; then there is no token, path and fd
    int fd;
    GByteArray *block;
    gint64 written;
    gboolean over; // the body has ended
};

static YdUpload *
upload_of(YdRequest *request)
{
    return request->upload;
}

void
yd_upload_free(YdUpload *upload)
{
    if (!upload)
        return;
    upload->api->uploads--;
    if (upload->fd >= 0)
        close(upload->fd);
    if (upload->token) // not finished
        yd_upload_drop(upload->api->service, upload->token);
    yd_media_sink_free(upload->sink);
    g_byte_array_unref(upload->block);
    g_free(upload->token);
    g_free(upload->path);
    g_free(upload);
}

// On a thread: may this person upload so much? The route's handler does it.
gboolean
yd_handle_upload(YdRequest *request, GError **error)
{
    YdUpload *upload = upload_of(request);
    if (!yd_upload_begin(request->service, &request->actor, upload->bytes, &upload->token,
                         &upload->path, error))
        return FALSE;
    upload->fd = open(upload->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (upload->fd < 0) {
        g_set_error(error, YD_ERROR, errno == ENOSPC ? YD_ERROR_NO_SPACE : YD_ERROR_INTERNAL,
                    "Cannot create %s: %s", upload->path, g_strerror(errno));
        return FALSE;
    }
    request->status = 100; // go on
    return TRUE;
}

// The same for a piece of a medium.
gboolean
yd_handle_media_content(YdRequest *request, GError **error)
{
    YdUpload *upload = upload_of(request);
    const char *text = yd_request_query(request, "offset");
    gint64 offset = 0;
    if (text && !g_ascii_string_to_signed(text, 10, 0, G_MAXINT64, &offset, NULL))
        return yd_error_invalid(error, "offset", "\"%s\" is not a number of bytes", text);
    upload->sink = yd_media_sink_open(request->service, &request->actor, request->params[0], offset,
                                      upload->bytes, error);
    if (!upload->sink)
        return FALSE;
    request->status = 100; // go on
    return TRUE;
}

static gboolean
write_file(YdUpload *upload, GError **error)
{
    gsize done = 0;
    while (done < upload->block->len) {
        gssize n = write(upload->fd, upload->block->data + done, upload->block->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            g_set_error(error, YD_ERROR, errno == ENOSPC ? YD_ERROR_NO_SPACE : YD_ERROR_INTERNAL,
                        "Cannot write the upload: %s", g_strerror(errno));
            return FALSE;
        }
        done += (gsize)n;
    }
    return TRUE;
}

static gboolean
write_block(YdUpload *upload, GError **error)
{
    GByteArray *block = upload->block;
    if (upload->sink ? !yd_media_sink_write(upload->sink, block->data, block->len, error)
                     : !write_file(upload, error))
        return FALSE;
    upload->written += block->len;
    g_byte_array_set_size(block, 0);
    return TRUE;
}

static gboolean
finish_media(YdRequest *request, YdUpload *upload, GError **error)
{
    g_autoptr(YdMedia) media = yd_media_sink_end(upload->sink, error);
    if (!media)
        return FALSE;
    yd_answer_record(request, 200, &yd_media_type, media);
    return TRUE;
}

static gboolean
finish(YdRequest *request, YdUpload *upload, GError **error)
{
    if (upload->written != upload->bytes)
        return yd_error_invalid(error, "Content-Length",
                                "says %" G_GINT64_FORMAT " bytes, but %" G_GINT64_FORMAT " came",
                                upload->bytes, upload->written);
    if (upload->sink)
        return finish_media(request, upload, error);
    if (fsync(upload->fd) != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_NO_SPACE, "Cannot write the upload: %s",
                    g_strerror(errno));
        return FALSE;
    }
    if (!yd_upload_done(request->service, &request->actor, upload->token, error))
        return FALSE;
    yd_request_answer(
        request, 201,
        json_pack("{s:s, s:I}", "upload", upload->token, "bytes", (json_int_t)upload->written));
    g_clear_pointer(&upload->token, g_free); // it is the service's now
    return TRUE;
}

// On a thread: the block, and the end.
static void
work(YdRequest *request)
{
    YdUpload *upload = upload_of(request);
    g_autoptr(GError) error = NULL;
    if (!write_block(upload, &error) || (upload->over && !finish(request, upload, &error)))
        yd_request_problem(request, error);
}

static void
refuse(YdExchange *exchange)
{
    YdRequest *request = exchange->request;
    json_t *json = json_loadb(g_bytes_get_data(request->answer, NULL),
                              g_bytes_get_size(request->answer), 0, NULL);
    g_autofree char *code = g_strdup(json_string_value(json_object_get(json, "code")));
    g_autofree char *detail = g_strdup(json_string_value(json_object_get(json, "detail")));
    json_decref(json);
    yd_exchange_reject(exchange, request->status, code, detail);
}

static void
begun(YdExchange *exchange)
{
    if (exchange->request->status != 100) {
        refuse(exchange);
        return;
    }
    exchange->request->status = 0;
    yd_client_give(exchange->client, exchange->api->config.body_seconds);
    soup_server_message_unpause(exchange->msg);
}

static void
written(YdExchange *exchange)
{
    YdUpload *upload = exchange->upload;
    if (exchange->request->status && !upload->over) {
        refuse(exchange);
        return;
    }
    if (upload->over)
        yd_exchange_answer(exchange);
    else
        yd_client_give(exchange->client, exchange->api->config.body_seconds);
    soup_server_message_unpause(exchange->msg);
}

static void
to_thread(YdExchange *exchange, void (*what)(YdRequest *request), YdExchangeDone done)
{
    yd_client_give(exchange->client, 0);
    if (yd_exchange_dispatch(exchange, what, done))
        soup_server_message_pause(exchange->msg);
    else
        refuse(exchange);
}

void
yd_upload_start(YdExchange *exchange)
{
    SoupMessageHeaders *headers = soup_server_message_get_request_headers(exchange->msg);
    YdApi *api = exchange->api;
    if (soup_message_headers_get_encoding(headers) != SOUP_ENCODING_CONTENT_LENGTH) {
        yd_exchange_reject(exchange, 411, "length-required",
                           "An upload needs Content-Length; it cannot be chunked.");
        return;
    }
    if (api->uploads >= api->config.max_uploads) {
        yd_exchange_reject(
            exchange, 503, "unavailable",
            "Too many uploads are under way ([deskd] max_uploads); try again later.");
        return;
    }
    YdUpload *upload = g_new0(YdUpload, 1);
    upload->api = api;
    upload->fd = -1;
    upload->bytes = soup_message_headers_get_content_length(headers);
    upload->block = g_byte_array_new();
    api->uploads++;
    exchange->upload = exchange->request->upload = upload;
    soup_message_body_set_accumulate(soup_server_message_get_request_body(exchange->msg), FALSE);
    to_thread(exchange, yd_request_run, begun);
}

void
yd_upload_chunk(YdExchange *exchange, GBytes *chunk)
{
    YdUpload *upload = exchange->upload;
    gsize length = 0;
    const guint8 *data = g_bytes_get_data(chunk, &length);
    g_byte_array_append(upload->block, data, (guint)length);
    yd_client_give(exchange->client, exchange->api->config.body_seconds);
    if (upload->block->len >= BLOCK)
        to_thread(exchange, work, written);
}

void
yd_upload_end(YdExchange *exchange)
{
    exchange->upload->over = TRUE;
    to_thread(exchange, work, written);
}
