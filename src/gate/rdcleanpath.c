// SPDX-License-Identifier: Apache-2.0
// Reads and writes the little DER that RDCleanPath needs: definite lengths only, minimal integers.
#include "gate/rdcleanpath.h"

#include <string.h>

#include "base/error.h"

enum {
    TAG_INTEGER = 0x02,
    TAG_OCTETS = 0x04,
    TAG_UTF8 = 0x0c,
    TAG_SEQUENCE = 0x30,
    TAG_CONTEXT = 0xa0, // + number: explicit, constructed
};

enum {
    FIELD_VERSION = 0,
    FIELD_ERROR = 1,
    FIELD_TOKEN = 3,
    FIELD_X224 = 6,
    FIELD_CHAIN = 7,
    FIELD_ADDRESS = 9,
    FIELD_LAST = 9,
};

#define VERSION 3390
#define GENERAL_ERROR 1

typedef struct {
    const guint8 *p, *end;
} Slice;

static gboolean
bad(GError **error, const char *what)
{
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "no RDCleanPath request: %s", what);
    return FALSE;
}

// Reads a length; FALSE when it is cut off, indefinite, or longer than a request may be.
static gboolean
read_length(Slice *in, gsize *ret_length)
{
    if (in->p == in->end)
        return FALSE;
    gsize length = *in->p++;
    if (length & 0x80) {
        guint n = length & 0x7f;
        if (n < 1 || n > 2 || (gsize)(in->end - in->p) < n)
            return FALSE;
        for (length = 0; n > 0; n--)
            length = length << 8 | *in->p++;
    }
    *ret_length = length;
    return TRUE;
}

static gboolean
read_tlv(Slice *in, guint8 *ret_tag, Slice *ret_value)
{
    gsize length = 0;
    if (in->p == in->end)
        return FALSE;
    *ret_tag = *in->p++;
    if (!read_length(in, &length) || (gsize)(in->end - in->p) < length)
        return FALSE;
    *ret_value = (Slice){in->p, in->p + length};
    in->p += length;
    return TRUE;
}

gboolean
yd_rdcleanpath_size(const guint8 *data, gsize len, gsize *ret_size, GError **error)
{
    Slice in = {data, data + len};
    gsize length = 0;
    if (len > 0 && data[0] != TAG_SEQUENCE)
        return bad(error, "it is no SEQUENCE");
    if (len < 4) { // a length takes up to three bytes
        *ret_size = 0;
        return TRUE;
    }
    in.p++;
    if (!read_length(&in, &length))
        return bad(error, "its length is not definite or too long");
    gsize size = (gsize)(in.p - data) + length;
    if (size > YD_RDCLEANPATH_MAX)
        return bad(error, "it is too long");
    *ret_size = size;
    return TRUE;
}

static gboolean
is_version(const Slice *value)
{
    return value->end - value->p == 2 && (value->p[0] << 8 | value->p[1]) == VERSION;
}

// One field: context tag around one value.
static gboolean
read_field(Slice *fields, guint *ret_number, guint8 *ret_tag, Slice *ret_value)
{
    Slice outer;
    guint8 context = 0;
    if (!read_tlv(fields, &context, &outer) || context < TAG_CONTEXT ||
        context > TAG_CONTEXT + FIELD_LAST || !read_tlv(&outer, ret_tag, ret_value) ||
        outer.p != outer.end)
        return FALSE;
    *ret_number = context - TAG_CONTEXT;
    return TRUE;
}

static gboolean
take_field(guint number, guint8 tag, const Slice *value, YdRdcleanpathRequest *request,
           gboolean *version)
{
    if (number == FIELD_VERSION) {
        *version = tag == TAG_INTEGER && is_version(value);
        return *version;
    }
    if (number == FIELD_TOKEN) {
        request->token = (const char *)value->p;
        request->token_len = (gsize)(value->end - value->p);
        return tag == TAG_UTF8;
    }
    if (number == FIELD_X224) {
        request->x224 = value->p;
        request->x224_len = (gsize)(value->end - value->p);
        return tag == TAG_OCTETS;
    }
    return TRUE; // destination, preconnection blob: the ticket decides
}

gboolean
yd_rdcleanpath_parse(const guint8 *data, gsize len, YdRdcleanpathRequest *ret_request,
                     GError **error)
{
    YdRdcleanpathRequest request = {0};
    Slice in = {data, data + len}, fields;
    guint8 tag = 0;
    gboolean version = FALSE;
    if (!read_tlv(&in, &tag, &fields) || tag != TAG_SEQUENCE || in.p != in.end)
        return bad(error, "it is not one SEQUENCE");
    while (fields.p < fields.end) {
        Slice value;
        guint number = 0;
        if (!read_field(&fields, &number, &tag, &value))
            return bad(error, "a field is damaged");
        if (!take_field(number, tag, &value, &request, &version))
            return bad(error, number == FIELD_VERSION ? "its version is not 3390"
                                                      : "a field has the wrong type");
    }
    if (!version || !request.token || !request.x224)
        return bad(error, "version, token or X.224 request is missing");
    *ret_request = request;
    return TRUE;
}

// ---- writing ----

static void
put(GByteArray *out, guint8 tag, const guint8 *value, gsize len)
{
    guint8 head[5] = {tag};
    guint n = 1;
    if (len < 0x80) {
        head[n++] = (guint8)len;
    } else if (len < 0x100) {
        head[n++] = 0x81;
        head[n++] = (guint8)len;
    } else {
        head[n++] = 0x82;
        head[n++] = (guint8)(len >> 8);
        head[n++] = (guint8)len;
    }
    g_byte_array_append(out, head, n);
    g_byte_array_append(out, value, (guint)len);
}

static void
put_field(GByteArray *out, guint number, guint8 tag, const guint8 *value, gsize len)
{
    g_autoptr(GByteArray) inner = g_byte_array_new();
    put(inner, tag, value, len);
    put(out, (guint8)(TAG_CONTEXT + number), inner->data, inner->len);
}

static void
put_number(GByteArray *out, guint number, guint value)
{
    guint8 bytes[4];
    guint n = 0;
    for (int shift = 16; shift > 0; shift -= 8)
        if (n > 0 || value >> shift != 0)
            bytes[n++] = (guint8)(value >> shift);
    bytes[n++] = (guint8)value;
    guint8 signless[5] = {0}; // DER integers are signed: a leading zero keeps them positive
    memcpy(signless + 1, bytes, n);
    if (bytes[0] & 0x80)
        put_field(out, number, TAG_INTEGER, signless, n + 1);
    else
        put_field(out, number, TAG_INTEGER, bytes, n);
}

static GByteArray *
finish(GByteArray *fields)
{
    GByteArray *pdu = g_byte_array_new();
    put(pdu, TAG_SEQUENCE, fields->data, fields->len);
    return pdu;
}

GByteArray *
yd_rdcleanpath_response(const guint8 *confirm, gsize confirm_len, const guint8 *certificate,
                        gsize certificate_len, const char *address)
{
    g_autoptr(GByteArray) fields = g_byte_array_new();
    g_autoptr(GByteArray) chain = g_byte_array_new();
    put(chain, TAG_OCTETS, certificate, certificate_len);
    put_number(fields, FIELD_VERSION, VERSION);
    put_field(fields, FIELD_X224, TAG_OCTETS, confirm, confirm_len);
    put_field(fields, FIELD_CHAIN, TAG_SEQUENCE, chain->data, chain->len);
    put_field(fields, FIELD_ADDRESS, TAG_UTF8, (const guint8 *)address, strlen(address));
    return finish(fields);
}

GByteArray *
yd_rdcleanpath_error(guint http_status, guint wsa_error, guint tls_alert)
{
    const guint values[] = {http_status, wsa_error, tls_alert};
    g_autoptr(GByteArray) fields = g_byte_array_new();
    g_autoptr(GByteArray) what = g_byte_array_new();
    put_number(what, 0, GENERAL_ERROR);
    for (guint i = 0; i < G_N_ELEMENTS(values); i++)
        if (values[i] != 0)
            put_number(what, i + 1, values[i]);
    put_number(fields, FIELD_VERSION, VERSION);
    put_field(fields, FIELD_ERROR, TAG_SEQUENCE, what->data, what->len);
    return finish(fields);
}
