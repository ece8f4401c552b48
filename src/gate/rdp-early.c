// SPDX-License-Identifier: Apache-2.0
// Rewrites the connect (rdp-connect.c) and Client Info. Everything in between passes as it came.
#include "gate/rdp-early.h"

#include <string.h>

#include "gate/rdp-bytes.h"
#include "gate/rdp-connect.h"

#define TPKT_SIZE 4
#define X224_DATA_SIZE 3 // 02 f0 80

// MCS (T.125): Send-Data-Request is choice 25 << 2.
#define MCS_SEND_DATA 0x64

// Security header flags (2.2.8.1.1.2.1) and TS_INFO_PACKET flags (2.2.1.11.1.1).
#define SEC_INFO_PKT 0x0040
#define INFO_AUTOLOGON 0x00000008
#define INFO_UNICODE 0x00000010
#define INFO_HEADER 18 // code page, flags, five lengths

struct _YdRdpEarly {
    GByteArray *pending; // the PDU being put together
    gunichar2 *username, *password;
    gsize username_bytes, password_bytes; // without the NUL
    guint32 keyboard;
    guint closed; // channels
    guint pdus;
    gboolean done;
};

static void
append16(GByteArray *out, guint value)
{
    guint8 bytes[2];
    yd_rdp_put16(bytes, value);
    g_byte_array_append(out, bytes, sizeof bytes);
}

static gunichar2 *
utf16(const char *text, gsize *ret_bytes)
{
    glong items = 0;
    gunichar2 *wide = g_utf8_to_utf16(text, -1, NULL, &items, NULL);
    for (glong i = 0; wide && i < items; i++)
        wide[i] = GUINT16_TO_LE(wide[i]);
    *ret_bytes = wide ? (gsize)items * 2 : 0;
    return wide ? wide : g_new0(gunichar2, 1);
}

YdRdpEarly *
yd_rdp_early_new(const char *username, const char *password, guint32 keyboard, guint closed)
{
    YdRdpEarly *early = g_new0(YdRdpEarly, 1);
    early->pending = g_byte_array_new();
    early->username = utf16(username, &early->username_bytes);
    early->password = utf16(password, &early->password_bytes);
    early->keyboard = keyboard;
    early->closed = closed;
    return early;
}

void
yd_rdp_early_free(YdRdpEarly *early)
{
    if (!early)
        return;
    if (early->pending->len > 0)
        explicit_bzero(early->pending->data, early->pending->len);
    g_byte_array_unref(early->pending);
    explicit_bzero(early->password, early->password_bytes);
    g_free(early->username);
    g_free(early->password);
    g_free(early);
}

gboolean
yd_rdp_early_done(const YdRdpEarly *early)
{
    return early->done;
}

// ---- Client Info ----

typedef struct {
    const guint8 *flags;           // TS_INFO_PACKET from its code page on
    const guint8 *shell, *workdir; // with their NULs
    gsize shell_bytes, workdir_bytes;
    const guint8 *extra; // what follows the strings
    gsize extra_len;
} Info;

// Five strings in a row, each with a NUL of two bytes that its length does not count.
static gboolean
parse_info(const guint8 *p, gsize len, Info *info)
{
    gsize sizes[5], at = INFO_HEADER;
    const guint8 *strings[5];
    if (len < INFO_HEADER)
        return FALSE;
    for (guint i = 0; i < 5; i++) {
        sizes[i] = (gsize)yd_rdp_le16(p + 8 + 2 * i) + 2;
        if (sizes[i] > len - at)
            return FALSE;
        strings[i] = p + at;
        at += sizes[i];
    }
    *info = (Info){.flags = p,
                   .shell = strings[3],
                   .shell_bytes = sizes[3],
                   .workdir = strings[4],
                   .workdir_bytes = sizes[4],
                   .extra = p + at,
                   .extra_len = len - at};
    return TRUE;
}

static void
append_string(GByteArray *out, const gunichar2 *text, gsize bytes)
{
    g_byte_array_append(out, (const guint8 *)text, (guint)bytes);
    append16(out, 0);
}

static GByteArray *
build_info(const YdRdpEarly *early, const Info *info)
{
    GByteArray *out = g_byte_array_new();
    g_byte_array_append(out, info->flags, 8); // code page and flags
    out->data[4] |= INFO_AUTOLOGON;
    append16(out, 0); // no domain
    append16(out, (guint)early->username_bytes);
    append16(out, (guint)early->password_bytes);
    append16(out, (guint)info->shell_bytes - 2);
    append16(out, (guint)info->workdir_bytes - 2);
    append16(out, 0); // the domain's NUL
    append_string(out, early->username, early->username_bytes);
    append_string(out, early->password, early->password_bytes);
    g_byte_array_append(out, info->shell, (guint)info->shell_bytes);
    g_byte_array_append(out, info->workdir, (guint)info->workdir_bytes);
    g_byte_array_append(out, info->extra, (guint)info->extra_len);
    return out;
}

// TPKT, X.224 and MCS around the new body of len bytes (security header and info packet).
static gboolean
append_head(GByteArray *out, const guint8 *pdu, gsize len)
{
    gsize total = TPKT_SIZE + X224_DATA_SIZE + 6 + 2 + len;
    if (len > 0x3fff || total > YD_RDP_EARLY_PDU_MAX)
        return FALSE;
    guint8 head[TPKT_SIZE + X224_DATA_SIZE + 6 + 2];
    memcpy(head, pdu, TPKT_SIZE + X224_DATA_SIZE + 6);
    head[2] = (guint8)(total >> 8);
    head[3] = (guint8)total;
    head[13] = (guint8)(0x80 | len >> 8);
    head[14] = (guint8)len;
    g_byte_array_append(out, head, sizeof head);
    return TRUE;
}

static gboolean
rewrite_info(YdRdpEarly *early, const guint8 *pdu, gsize at, gsize len, GByteArray *out,
             GError **error)
{
    Info info;
    const guint8 *security = pdu + at;
    if (!parse_info(security + 4, len - at - 4, &info))
        return yd_rdp_bad(error, "the client info is damaged");
    if (!(info.flags[4] & INFO_UNICODE))
        return yd_rdp_bad(error, "the client info is not in Unicode");
    g_autoptr(GByteArray) body = build_info(early, &info);
    gboolean good = append_head(out, pdu, 4 + body->len);
    if (good) {
        g_byte_array_append(out, security, 4);
        g_byte_array_append(out, body->data, body->len);
        early->done = TRUE;
    }
    explicit_bzero(body->data, body->len);
    return good || yd_rdp_bad(error, "the client info is too long");
}

// Whether the PDU is an MCS Send-Data-Request with a security header of Client Info; *ret_at is
// where that header begins.
static gboolean
is_info(const guint8 *pdu, gsize len, gsize *ret_at)
{
    if (len < 20 || pdu[7] != MCS_SEND_DATA)
        return FALSE;
    gsize at = (pdu[13] & 0x80) ? 15 : 14;
    *ret_at = at;
    return len - at >= 4 && (yd_rdp_le16(pdu + at) & SEC_INFO_PKT) != 0;
}

static gboolean
take_pdu(YdRdpEarly *early, guint8 *pdu, gsize len, GByteArray *out, GError **error)
{
    static const guint8 data[X224_DATA_SIZE] = {0x02, 0xf0, 0x80};
    gsize at = 0;
    if (++early->pdus > YD_RDP_EARLY_PDUS)
        return yd_rdp_bad(error, "too many PDUs before the client info");
    if (len < TPKT_SIZE + X224_DATA_SIZE + 1 || memcmp(pdu + TPKT_SIZE, data, sizeof data) != 0)
        return yd_rdp_bad(error, "a PDU is no X.224 data");
    // One connect, and first of all: what the server has not asked for must not pass unread.
    if ((early->pdus == 1) != yd_rdp_connect_is(pdu, len))
        return yd_rdp_bad(error, early->pdus == 1 ? "the first PDU is no MCS connect"
                                                  : "there is a second MCS connect");
    if (early->pdus == 1 &&
        !yd_rdp_connect_rewrite(pdu, len, early->keyboard, early->closed, error))
        return FALSE;
    if (is_info(pdu, len, &at))
        return rewrite_info(early, pdu, at, len, out, error);
    g_byte_array_append(out, pdu, (guint)len);
    return TRUE;
}

gboolean
yd_rdp_early_feed(YdRdpEarly *early, const guint8 *data, gsize len, GByteArray *out, GError **error)
{
    GByteArray *pending = early->pending;
    g_byte_array_append(pending, data, (guint)len);
    while (!early->done && pending->len >= TPKT_SIZE) {
        gsize size = (gsize)pending->data[2] << 8 | pending->data[3];
        if (pending->data[0] != 3 || size < TPKT_SIZE || size > YD_RDP_EARLY_PDU_MAX)
            return yd_rdp_bad(error, "a PDU is no TPKT");
        if (pending->len < size)
            return TRUE;
        if (!take_pdu(early, pending->data, size, out, error))
            return FALSE;
        explicit_bzero(pending->data, size);
        g_byte_array_remove_range(pending, 0, (guint)size);
    }
    if (early->done && pending->len > 0) {
        g_byte_array_append(out, pending->data, pending->len);
        g_byte_array_set_size(pending, 0);
    }
    return TRUE;
}
