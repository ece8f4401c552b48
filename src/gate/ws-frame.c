// SPDX-License-Identifier: Apache-2.0
// The frame decoder is a small state machine: gather a header, then hand payload on. Only binary
// messages are data here (VNC and RDCleanPath speak nothing else); text is refused with 1003.
#include "gate/ws-frame.h"

#include <string.h>

static gsize
bad(YdWsPart *part, guint16 code, gsize used)
{
    *part = (YdWsPart){.kind = YD_WS_PART_BAD, .close_code = code};
    return used;
}

// How long the header is, told by its first two bytes.
static guint
header_size(const YdWsDecoder *d)
{
    if (d->header_len < 2)
        return 2;
    guint length = d->header[1] & 0x7f;
    return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + 4;
}

static guint64
read_length(const YdWsDecoder *d)
{
    guint64 length = d->header[1] & 0x7f;
    guint n = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (n > 0)
        length = 0;
    for (guint i = 0; i < n; i++)
        length = length << 8 | d->header[2 + i];
    return length;
}

// Whether the length is written in the fewest bytes (RFC 6455, 5.2).
static gboolean
is_minimal(const YdWsDecoder *d, guint64 length)
{
    guint form = d->header[1] & 0x7f;
    return form < 126 || (form == 126 && length >= 126) || (form == 127 && length > 0xffff);
}

// The close code for what is wrong with a whole header, 0 when nothing is.
static guint16
check_header(const YdWsDecoder *d, guint64 length)
{
    gboolean control = (d->opcode & 8) != 0;
    if ((d->header[0] & 0x70) != 0 || (d->header[1] & 0x80) == 0 || !is_minimal(d, length))
        return YD_WS_PROTOCOL_ERROR;
    if (control && (!d->final || length > YD_WS_CONTROL_MAX || d->opcode > YD_WS_PONG))
        return YD_WS_PROTOCOL_ERROR;
    if (control)
        return 0;
    if (d->opcode > YD_WS_BINARY || (d->opcode == YD_WS_CONTINUATION) != d->in_message)
        return YD_WS_PROTOCOL_ERROR;
    if (d->opcode == YD_WS_TEXT)
        return YD_WS_UNSUPPORTED;
    return length > YD_WS_FRAME_MAX ? YD_WS_TOO_BIG : 0;
}

// Unmasks in place and turns the mask for what follows.
static void
unmask(YdWsDecoder *d, guint8 *data, gsize len)
{
    guint8 wide[8];
    memcpy(wide, d->mask, 4);
    memcpy(wide + 4, d->mask, 4);
    guint64 m, v;
    memcpy(&m, wide, 8);
    gsize i = 0;
    for (; i + 8 <= len; i += 8) {
        memcpy(&v, data + i, 8);
        v ^= m;
        memcpy(data + i, &v, 8);
    }
    for (; i < len; i++)
        data[i] ^= wide[i & 7];
    for (guint k = 0; k < 4; k++)
        d->mask[k] = wide[(len + k) & 3];
}

static void
end_frame(YdWsDecoder *d)
{
    if ((d->opcode & 8) == 0)
        d->in_message = !d->final;
    d->in_payload = FALSE;
    d->header_len = 0;
}

static gsize
read_control(YdWsDecoder *d, guint8 *data, gsize len, YdWsPart *ret_part)
{
    gsize n = MIN(len, d->left);
    unmask(d, data, n);
    memcpy(d->control + d->control_len, data, n);
    d->control_len += (guint)n;
    d->left -= n;
    if (d->left > 0)
        return n;
    *ret_part = (YdWsPart){.kind = YD_WS_PART_CONTROL,
                           .opcode = (YdWsOpcode)d->opcode,
                           .payload = d->control,
                           .len = d->control_len};
    if (d->opcode == YD_WS_CLOSE && d->control_len == 1)
        *ret_part = (YdWsPart){.kind = YD_WS_PART_BAD, .close_code = YD_WS_PROTOCOL_ERROR};
    end_frame(d);
    return n;
}

static gsize
read_data(YdWsDecoder *d, guint8 *data, gsize len, YdWsPart *ret_part)
{
    gsize n = MIN(len, d->left);
    unmask(d, data, n);
    d->left -= n;
    if (n > 0)
        *ret_part =
            (YdWsPart){.kind = YD_WS_PART_DATA, .opcode = YD_WS_BINARY, .payload = data, .len = n};
    if (d->left == 0)
        end_frame(d);
    return n;
}

// Takes header bytes; *ret_code is the close code of a bad header.
static gsize
read_header(YdWsDecoder *d, const guint8 *data, gsize len, guint16 *ret_code)
{
    gsize used = 0;
    while (used < len && d->header_len < header_size(d))
        d->header[d->header_len++] = data[used++];
    *ret_code = 0;
    if (d->header_len < 2 || d->header_len < header_size(d))
        return used;
    d->opcode = d->header[0] & 0x0f;
    d->final = (d->header[0] & 0x80) != 0;
    d->left = read_length(d);
    *ret_code = check_header(d, d->left);
    memcpy(d->mask, d->header + header_size(d) - 4, 4);
    d->control_len = 0;
    d->in_payload = TRUE;
    return used;
}

gsize
yd_ws_decode(YdWsDecoder *d, guint8 *data, gsize len, YdWsPart *ret_part)
{
    gsize used = 0;
    *ret_part = (YdWsPart){.kind = YD_WS_PART_MORE};
    while (ret_part->kind == YD_WS_PART_MORE) {
        if (!d->in_payload) {
            guint16 code = 0;
            used += read_header(d, data + used, len - used, &code);
            if (code != 0)
                return bad(ret_part, code, used);
            if (!d->in_payload)
                return used;
        }
        if ((d->opcode & 8) != 0)
            used += read_control(d, data + used, len - used, ret_part);
        else
            used += read_data(d, data + used, len - used, ret_part);
        if (d->in_payload && used == len)
            return used;
    }
    return used;
}

gsize
yd_ws_header(YdWsOpcode opcode, gsize payload_len, guint8 out[YD_WS_SERVER_HEADER_MAX])
{
    out[0] = 0x80 | (guint8)opcode;
    if (payload_len < 126) {
        out[1] = (guint8)payload_len;
        return 2;
    }
    guint n = payload_len <= 0xffff ? 2 : 8;
    out[1] = n == 2 ? 126 : 127;
    for (guint i = 0; i < n; i++)
        out[2 + i] = (guint8)((guint64)payload_len >> (8 * (n - 1 - i)));
    return 2 + n;
}

gsize
yd_ws_control(YdWsOpcode opcode, const guint8 *payload, gsize len,
              guint8 out[2 + YD_WS_CONTROL_MAX])
{
    g_return_val_if_fail(len <= YD_WS_CONTROL_MAX, 0);
    out[0] = 0x80 | (guint8)opcode;
    out[1] = (guint8)len;
    if (len > 0)
        memcpy(out + 2, payload, len);
    return 2 + len;
}

gsize
yd_ws_close(guint16 code, guint8 out[2 + YD_WS_CONTROL_MAX])
{
    const guint8 payload[2] = {(guint8)(code >> 8), (guint8)code};
    return yd_ws_control(YD_WS_CLOSE, payload, 2, out);
}
