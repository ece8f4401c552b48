// SPDX-License-Identifier: Apache-2.0
// Strict HTTP/1.x request heads: CRLF only, no folded lines, no control characters, bounded in size
// and number of fields. A head that this parser takes is read the same way by everybody behind it.
#include "gate/http-head.h"

#include <string.h>

#include "base/error.h"

typedef struct {
    const char *name; // both point into text
    const char *value;
} Field;

struct YdHttpHead {
    char *text; // the head, cut into strings by NUL bytes
    const char *method;
    const char *target;
    Field fields[YD_HTTP_HEAD_FIELDS];
    guint n_fields;
};

static gboolean
fail(GError **error, const char *what, const char *line)
{
    g_autofree char *shown = g_strndup(line, 40);
    g_autofree char *safe = g_strescape(shown, NULL);
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "HTTP request head: %s: \"%s\"", what, safe);
    return FALSE;
}

// RFC 9110, 5.6.2: the characters of methods and field names.
static gboolean
is_token(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if (!g_ascii_isalnum(*c) && strchr("!#$%&'*+-.^_`|~", *c) == NULL)
            return FALSE;
    return *text != '\0';
}

static gboolean
is_visible(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if (*c <= 0x20 || *c == 0x7f)
            return FALSE;
    return *text != '\0';
}

static gboolean
is_value(const char *text)
{
    for (const guchar *c = (const guchar *)text; *c != '\0'; c++)
        if ((*c < 0x20 && *c != '\t') || *c == 0x7f)
            return FALSE;
    return TRUE;
}

gsize
yd_http_head_size(const char *data, gsize len, gsize seen)
{
    gsize from = seen > 3 ? seen - 3 : 0;
    if (from >= len)
        return 0;
    const char *end = memmem(data + from, len - from, "\r\n\r\n", 4);
    return end == NULL ? 0 : (gsize)(end - data) + 4;
}

// Cuts the next line off *rest (NUL terminated text); NULL at a line that does not end in CRLF.
static char *
next_line(char **rest)
{
    char *line = *rest;
    char *end = strstr(line, "\r\n");
    if (end == NULL)
        return NULL;
    *end = '\0';
    *rest = end + 2;
    return strpbrk(line, "\r\n") == NULL ? line : NULL;
}

static gboolean
parse_request_line(YdHttpHead *head, char *line, GError **error)
{
    char *target = strchr(line, ' ');
    char *version = target == NULL ? NULL : strchr(target + 1, ' ');
    if (version == NULL)
        return fail(error, "not a request line", line);
    *target++ = '\0';
    *version++ = '\0';
    if (!is_token(line) || strlen(line) > 32)
        return fail(error, "not a method", line);
    if (!is_visible(target))
        return fail(error, "not a request target", target);
    if (!g_str_equal(version, "HTTP/1.1") && !g_str_equal(version, "HTTP/1.0"))
        return fail(error, "not HTTP/1.0 or HTTP/1.1", version);
    head->method = line;
    head->target = target;
    return TRUE;
}

static gboolean
parse_field(YdHttpHead *head, char *line, GError **error)
{
    char *colon = strchr(line, ':');
    if (colon == NULL)
        return fail(error, "a field without a colon", line);
    *colon = '\0';
    if (!is_token(line))
        return fail(error, "not a field name", line);
    if (!is_value(colon + 1))
        return fail(error, "a control character in the field", line);
    if (head->n_fields == YD_HTTP_HEAD_FIELDS)
        return fail(error, "too many fields, the first over the limit is", line);
    head->fields[head->n_fields++] = (Field){line, g_strstrip(colon + 1)};
    return TRUE;
}

guint
yd_http_head_count(const YdHttpHead *head, const char *name)
{
    guint n = 0;
    for (guint i = 0; i < head->n_fields; i++)
        n += g_ascii_strcasecmp(head->fields[i].name, name) == 0;
    return n;
}

// What two readers could understand in two ways.
static gboolean
is_clear(const YdHttpHead *head, GError **error)
{
    guint lengths = yd_http_head_count(head, "Content-Length");
    if (lengths > 1 || (lengths == 1 && yd_http_head_count(head, "Transfer-Encoding") > 0))
        return fail(error, "more than one length of the body", head->target);
    if (yd_http_head_count(head, "Host") > 1)
        return fail(error, "more than one Host", head->target);
    return TRUE;
}

YdHttpHead *
yd_http_head_parse(const char *data, gsize len, GError **error)
{
    if (len > YD_HTTP_HEAD_MAX) {
        g_set_error(error, YD_ERROR, YD_ERROR_TOO_LARGE,
                    "HTTP request head of %" G_GSIZE_FORMAT " bytes is longer than %d", len,
                    YD_HTTP_HEAD_MAX);
        return NULL;
    }
    g_autoptr(YdHttpHead) head = g_new0(YdHttpHead, 1);
    head->text = g_strndup(data, len);
    if (strlen(head->text) != len) {
        fail(error, "a NUL byte", head->text);
        return NULL;
    }
    char *rest = head->text;
    char *line = next_line(&rest);
    if (line == NULL) {
        fail(error, "a line does not end in CRLF", head->text);
        return NULL;
    }
    if (!parse_request_line(head, line, error))
        return NULL;
    while ((line = next_line(&rest)) != NULL && *line != '\0')
        if (!parse_field(head, line, error))
            return NULL;
    if (line == NULL || *rest != '\0') {
        fail(error, "a line does not end in CRLF, or text after the empty line", rest);
        return NULL;
    }
    return is_clear(head, error) ? g_steal_pointer(&head) : NULL;
}

void
yd_http_head_free(YdHttpHead *head)
{
    if (head == NULL)
        return;
    // May hold a ticket or a log-in: leave no copy in freed memory.
    if (head->text != NULL)
        explicit_bzero(head->text, strlen(head->text));
    g_free(head->text);
    g_free(head);
}

const char *
yd_http_head_method(const YdHttpHead *head)
{
    return head->method;
}

const char *
yd_http_head_target(const YdHttpHead *head)
{
    return head->target;
}

const char *
yd_http_head_field(const YdHttpHead *head, const char *name)
{
    for (guint i = 0; i < head->n_fields; i++)
        if (g_ascii_strcasecmp(head->fields[i].name, name) == 0)
            return head->fields[i].value;
    return NULL;
}

static gboolean
list_has_token(const char *list, const char *token)
{
    gsize len = strlen(token);
    for (const char *p = list; *p != '\0';) {
        p += strspn(p, " \t,");
        gsize n = strcspn(p, ",");
        gsize word = n;
        while (word > 0 && (p[word - 1] == ' ' || p[word - 1] == '\t'))
            word--;
        if (word > 0 && word == len && g_ascii_strncasecmp(p, token, len) == 0)
            return TRUE;
        p += n;
    }
    return FALSE;
}

gboolean
yd_http_head_has_token(const YdHttpHead *head, const char *name, const char *token)
{
    for (guint i = 0; i < head->n_fields; i++)
        if (g_ascii_strcasecmp(head->fields[i].name, name) == 0 &&
            list_has_token(head->fields[i].value, token))
            return TRUE;
    return FALSE;
}

gboolean
yd_http_head_path_is(const YdHttpHead *head, const char *path)
{
    gsize n = strcspn(head->target, "?");
    return strlen(path) == n && memcmp(head->target, path, n) == 0;
}

char *
yd_http_head_query(const YdHttpHead *head, const char *name)
{
    const char *query = strchr(head->target, '?');
    gsize len = strlen(name);
    for (const char *p = query; p != NULL && *p != '\0'; p += strcspn(p, "&")) {
        p++; // the '?' or '&' before the pair
        if (strncmp(p, name, len) == 0 && p[len] == '=')
            return g_strndup(p + len + 1, strcspn(p + len + 1, "&#"));
    }
    return NULL;
}

char *
yd_http_head_proxy_ticket(const YdHttpHead *head, GError **error)
{
    const char *value = yd_http_head_field(head, "Proxy-Authorization");
    if (value == NULL || yd_http_head_count(head, "Proxy-Authorization") != 1 ||
        g_ascii_strncasecmp(value, "Basic ", 6) != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAUTHENTICATED,
                    "CONNECT needs one \"Proxy-Authorization: Basic\" with the ticket");
        return NULL;
    }
    gsize len = 0;
    g_autofree guchar *plain = g_base64_decode(value + 6 + strspn(value + 6, " "), &len);
    if (len <= 7 || memcmp(plain, "ticket:", 7) != 0 || memchr(plain, '\0', len) != NULL) {
        explicit_bzero(plain, len);
        g_set_error(
            error, YD_ERROR, YD_ERROR_UNAUTHENTICATED,
            "the user of a CONNECT's Proxy-Authorization must be \"ticket\" and its password "
            "the ticket");
        return NULL;
    }
    char *ticket = g_strndup((const char *)plain + 7, len - 7);
    explicit_bzero(plain, len);
    return ticket;
}
