// SPDX-License-Identifier: Apache-2.0
// Steps between WebSocket, RDCleanPath and X.224 that need no socket.
#include "gate/rdp-web.h"

#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "gate/rdcleanpath.h"
#include "gate/rdp-x224.h"

#define PROTOCOL_SSL 1
#define NEG_RSP 2
#define NEG_FAILURE 3

YdRdpWeb *
yd_rdp_web_new(guint32 keyboard)
{
    YdRdpWeb *web = g_new0(YdRdpWeb, 1);
    web->keyboard = keyboard;
    web->raw = g_byte_array_new();
    web->request = g_byte_array_new();
    web->x224 = g_byte_array_new();
    web->confirm = g_byte_array_new();
    web->out = g_byte_array_new();
    return web;
}

void
yd_rdp_web_free(YdRdpWeb *web)
{
    if (!web)
        return;
    if (web->request->len > 0)
        explicit_bzero(web->request->data, web->request->len);
    if (web->raw->len > 0)
        explicit_bzero(web->raw->data, web->raw->len);
    g_byte_array_unref(web->raw);
    g_byte_array_unref(web->request);
    g_byte_array_unref(web->x224);
    g_byte_array_unref(web->confirm);
    g_byte_array_unref(web->out);
    yd_secret_wipe(&web->password);
    g_free(web->username);
    g_free(web->certificate);
    g_free(web);
}

static YdRdpWebRead
bad(GError **error, const char *what)
{
    g_set_error_literal(error, YD_ERROR, YD_ERROR_INVALID, what);
    return YD_RDP_WEB_BAD;
}

// Keeps the client's X.224 request, without a cookie, for the guest.
static YdRdpWebRead
take_request(YdRdpWeb *web, char **ret_ticket, GError **error)
{
    YdRdcleanpathRequest request;
    YdX224Request x224;
    gsize size = 0;
    if (!yd_rdcleanpath_parse(web->request->data, web->request->len, &request, error) ||
        !yd_x224_size(request.x224, request.x224_len, &size, error))
        return YD_RDP_WEB_BAD;
    if (size != request.x224_len || size > YD_X224_MAX)
        return bad(error, "the X.224 request has the wrong length");
    if (!yd_x224_parse(request.x224, request.x224_len, &x224, error))
        return YD_RDP_WEB_BAD;
    if (!x224.negotiates || !(x224.protocols & PROTOCOL_SSL))
        return bad(error, "the client does not ask for TLS");
    guint8 packet[YD_X224_MAX];
    gsize n = yd_x224_strip(request.x224, request.x224_len, packet);
    g_byte_array_append(web->x224, packet, (guint)n);
    *ret_ticket = g_strndup(request.token, request.token_len);
    return YD_RDP_WEB_DONE;
}

static YdRdpWebRead
take_payload(YdRdpWeb *web, const YdWsPart *part, GError **error)
{
    if (web->request->len + part->len > YD_RDCLEANPATH_MAX)
        return bad(error, "the RDCleanPath request is too long");
    g_byte_array_append(web->request, part->payload, (guint)part->len);
    return YD_RDP_WEB_MORE;
}

YdRdpWebRead
yd_rdp_web_take(YdRdpWeb *web, guint8 *data, gsize len, char **ret_ticket, GError **error)
{
    YdWsPart part = {0};
    do {
        gsize used = yd_ws_decode(&web->decoder, data, len, &part);
        data += used;
        len -= used;
        if (part.kind == YD_WS_PART_BAD)
            return bad(error, "the client broke the WebSocket protocol");
        if (part.kind == YD_WS_PART_CONTROL && part.opcode == YD_WS_CLOSE)
            return YD_RDP_WEB_END;
        if (part.kind == YD_WS_PART_DATA && take_payload(web, &part, error) == YD_RDP_WEB_BAD)
            return YD_RDP_WEB_BAD;
    } while (part.kind != YD_WS_PART_MORE);
    gsize size = 0;
    if (!yd_rdcleanpath_size(web->request->data, web->request->len, &size, error))
        return YD_RDP_WEB_BAD;
    if (size == 0 || web->request->len < size)
        return YD_RDP_WEB_MORE;
    if (web->request->len > size)
        return bad(error, "the client spoke before it was answered");
    return take_request(web, ret_ticket, error);
}

gboolean
yd_rdp_web_confirm_size(const guint8 *data, gsize len, gsize *ret_size, GError **error)
{
    if (len < 4) {
        *ret_size = 0;
        return TRUE;
    }
    gsize size = (gsize)data[2] << 8 | data[3];
    if (data[0] != 3 || size < 11 || size > YD_RDP_CONFIRM_MAX) {
        bad(error, "the desktop answered with something that is no RDP");
        return FALSE;
    }
    *ret_size = size;
    return TRUE;
}

gboolean
yd_rdp_web_confirm_check(const guint8 *data, gsize len, GError **error)
{
    gboolean negotiated = len >= 19 && data[5] == 0xd0;
    if (negotiated && data[11] == NEG_RSP && data[15] == PROTOCOL_SSL)
        return TRUE;
    if (negotiated && data[11] == NEG_FAILURE)
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the desktop refuses TLS (RDP negotiation failure %u)", data[15]);
    else
        g_set_error_literal(error, YD_ERROR, YD_ERROR_STATE, "the desktop does not speak TLS");
    return FALSE;
}

GByteArray *
yd_rdp_web_frame(const GByteArray *message)
{
    guint8 header[YD_WS_SERVER_HEADER_MAX];
    GByteArray *frame = g_byte_array_new();
    gsize size = yd_ws_header(YD_WS_BINARY, message->len, header);
    g_byte_array_append(frame, header, (guint)size);
    g_byte_array_append(frame, message->data, message->len);
    return frame;
}
