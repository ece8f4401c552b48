// SPDX-License-Identifier: Apache-2.0
// The log writer: GLib's structured log → one line on stderr.
#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/id.h"

static const char *log_program = "yundesk";
static gboolean log_debug, log_journal;

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
    }
    return g_string_free(line, FALSE);
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
        find_field(fields, n_fields, "YD_DESKTOP"), find_field(fields, n_fields, "YD_SESSION")};
    g_autofree char *line = yd_log_line(log_program, level, text ? text : "", &about);
    g_autofree char *now = log_journal ? NULL : yd_time_text(yd_now_ms());
    g_autofree char *whole = now ? g_strdup_printf("%s %s\n", now, line)
                                 : g_strdup_printf("<%d>%s\n", level_priority(level), line);
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
                     about->session ? about->session : "", "MESSAGE", "%s", text);
}
