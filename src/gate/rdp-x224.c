// SPDX-License-Identifier: Apache-2.0
// Finds and cuts the routing cookie of an X.224 connection request; builds the refusal.
//
//   TPKT: 03 00 len(2, big endian, whole packet)
//   X.224: LI (bytes after it) E0 dst-ref(2) src-ref(2) class(1)
//   then, each optional: "Cookie: …\r\n", RDP_NEG_REQ 01 flags 08 00 protocols(4, little endian),
//   more
#include "gate/rdp-x224.h"

#include <string.h>

#include "base/error.h"

#define FIXED 11 // TPKT and the fixed part of the X.224 header
#define COOKIE "Cookie: "
#define TICKET COOKIE "msts="

G_GNUC_PRINTF(2, 3)
static gboolean
fail(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "RDP connection request: %s", text);
    return FALSE;
}

gboolean
yd_x224_size(const guint8 *data, gsize len, gsize *ret_size, GError **error)
{
    if ((len > 0 && data[0] != 3) || (len > 1 && data[1] != 0))
        return fail(error, "no TPKT header");
    if (len < 4) {
        *ret_size = 0;
        return TRUE;
    }
    gsize size = (gsize)data[2] << 8 | data[3];
    if (size < FIXED || size > YD_X224_MAX)
        return fail(error, "TPKT length %" G_GSIZE_FORMAT " is not within %d to %d", size, FIXED,
                    YD_X224_MAX);
    *ret_size = size;
    return TRUE;
}

// Finds the next cookie line at *pos; FALSE when the text there is none. *ret_size includes CRLF.
static gboolean
cookie_at(const guint8 *data, gsize len, gsize pos, gsize *ret_size)
{
    if (len - pos < strlen(COOKIE) || memcmp(data + pos, COOKIE, strlen(COOKIE)) != 0)
        return FALSE;
    const guint8 *end = memmem(data + pos, len - pos, "\r\n", 2);
    if (end == NULL)
        return FALSE;
    *ret_size = (gsize)(end - data) - pos + 2;
    return TRUE;
}

static gboolean
is_ticket_line(const guint8 *line, gsize size)
{
    return size > strlen(TICKET) + 2 && memcmp(line, TICKET, strlen(TICKET)) == 0;
}

static gboolean
take_ticket(const guint8 *line, gsize size, YdX224Request *request, GError **error)
{
    gsize n = size - strlen(TICKET) - 2;
    if (request->ticket[0] != '\0')
        return fail(error, "two msts cookies");
    if (n >= YD_X224_TICKET_SIZE)
        return fail(error, "an msts cookie of %" G_GSIZE_FORMAT " bytes", n);
    for (gsize i = 0; i < n; i++)
        if (!g_ascii_isgraph(line[strlen(TICKET) + i]))
            return fail(error, "a character in the msts cookie that no ticket has");
    memcpy(request->ticket, line + strlen(TICKET), n);
    return TRUE;
}

gboolean
yd_x224_parse(const guint8 *data, gsize len, YdX224Request *ret_request, GError **error)
{
    gsize size = 0;
    if (!yd_x224_size(data, len, &size, error))
        return FALSE;
    if (size != len)
        return fail(error, "TPKT length %" G_GSIZE_FORMAT " in a packet of %" G_GSIZE_FORMAT, size,
                    len);
    if (data[4] != len - 5)
        return fail(error, "X.224 length %u in a packet of %" G_GSIZE_FORMAT " bytes", data[4],
                    len);
    if ((data[5] & 0xf0) != 0xe0)
        return fail(error, "X.224 code 0x%02x is no connection request", data[5]);
    YdX224Request request = {0};
    gsize pos = FIXED, line = 0;
    for (; cookie_at(data, len, pos, &line); pos += line)
        if (is_ticket_line(data + pos, line) && !take_ticket(data + pos, line, &request, error))
            return FALSE;
    if (len - pos >= 8 && data[pos] == 1 && data[pos + 2] == 8 && data[pos + 3] == 0) {
        const guint8 *p = data + pos + 4;
        request.negotiates = TRUE;
        request.protocols = p[0] | (guint32)p[1] << 8 | (guint32)p[2] << 16 | (guint32)p[3] << 24;
    }
    *ret_request = request;
    return TRUE;
}

gsize
yd_x224_strip(const guint8 *data, gsize len, guint8 *out)
{
    gsize n = FIXED, pos = FIXED, line = 0;
    memcpy(out, data, FIXED);
    for (; cookie_at(data, len, pos, &line); pos += line) {
        if (is_ticket_line(data + pos, line))
            continue;
        memcpy(out + n, data + pos, line);
        n += line;
    }
    memcpy(out + n, data + pos, len - pos);
    n += len - pos;
    out[2] = (guint8)(n >> 8);
    out[3] = (guint8)n;
    out[4] = (guint8)(n - 5);
    return n;
}

void
yd_x224_refusal(guint32 failure_code, guint8 out[YD_X224_REFUSAL_SIZE])
{
    const guint8 packet[YD_X224_REFUSAL_SIZE] = {
        3,
        0,
        0,
        YD_X224_REFUSAL_SIZE, // TPKT
        14,
        0xd0,
        0,
        0,
        0x12,
        0x34,
        0, // connection confirm
        3,
        0,
        8,
        0, // RDP_NEG_FAILURE, flags, length 8
        (guint8)failure_code,
        (guint8)(failure_code >> 8), // little endian
        (guint8)(failure_code >> 16),
        (guint8)(failure_code >> 24),
    };
    memcpy(out, packet, sizeof packet);
}
