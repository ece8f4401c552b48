// SPDX-License-Identifier: Apache-2.0
// A table of protocols; first packets byte by byte, then a payload of random bytes.
#include "conn-script.h"

#include <string.h>

#include "gate/rdp-early.h"

#define KEYBOARD 0x407
#define PAYLOAD_MAX 3000

typedef struct {
    const char *name, *protocol, *ticket;
    gboolean tls, guest;
    void (*build)(Script *script, GRand *rand);
    const char *head; // that the client is told first
} Kind;

static const Kind kinds[SCRIPT_N_KINDS];

static void
put(GByteArray *out, const void *data, gsize len)
{
    g_byte_array_append(out, data, (guint)len);
}

static void
put_text(GByteArray *out, const char *text)
{
    put(out, text, strlen(text));
}

static GByteArray *
payload(GRand *rand)
{
    GByteArray *out = g_byte_array_new();
    gint len = g_rand_int_range(rand, 1, g_rand_boolean(rand) ? 40 : PAYLOAD_MAX);
    for (gint i = 0; i < len; i++) {
        guint8 byte = (guint8)g_rand_int(rand);
        put(out, &byte, 1);
    }
    return out;
}

static void
put_all(GByteArray *out, const GByteArray *more)
{
    put(out, more->data, more->len);
}

// ---- RDP, SPICE, HTTP ----

// MS-RDPBCGR 2.2.1.1; ticket NULL: without a cookie.
static void
put_x224(GByteArray *out, const char *ticket)
{
    static const guint8 negotiation[8] = {1, 0, 8, 0, 3, 0, 0, 0};
    g_autofree char *cookie =
        ticket == NULL ? g_strdup("") : g_strdup_printf("Cookie: msts=%s\r\n", ticket);
    gsize n = SCRIPT_X224_SIZE + strlen(cookie);
    const guint8 head[11] = {3, 0, (guint8)(n >> 8), (guint8)n, (guint8)(n - 5), 0xe0};
    put(out, head, sizeof head);
    put_text(out, cookie);
    put(out, negotiation, sizeof negotiation);
}

static void
build_rdp(Script *script, GRand *rand)
{
    g_autoptr(GByteArray) more = payload(rand);
    put_x224(script->client, script_ticket(script->kind));
    if (script->guest == NULL)
        return;
    put_all(script->client, more);
    put_x224(script->guest, NULL);
    put_all(script->guest, more);
}

static void
build_spice(Script *script, GRand *rand)
{
    g_autoptr(GByteArray) more = payload(rand);
    g_autofree char *plain = g_strconcat("ticket:", script_ticket(script->kind), NULL);
    g_autofree char *code = g_base64_encode((const guchar *)plain, strlen(plain));
    g_autofree char *head = g_strdup_printf(
        "CONNECT vm.desk:5900 HTTP/1.0\r\nHost: vm.desk:5900\r\nProxy-Authorization: Basic "
        "%s\r\n\r\n",
        code);
    put_text(script->client, head);
    put_all(script->client, more);
    put_all(script->guest, more);
}

static void
build_https(Script *script, GRand *rand)
{
    g_autoptr(GByteArray) body = payload(rand);
    g_autofree char *head =
        g_strdup_printf("POST /x HTTP/1.1\r\nHost: gate\r\nContent-Length: %u\r\n\r\n", body->len);
    put_text(script->client, head);
    put_all(script->client, body);
}

static void
build_http(Script *script, GRand *rand)
{
    put_text(script->client, "GET /a?b HTTP/1.1\r\nHost: gate\r\n\r\n");
}

// ---- WebSockets ----

static void
put_upgrade(GByteArray *out, const char *target)
{
    g_autofree char *head =
        g_strdup_printf("GET %s HTTP/1.1\r\nHost: gate\r\nOrigin: https://gate\r\n"
                        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                        target);
    put_text(out, head);
}

static void
put_frame(GByteArray *out, guint8 first, const guint8 *data, gsize len, GRand *rand)
{
    const guint32 key = g_rand_int(rand);
    const guint8 small[] = {first, (guint8)(0x80 | len)};
    const guint8 large[] = {first, 0x80 | 126, (guint8)(len >> 8), (guint8)len};
    put(out, len < 126 ? small : large, len < 126 ? sizeof small : sizeof large);
    put(out, &key, sizeof key);
    for (gsize i = 0; i < len; i++) {
        guint8 masked = data[i] ^ ((const guint8 *)&key)[i & 3];
        put(out, &masked, 1);
    }
}

// As messages of several frames, with pings between.
static void
put_frames(GByteArray *out, const GByteArray *data, GRand *rand)
{
    gboolean inside = FALSE;
    for (gsize at = 0; at < data->len;) {
        gsize most = (gsize)g_rand_int_range(rand, 1, 800), n = MIN(most, data->len - at);
        gboolean last = at + n == data->len || g_rand_boolean(rand);
        put_frame(out, (guint8)((last ? 0x80 : 0) | (inside ? 0 : 2)), data->data + at, n, rand);
        if (g_rand_int_range(rand, 0, 4) == 0)
            put_frame(out, 0x89, data->data + at, MIN(n, 125), rand);
        inside = !last;
        at += n;
    }
}

static void
build_console(Script *script, GRand *rand)
{
    g_autoptr(GByteArray) more = payload(rand);
    g_autofree char *target =
        g_strconcat("/connect/console?ticket=", script_ticket(script->kind), NULL);
    put_upgrade(script->client, target);
    put_frames(script->client, more, rand);
    put_all(script->guest, more);
}

// What a proxy says of a client at 127.0.0.1, with an extension that nobody knows.
static void
build_proxied(Script *script, GRand *rand)
{
    static const char header[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x19"
                                 "\x7f\0\0\x01\x7f\0\0\x01\xc3\xc0\x01\xbb"
                                 "\x20\0\x05\x01\0\0\0\0\xee\0\x02??";
    put(script->client, header, sizeof header - 1);
    build_console(script, rand);
}

// An RDCleanPath request: version 3390, ticket, X.224 request.
static GByteArray *
clean_path(const char *ticket)
{
    GByteArray *pdu = g_byte_array_new();
    guint8 len = (guint8)strlen(ticket);
    const guint8 token[] = {0xa3, (guint8)(len + 2), 0x0c, len};
    put(pdu, "\x30\0\xa0\4\2\2\x0d\x3e", 8);
    put(pdu, token, sizeof token);
    put_text(pdu, ticket);
    put(pdu, "\xa6\x15\4\x13", 4);
    put_x224(pdu, NULL);
    pdu->data[1] = (guint8)(pdu->len - 2);
    return pdu;
}

// MS-RDPBCGR 2.2.1.3 with empty selectors and parameters, around one block of no known type.
static void
put_connect(GByteArray *out)
{
    guint8 pdu[200] = {3,    0,    0,    sizeof pdu, 2,    0xf0, 0x80, 0x7f, 0x65, 0x81, 189,
                       0x04, 0,    0x04, 0,          0x01, 1,    0xff, 0x30, 0,    0x30, 0,
                       0x30, 0,    0x04, 0x81,       173,  0,    5,    0,    0x14, 0x7c, 0,
                       1,    0x80, 164,  0,          8,    0,    0x10, 0,    1,    0xc0, 0,
                       'D',  'u',  'c',  'a',        0x80, 150,  0x99, 0xc0, 150,  0};
    put(out, pdu, sizeof pdu);
}

// MS-RDPBCGR 2.2.1.11 with five empty strings.
static void
put_client_info(GByteArray *out)
{
    static const guint8 pdu[] = {3, 0, 0, 47, 2, 0xf0, 0x80, 0x64, 0, 8, 3, 0xeb, 0x70, 0x80, 32,
                                 // security header, code page, flags (Unicode)
                                 0x40, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0};
    guint8 lengths_and_ends[20] = {0};
    put(out, pdu, sizeof pdu);
    put(out, lengths_and_ends, sizeof lengths_and_ends);
}

static void
build_rdp_web(Script *script, GRand *rand)
{
    g_autoptr(GByteArray) request = clean_path(script_ticket(script->kind));
    g_autoptr(GByteArray) more = payload(rand);
    g_autoptr(GByteArray) said = g_byte_array_new();
    g_autoptr(YdRdpEarly) early = yd_rdp_early_new("alice", "secret", KEYBOARD, 0);
    put_upgrade(script->client, "/connect/rdp?keyboard=407");
    put_frames(script->client, request, rand);
    put_connect(said);
    put_client_info(said);
    put_all(said, more);
    script->second = g_byte_array_new();
    put_frames(script->second, said, rand);
    g_assert_true(yd_rdp_early_feed(early, said->data, said->len, script->guest, NULL));
    g_assert_true(yd_rdp_early_done(early));
}

// ---- answers ----

// The payload of data frames of a server after the head; NULL while the head is not whole.
static GByteArray *
unframe(const GByteArray *got)
{
    GByteArray *out = g_byte_array_new();
    const guint8 *end = got->data + got->len;
    const guint8 *p = got->len == 0 ? NULL : memmem(got->data, got->len, "\r\n\r\n", 4);
    for (p = p == NULL ? end : p + 4; end - p >= 2;) {
        gsize head = p[1] == 126 ? 4 : p[1] == 127 ? 10 : 2, len = p[1];
        if ((gsize)(end - p) < head)
            break;
        for (gsize i = 2; i < head; i++)
            len = i == 2 ? p[i] : len << 8 | p[i];
        gsize there = MIN(len, (gsize)(end - p) - head);
        if (p[0] == 0x82)
            put(out, p + head, there);
        p += head + there;
    }
    return out;
}

GByteArray *
script_next(Script *script, const GByteArray *got)
{
    if (script->second == NULL)
        return NULL;
    g_autoptr(GByteArray) heard = unframe(got);
    return heard->len > 0 ? g_steal_pointer(&script->second) : NULL;
}

// zeros, then what the guest heard.
static gboolean
is_echo(const Script *script, const guint8 *data, gsize len, gsize zeros)
{
    return len > 0 && len == zeros + script->guest->len &&
           memcmp(data + zeros, script->guest->data, script->guest->len) == 0;
}

static gboolean
framed_is_answered(const Script *script, const GByteArray *got, gsize zeros)
{
    g_autoptr(GByteArray) heard = unframe(got);
    gsize skip = 0;
    if (script->kind == SCRIPT_RDP_WEB && heard->len > 4) // DER: 30 82 and two bytes of length
        skip = 4 + ((gsize)heard->data[2] << 8 | heard->data[3]);
    return heard->len >= skip && is_echo(script, heard->data + skip, heard->len - skip, zeros);
}

static gboolean
https_is_answered(const GByteArray *got)
{
    g_autofree char *text = g_strndup((const char *)got->data, got->len);
    const char *body = strstr(text, "\r\n\r\nPOST /x source=127.0.0.1 body=");
    return body != NULL && strchr(body + 4, '\n') != NULL;
}

gboolean
script_is_answered(const Script *script, const GByteArray *got, gsize zeros)
{
    const char *head = kinds[script->kind].head;
    gsize len = script->kind == SCRIPT_NO_TICKET ? 19 : strlen(head);
    if (got->len < len || (len > 0 && memcmp(got->data, head, len) != 0))
        return FALSE;
    if (script->kind == SCRIPT_CONSOLE || script->kind == SCRIPT_PROXIED ||
        script->kind == SCRIPT_RDP_WEB)
        return framed_is_answered(script, got, zeros);
    if (script->kind == SCRIPT_HTTPS)
        return https_is_answered(got);
    if (script->guest != NULL)
        return is_echo(script, got->data + len, got->len - len, zeros);
    return script->kind == SCRIPT_HTTP ? got->data[got->len - 1] == '\n' : got->len == len;
}

// ---- the table ----

static const Kind kinds[SCRIPT_N_KINDS] = {
    [SCRIPT_RDP] = {"rdp", "rdp", "RdpRdpRdpRdpRdpRdpRdpRdpRdpRdpRdpRdpRdpRdpR", FALSE, TRUE,
                    build_rdp, ""},
    [SCRIPT_SPICE] = {"spice", "spice", "SpiceSpiceSpiceSpiceSpiceSpiceSpiceSpiceSpi", FALSE, TRUE,
                      build_spice, "HTTP/1.0 200 Connection established\r\n\r\n"},
    [SCRIPT_SPICE_TLS] = {"spice inside TLS", "spice",
                          "TlsTlsTlsTlsTlsTlsTlsTlsTlsTlsTlsTlsTlsTlsT", TRUE, TRUE, build_spice,
                          "HTTP/1.0 200 Connection established\r\n\r\n"},
    [SCRIPT_CONSOLE] = {"console", "console", "Console-Console-Console-Console-Console-Con", TRUE,
                        TRUE, build_console, "HTTP/1.1 101 "},
    [SCRIPT_PROXIED] = {"console by proxy", "console",
                        "Proxied-Proxied-Proxied-Proxied-Proxied-Pro", FALSE, TRUE, build_proxied,
                        "HTTP/1.1 101 "},
    [SCRIPT_RDP_WEB] = {"rdp-web", "rdp-web", "WebWebWebWebWebWebWebWebWebWebWebWebWebWebW", TRUE,
                        TRUE, build_rdp_web, "HTTP/1.1 101 "},
    [SCRIPT_HTTPS] = {"https", NULL, "-", TRUE, FALSE, build_https, "HTTP/1.1 200 "},
    [SCRIPT_HTTP] = {"http", NULL, "-", FALSE, FALSE, build_http, "HTTP/1.1 301 "},
    [SCRIPT_NO_TICKET] = {"rdp without a good ticket", NULL,
                          "WrongWrongWrongWrongWrongWrongWrongWrongWro", FALSE, FALSE, build_rdp,
                          "\3\0\0\x13\x0e\xd0\0\0\x12\x34\0\3\0\x08\0\4\0\0\0"},
};

const char *
script_name(ScriptKind kind)
{
    return kinds[kind].name;
}

const char *
script_protocol(ScriptKind kind)
{
    return kinds[kind].protocol;
}

const char *
script_ticket(ScriptKind kind)
{
    return kinds[kind].ticket;
}

void
script_build(Script *script, ScriptKind kind, GRand *rand)
{
    *script = (Script){.kind = kind, .tls = kinds[kind].tls, .client = g_byte_array_new()};
    if (kinds[kind].guest)
        script->guest = g_byte_array_new();
    kinds[kind].build(script, rand);
}

static void
clear(GByteArray **bytes)
{
    g_clear_pointer(bytes, g_byte_array_unref);
}

void
script_clear(Script *script)
{
    clear(&script->client);
    clear(&script->second);
    clear(&script->guest);
}

// ---- changes ----

static void
flip(GByteArray *bytes, guint at, guint n, GRand *rand)
{
    bytes->data[at] ^= (guint8)(1 << g_rand_int_range(rand, 0, 8));
}

static void
delete_some(GByteArray *bytes, guint at, guint n, GRand *rand)
{
    g_byte_array_remove_range(bytes, at, n);
}

static void
insert(GByteArray *bytes, guint at, const guint8 *data, guint n)
{
    g_autofree guint8 *copy = g_memdup2(data, n);
    guint tail = bytes->len - at;
    g_byte_array_set_size(bytes, bytes->len + n);
    memmove(bytes->data + at + n, bytes->data + at, tail);
    memcpy(bytes->data + at, copy, n);
}

static void
insert_noise(GByteArray *bytes, guint at, guint n, GRand *rand)
{
    guint8 noise[64];
    for (guint i = 0; i < sizeof noise; i++)
        noise[i] = (guint8)g_rand_int(rand);
    insert(bytes, at, noise, MIN(n, sizeof noise));
}

static void
double_some(GByteArray *bytes, guint at, guint n, GRand *rand)
{
    insert(bytes, at, bytes->data + at, n);
}

void
script_change(Script *script, GRand *rand)
{
    static void (*const ways[])(GByteArray *, guint, guint, GRand *) = {flip, flip, delete_some,
                                                                        insert_noise, double_some};
    gint times = g_rand_int_range(rand, 1, 5);
    for (gint i = 0; i < times && script->client->len > 1; i++) {
        gint way = g_rand_int_range(rand, 0, G_N_ELEMENTS(ways));
        // Near the start most things are decided.
        gint reach =
            g_rand_boolean(rand) ? (gint)script->client->len : MIN((gint)script->client->len, 60);
        guint at = (guint)g_rand_int_range(rand, 0, reach);
        guint n = (guint)g_rand_int_range(rand, 1, MIN((gint)(script->client->len - at), 100) + 1);
        ways[way](script->client, at, n, rand);
        script->doubled = script->doubled || ways[way] == double_some;
    }
    script->changed = TRUE;
}
