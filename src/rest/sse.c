// SPDX-License-Identifier: Apache-2.0
// The parser of server-sent events: collects a line, then a field, then an event.
#include "rest/sse.h"

#include <string.h>

#include "base/error.h"

#define MAX_EVENT (1024 * 1024)

struct _YdSse {
    YdSseFunc func;
    gpointer user_data;
    GString *line, *data, *type, *id;
    gboolean has_data, after_cr;
};

YdSse *
yd_sse_new(YdSseFunc func, gpointer user_data)
{
    YdSse *sse = g_new0(YdSse, 1);
    sse->func = func;
    sse->user_data = user_data;
    sse->line = g_string_new(NULL);
    sse->data = g_string_new(NULL);
    sse->type = g_string_new(NULL);
    sse->id = g_string_new(NULL);
    return sse;
}

void
yd_sse_free(YdSse *sse)
{
    if (!sse)
        return;
    g_string_free(sse->line, TRUE);
    g_string_free(sse->data, TRUE);
    g_string_free(sse->type, TRUE);
    g_string_free(sse->id, TRUE);
    g_free(sse);
}

const char *
yd_sse_last_id(const YdSse *sse)
{
    return sse->id->str;
}

static void
end_event(YdSse *sse)
{
    if (sse->has_data)
        sse->func(sse->id->str, sse->type->len ? sse->type->str : "message", sse->data->str,
                  sse->user_data);
    sse->has_data = FALSE;
    g_string_truncate(sse->data, 0);
    g_string_truncate(sse->type, 0);
}

static void
take_line(YdSse *sse)
{
    if (sse->line->len == 0) {
        end_event(sse);
        return;
    }
    char *colon = strchr(sse->line->str, ':');
    const char *value = "";
    if (colon) {
        *colon = '\0';
        value = colon[1] == ' ' ? colon + 2 : colon + 1;
    }
    const char *name = sse->line->str;
    if (g_str_equal(name, "data")) {
        if (sse->has_data)
            g_string_append_c(sse->data, '\n');
        g_string_append(sse->data, value);
        sse->has_data = TRUE;
    } else if (g_str_equal(name, "event")) {
        g_string_assign(sse->type, value);
    } else if (g_str_equal(name, "id")) {
        g_string_assign(sse->id, value);
    }
    g_string_truncate(sse->line, 0);
}

gboolean
yd_sse_feed(YdSse *sse, const char *bytes, gsize n, GError **error)
{
    for (gsize i = 0; i < n; i++) {
        char c = bytes[i];
        gboolean after_cr = sse->after_cr;
        sse->after_cr = c == '\r';
        if (c == '\n' && after_cr)
            continue;
        if (c == '\n' || c == '\r')
            take_line(sse);
        else if (c != '\0')
            g_string_append_c(sse->line, c);
        if (sse->line->len + sse->data->len > MAX_EVENT) {
            g_set_error(error, YD_ERROR, YD_ERROR_TOO_LARGE,
                        "the server sent an event of more than %d bytes", MAX_EVENT);
            return FALSE;
        }
    }
    return TRUE;
}
