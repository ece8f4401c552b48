// SPDX-License-Identifier: Apache-2.0
// Lines between gates with jansson.
#include "gate/peer-message.h"

#include <jansson.h>
#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "gate/gate-message.h"

static const char *const ops[] = {
    [YD_PEER_LINK] = "link", [YD_PEER_WEB] = "web", [YD_PEER_PASS] = "pass"};

gboolean
yd_peer_name_valid(const char *name)
{
    gsize n = 0;
    for (; name[n] != '\0' && n <= YD_PEER_NAME_MAX; n++)
        if (!g_ascii_isalnum(name[n]) && strchr(".-_", name[n]) == NULL)
            return FALSE;
    return n > 0 && n <= YD_PEER_NAME_MAX;
}

static char *
to_line(json_t *object)
{
    g_return_val_if_fail(object != NULL, NULL);
    char *text = json_dumps(object, JSON_COMPACT);
    char *line = g_strconcat(text, "\n", NULL);
    explicit_bzero(text, strlen(text));
    free(text);
    json_decref(object);
    return line;
}

char *
yd_peer_request_line(const YdPeerRequest *request)
{
    if (request->op != YD_PEER_PASS)
        return to_line(json_pack("{s:s}", "op", ops[request->op]));
    return to_line(json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:s*}", "op", "pass", "grant",
                             request->grant, "protocol", request->protocol, "address",
                             request->address, "port", (int)request->port, "keyboard",
                             (json_int_t)request->keyboard, "edge", request->edge));
}

static json_t *
load(const char *line, gsize len, GError **error)
{
    json_error_t why;
    json_t *object =
        len < YD_PEER_LINE_MAX ? json_loadb(line, len, JSON_REJECT_DUPLICATES, &why) : NULL;
    if (object == NULL)
        g_set_error_literal(error, YD_ERROR, YD_ERROR_INVALID, "the other gate's line is no JSON");
    return object;
}

static const char *
text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static gboolean
is_protocol(const char *text)
{
    static const char *const known[] = {"rdp", "spice", "console", "rdp-web", NULL};
    return text != NULL && g_strv_contains(known, text);
}

// The members of a pass; FALSE when one is not good.
static gboolean
read_pass(const json_t *object, YdPeerRequest *request)
{
    json_int_t port = json_integer_value(json_object_get(object, "port"));
    json_int_t keyboard = json_integer_value(json_object_get(object, "keyboard"));
    request->grant = g_strdup(text_of(object, "grant"));
    request->protocol = g_strdup(text_of(object, "protocol"));
    request->address = g_strdup(text_of(object, "address"));
    request->edge = g_strdup(text_of(object, "edge"));
    request->port = (guint16)CLAMP(port, 0, 65535);
    request->keyboard = (guint32)CLAMP(keyboard, 0, G_MAXUINT32);
    return request->grant != NULL && yd_gate_ticket_valid(request->grant) &&
           is_protocol(request->protocol) && request->address != NULL &&
           g_hostname_is_ip_address(request->address) &&
           (request->edge == NULL || yd_peer_name_valid(request->edge));
}

YdPeerRequest *
yd_peer_request_parse(const char *line, gsize len, GError **error)
{
    json_t *object = load(line, len, error);
    if (object == NULL)
        return NULL;
    g_autoptr(YdPeerRequest) request = g_new0(YdPeerRequest, 1);
    const char *op = text_of(object, "op");
    gboolean good = FALSE;
    for (guint i = 0; op != NULL && i < G_N_ELEMENTS(ops); i++) {
        if (!g_str_equal(op, ops[i]))
            continue;
        request->op = (YdPeerOp)i;
        good = request->op != YD_PEER_PASS || read_pass(object, request);
    }
    json_decref(object);
    if (good)
        return g_steal_pointer(&request);
    g_set_error_literal(error, YD_ERROR, YD_ERROR_INVALID,
                        "the other gate asks for something that this one does not know");
    return NULL;
}

void
yd_peer_request_free(YdPeerRequest *request)
{
    if (request == NULL)
        return;
    yd_secret_wipe(&request->grant);
    g_free(request->protocol);
    g_free(request->address);
    g_free(request->edge);
    g_free(request);
}

char *
yd_peer_answer_line(const char *code, const char *text)
{
    g_autofree char *utf8 = NULL;
    if (code == NULL)
        return to_line(json_pack("{s:s}", "op", "go"));
    // Short enough for a line whatever has to be escaped in it.
    utf8 =
        g_utf8_make_valid(text != NULL ? text : "", text != NULL ? (gssize)strnlen(text, 120) : 0);
    return to_line(json_pack("{s:s, s:s, s:s}", "op", "refuse", "code", code, "message", utf8));
}

gboolean
yd_peer_answer_parse(const char *line, gsize len, char **ret_code, char **ret_text, GError **error)
{
    json_t *object = load(line, len, error);
    if (object == NULL)
        return FALSE;
    const char *op = text_of(object, "op"), *code = text_of(object, "code");
    gboolean go = g_strcmp0(op, "go") == 0;
    gboolean good = go || (g_strcmp0(op, "refuse") == 0 && code != NULL);
    if (good) {
        *ret_code = go ? NULL : g_strdup(code);
        *ret_text = go ? NULL : g_strdup(text_of(object, "message"));
    } else {
        g_set_error_literal(error, YD_ERROR, YD_ERROR_INVALID,
                            "the other gate's answer is none that this one knows");
    }
    json_decref(object);
    return good;
}
