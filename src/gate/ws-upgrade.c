// SPDX-License-Identifier: Apache-2.0
// Reads the fields of a WebSocket request and writes the answer. It decides nothing about who may.
#include "gate/ws-upgrade.h"

#include <string.h>

#include "base/error.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

char *
yd_ws_accept_key(const char *key)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA1);
    guint8 digest[20];
    gsize len = sizeof digest;
    g_checksum_update(sum, (const guchar *)key, (gssize)strlen(key));
    g_checksum_update(sum, (const guchar *)GUID, (gssize)strlen(GUID));
    g_checksum_get_digest(sum, digest, &len);
    return g_base64_encode(digest, len);
}

// A key is the base64 of 16 bytes: 22 characters and "==".
static gboolean
is_key(const char *key)
{
    if (key == NULL || strlen(key) != 24 || !g_str_has_suffix(key, "=="))
        return FALSE;
    for (guint i = 0; i < 22; i++)
        if (!g_ascii_isalnum(key[i]) && key[i] != '+' && key[i] != '/')
            return FALSE;
    return TRUE;
}

static const char *
what_is_wrong(const YdHttpHead *head)
{
    const char *version = yd_http_head_field(head, "Sec-WebSocket-Version");
    if (!g_str_equal(yd_http_head_method(head), "GET"))
        return "the method is not GET";
    if (!yd_http_head_has_token(head, "Upgrade", "websocket"))
        return "there is no \"Upgrade: websocket\"";
    if (!yd_http_head_has_token(head, "Connection", "upgrade"))
        return "there is no \"Connection: Upgrade\"";
    if (version == NULL || !g_str_equal(version, "13"))
        return "Sec-WebSocket-Version is not 13";
    if (!is_key(yd_http_head_field(head, "Sec-WebSocket-Key")))
        return "Sec-WebSocket-Key is not the base64 of 16 bytes";
    return NULL;
}

// "host:443" and "host" are one in https.
static gboolean
same_host(const char *a, const char *b)
{
    gsize len_a = strlen(a) - (g_str_has_suffix(a, ":443") ? 4 : 0);
    gsize len_b = strlen(b) - (g_str_has_suffix(b, ":443") ? 4 : 0);
    return len_a > 0 && len_a == len_b && g_ascii_strncasecmp(a, b, len_a) == 0;
}

gboolean
yd_ws_origin_fits(const YdHttpHead *head, char *const *origins)
{
    const char *origin = yd_http_head_field(head, "Origin");
    const char *host = yd_http_head_field(head, "Host");
    if (origin == NULL)
        return TRUE;
    if (yd_http_head_count(head, "Origin") != 1)
        return FALSE;
    for (guint i = 0; origins != NULL && origins[i] != NULL; i++)
        if (g_ascii_strcasecmp(origin, origins[i]) == 0)
            return TRUE;
    return host != NULL && g_str_has_prefix(origin, "https://") &&
           same_host(origin + strlen("https://"), host);
}

gboolean
yd_ws_upgrade(const YdHttpHead *head, char *const *origins, char **ret_response, GError **error)
{
    const char *wrong = what_is_wrong(head);
    if (wrong != NULL) {
        g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "not a WebSocket request: %s", wrong);
        return FALSE;
    }
    if (!yd_ws_origin_fits(head, origins)) {
        g_set_error(error, YD_ERROR, YD_ERROR_FORBIDDEN,
                    "a page of \"%.100s\" may not connect here ([deskgate] origins)",
                    yd_http_head_field(head, "Origin"));
        return FALSE;
    }
    g_autofree char *accept = yd_ws_accept_key(yd_http_head_field(head, "Sec-WebSocket-Key"));
    gboolean binary = yd_http_head_has_token(head, "Sec-WebSocket-Protocol", "binary");
    *ret_response = g_strdup_printf("HTTP/1.1 101 Switching Protocols\r\n"
                                    "Upgrade: websocket\r\n"
                                    "Connection: Upgrade\r\n"
                                    "Sec-WebSocket-Accept: %s\r\n%s\r\n",
                                    accept, binary ? "Sec-WebSocket-Protocol: binary\r\n" : "");
    return TRUE;
}
