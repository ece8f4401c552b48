// SPDX-License-Identifier: Apache-2.0
// Reads the nested lengths once, strictly, and changes a few fields of the blocks inside.
#include "gate/rdp-connect.h"

#include <string.h>

#include "gate/rdp-bytes.h"

#define PREFIX 7 // TPKT and X.224 data
#define MCS_CONNECT_INITIAL_0 0x7f
#define MCS_CONNECT_INITIAL_1 0x65
#define BER_BOOLEAN 0x01
#define BER_OCTETS 0x04
#define BER_SEQUENCE 0x30

// Blocks of client data: a header (type, length of all), then as MS-RDPBCGR 2.2.1.3.x says; offsets
// count from the header.
#define BLOCK_HEADER 4
#define CS_CORE 0xc001
#define CORE_KEYBOARD 16
#define CORE_HIGH_COLOR 140
#define CORE_SUPPORTED 142
#define CORE_EARLY_FLAGS 144
#define CORE_MIN_SIZE 146
#define HIGH_COLOR_24BPP 24
#define RNS_UD_32BPP_SUPPORT 0x0008
#define RNS_UD_CS_WANT_32BPP_SESSION 0x0002
#define CS_NET 0xc003
#define NET_COUNT 4
#define NET_CHANNELS 8
#define CHANNEL_SIZE 12 // name, options
#define CHANNEL_NAME 8  // with its NUL
#define CHANNELS_MAX 31

static const struct {
    const char *name;
    guint flag;
} channels[] = {
    {"cliprdr", YD_RDP_CLOSE_CLIPRDR},
    {"rdpdr", YD_RDP_CLOSE_RDPDR},
    {"rdpsnd", YD_RDP_CLOSE_RDPSND},
    {"drdynvc", YD_RDP_CLOSE_DRDYNVC},
};

typedef struct {
    guint8 *p, *end;
} Cursor;

gboolean
yd_rdp_channel_flag(const char *name, guint *ret_flag)
{
    for (guint i = 0; i < G_N_ELEMENTS(channels); i++) {
        if (strcmp(name, channels[i].name) == 0) {
            *ret_flag = channels[i].flag;
            return TRUE;
        }
    }
    return FALSE;
}

gboolean
yd_rdp_connect_is(const guint8 *pdu, gsize len)
{
    return len > PREFIX + 2 && pdu[PREFIX] == MCS_CONNECT_INITIAL_0 &&
           pdu[PREFIX + 1] == MCS_CONNECT_INITIAL_1;
}

// ---- the wrapping ----

static gsize
left(const Cursor *c)
{
    return (gsize)(c->end - c->p);
}

// A definite length of up to two bytes that is within what is left.
static gboolean
ber_length(Cursor *c, gsize *ret_length)
{
    if (left(c) < 1)
        return FALSE;
    gsize more = (*c->p & 0x80) ? *c->p & 0x7f : 0;
    gsize length = more == 0 ? *c->p : 0;
    if (*c->p == 0x80 || more > 2 || left(c) < 1 + more)
        return FALSE;
    for (gsize i = 0; i < more; i++)
        length = length << 8 | c->p[1 + i];
    c->p += 1 + more;
    *ret_length = length;
    return length <= left(c);
}

static gboolean
ber_head(Cursor *c, guint8 tag, gsize *ret_length)
{
    if (left(c) < 1 || *c->p != tag)
        return FALSE;
    c->p++;
    return ber_length(c, ret_length);
}

static gboolean
skip_bytes(Cursor *c, const guint8 *bytes, gsize n)
{
    if (left(c) < n || memcmp(c->p, bytes, n) != 0)
        return FALSE;
    c->p += n;
    return TRUE;
}

// A PER length of two bytes, which those of client data always are.
static gboolean
per_length(Cursor *c, gsize *ret_length)
{
    if (left(c) < 2 || (c->p[0] & 0xc0) != 0x80)
        return FALSE;
    *ret_length = (gsize)(c->p[0] & 0x3f) << 8 | c->p[1];
    c->p += 2;
    return TRUE;
}

// Moves to the first block; all that follows are blocks. The length of the connect PDU is not
// compared: IronRDP writes two less than there is, and servers take it.
static gboolean
unwrap(Cursor *c)
{
    static const guint8 tags[] = {BER_OCTETS,   BER_OCTETS,   BER_BOOLEAN,
                                  BER_SEQUENCE, BER_SEQUENCE, BER_SEQUENCE};
    static const guint8 key[] = {0, 5, 0, 0x14, 0x7c, 0, 1};
    static const guint8 request[] = {0, 8, 0, 0x10, 0, 1, 0xc0, 0, 'D', 'u', 'c', 'a'};
    gsize n = 0;
    if (!ber_length(c, &n) || n != left(c))
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(tags); i++) {
        if (!ber_head(c, tags[i], &n))
            return FALSE;
        c->p += n;
    }
    return ber_head(c, BER_OCTETS, &n) && n == left(c) && skip_bytes(c, key, sizeof key) &&
           per_length(c, &n) && skip_bytes(c, request, sizeof request) && per_length(c, &n) &&
           n == left(c);
}

// ---- the blocks ----

static void
rewrite_core(guint8 *core, gsize len, guint32 keyboard)
{
    if (keyboard != 0 && len >= CORE_KEYBOARD + 4) {
        yd_rdp_put16(core + CORE_KEYBOARD, keyboard & 0xffff);
        yd_rdp_put16(core + CORE_KEYBOARD + 2, keyboard >> 16);
    }
    if (len < CORE_MIN_SIZE)
        return;
    yd_rdp_put16(core + CORE_HIGH_COLOR, HIGH_COLOR_24BPP);
    yd_rdp_put16(core + CORE_SUPPORTED, yd_rdp_le16(core + CORE_SUPPORTED) | RNS_UD_32BPP_SUPPORT);
    yd_rdp_put16(core + CORE_EARLY_FLAGS,
                 yd_rdp_le16(core + CORE_EARLY_FLAGS) | RNS_UD_CS_WANT_32BPP_SESSION);
}

// Servers compare names without case, and some end a name of eight characters at the seventh.
static gboolean
is_closed(const guint8 *name, guint closed)
{
    char text[CHANNEL_NAME];
    memcpy(text, name, sizeof text);
    text[CHANNEL_NAME - 1] = '\0';
    for (guint i = 0; i < G_N_ELEMENTS(channels); i++) {
        if ((closed & channels[i].flag) != 0 && g_ascii_strcasecmp(text, channels[i].name) == 0)
            return TRUE;
    }
    return FALSE;
}

// The channel stays, so that all others keep their numbers, but the server finds nobody for it.
static gboolean
rewrite_net(guint8 *net, gsize len, guint closed, GError **error)
{
    guint64 count = len < NET_CHANNELS ? G_MAXUINT64
                                       : yd_rdp_le16(net + NET_COUNT) |
                                             (guint64)yd_rdp_le16(net + NET_COUNT + 2) << 16;
    if (count > CHANNELS_MAX || len != NET_CHANNELS + count * CHANNEL_SIZE)
        return yd_rdp_bad(error, "the list of channels is damaged");
    for (guint i = 0; i < count; i++) {
        guint8 *name = net + NET_CHANNELS + (gsize)i * CHANNEL_SIZE;
        if (!is_closed(name, closed))
            continue;
        memset(name, 0, CHANNEL_NAME);
        g_snprintf((char *)name, CHANNEL_NAME, "off%u", i);
    }
    return TRUE;
}

gboolean
yd_rdp_connect_rewrite(guint8 *pdu, gsize len, guint32 keyboard, guint closed, GError **error)
{
    Cursor c = {pdu + PREFIX + 2, pdu + len};
    if (!yd_rdp_connect_is(pdu, len) || !unwrap(&c))
        return yd_rdp_bad(error, "the MCS connect is not as clients write it");
    while (left(&c) > 0) {
        gsize size = left(&c) < BLOCK_HEADER ? 0 : yd_rdp_le16(c.p + 2);
        if (size < BLOCK_HEADER || size > left(&c))
            return yd_rdp_bad(error, "a block of client data is damaged");
        if (yd_rdp_le16(c.p) == CS_CORE)
            rewrite_core(c.p, size, keyboard);
        else if (yd_rdp_le16(c.p) == CS_NET && !rewrite_net(c.p, size, closed, error))
            return FALSE;
        c.p += size;
    }
    return TRUE;
}
