// SPDX-License-Identifier: Apache-2.0
// The log writer: GLib's structured log → one line on stderr.
#include "base/log.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/id.h"

static const char *log_program = "yundesk";
static gboolean log_debug, log_journal;
static gint log_json; // atomic

static const char *
level_name(GLogLevelFlags level)
{
    if (level & G_LOG_LEVEL_ERROR)
        return "fatal";
    if (level & G_LOG_LEVEL_CRITICAL)
        return "error";
    if (level & G_LOG_LEVEL_WARNING)
        return "warning";
    if (level & G_LOG_LEVEL_MESSAGE)
        return "notice";
    return level & G_LOG_LEVEL_INFO ? "info" : "debug";
}

static int
level_priority(GLogLevelFlags level)
{
    if (level & G_LOG_LEVEL_ERROR)
        return 2;
    if (level & G_LOG_LEVEL_CRITICAL)
        return 3;
    if (level & G_LOG_LEVEL_WARNING)
        return 4;
    if (level & G_LOG_LEVEL_MESSAGE)
        return 5;
    return level & G_LOG_LEVEL_INFO ? 6 : 7;
}

static void
append_clean(GString *line, const char *text)
{
    for (const guchar *c = (const guchar *)text; *c; c++) {
        if (*c < 0x20 || *c == 0x7f)
            g_string_append_printf(line, "\\x%02x", *c);
        else
            g_string_append_c(line, (char)*c);
    }
}

static void
append_field(GString *line, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    g_string_append_printf(line, " %s=", name);
    append_clean(line, value);
}

static void
append_more(GString *line, const char *more)
{
    json_t *object = more && *more ? json_loads(more, 0, NULL) : NULL;
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        char *text = json_is_string(value) ? g_strdup(json_string_value(value)) : NULL;
        char *number = text ? NULL : json_dumps(value, JSON_ENCODE_ANY);
        append_field(line, name, text ? text : number);
        g_free(text);
        free(number);
    }
    json_decref(object);
}

char *
yd_log_line(const char *program, GLogLevelFlags level, const char *text, const YdLogFields *fields)
{
    GString *line = g_string_new(NULL);
    g_string_append_printf(line, "%s %s: ", level_name(level), program);
    append_clean(line, text);
    if (fields) {
        append_field(line, "request", fields->request);
        append_field(line, "job", fields->job);
        append_field(line, "desktop", fields->desktop);
        append_field(line, "session", fields->session);
        append_more(line, fields->more);
    }
    return g_string_free(line, FALSE);
}

static void
set_member(json_t *object, const char *name, const char *value)
{
    if (value && *value)
        json_object_set_new(object, name, json_string(value));
}

char *
yd_log_json(const char *program, GLogLevelFlags level, const char *text, const YdLogFields *fields)
{
    g_autofree char *now = yd_time_text(yd_now_ms());
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    json_t *object = json_pack("{s:s, s:s, s:s, s:s}", "time", now, "level", level_name(level),
                               "program", program, "message", valid);
    if (fields) {
        set_member(object, "request", fields->request);
        set_member(object, "job", fields->job);
        set_member(object, "desktop", fields->desktop);
        set_member(object, "session", fields->session);
        json_t *more = fields->more && *fields->more ? json_loads(fields->more, 0, NULL) : NULL;
        json_object_update_missing(object, more);
        json_decref(more);
    }
    char *dumped = json_dumps(object, JSON_COMPACT);
    char *line = g_strdup(dumped);
    free(dumped);
    json_decref(object);
    return line;
}

static const char *
find_field(const GLogField *fields, gsize n_fields, const char *key)
{
    for (gsize i = 0; i < n_fields; i++) {
        if (fields[i].length < 0 && strcmp(fields[i].key, key) == 0)
            return fields[i].value;
    }
    return NULL;
}

static GLogWriterOutput
write_line(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
    if ((level & G_LOG_LEVEL_DEBUG) && !log_debug)
        return G_LOG_WRITER_HANDLED;
    const char *text = find_field(fields, n_fields, "MESSAGE");
    YdLogFields about = {
        find_field(fields, n_fields, "YD_REQUEST"), find_field(fields, n_fields, "YD_JOB"),
        find_field(fields, n_fields, "YD_DESKTOP"), find_field(fields, n_fields, "YD_SESSION"),
        find_field(fields, n_fields, "YD_MORE")};
    gboolean json = g_atomic_int_get(&log_json);
    g_autofree char *line = json ? yd_log_json(log_program, level, text ? text : "", &about)
                                 : yd_log_line(log_program, level, text ? text : "", &about);
    g_autofree char *now = log_journal || json ? NULL : yd_time_text(yd_now_ms());
    g_autofree char *whole = now ? g_strdup_printf("%s %s\n", now, line)
                             : log_journal
                                 ? g_strdup_printf("<%d>%s\n", level_priority(level), line)
                                 : g_strdup_printf("%s\n", line);
    // One write, so that lines of threads and processes do not mix; nowhere to report a failure.
    if (write(STDERR_FILENO, whole, strlen(whole)) < 0)
        return G_LOG_WRITER_UNHANDLED;
    return G_LOG_WRITER_HANDLED;
}

void
yd_log_init(const char *program)
{
    log_program = program;
    log_debug = g_getenv("YD_DEBUG") || g_getenv("G_MESSAGES_DEBUG");
    log_journal = g_log_writer_is_journald(STDERR_FILENO);
    g_log_set_writer_func(write_line, NULL, NULL);
}

void
yd_log_set_json(gboolean json)
{
    g_atomic_int_set(&log_json, json);
}

void
yd_log(GLogLevelFlags level, const YdLogFields *fields, const char *format, ...)
{
    static const YdLogFields none;
    const YdLogFields *about = fields ? fields : &none;
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_log_structured("yundesk", level, "YD_REQUEST", about->request ? about->request : "", "YD_JOB",
                     about->job ? about->job : "", "YD_DESKTOP",
                     about->desktop ? about->desktop : "", "YD_SESSION",
                     about->session ? about->session : "", "YD_MORE",
                     about->more ? about->more : "", "MESSAGE", "%s", text);
}
