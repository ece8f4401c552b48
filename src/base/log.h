// SPDX-License-Identifier: Apache-2.0
// Logging: one line on stderr for each message, with the ids it is about. Built on GLib's
// structured logging, so g_warning(), g_info() and the like of any library end here too. Under
// journald (JOURNAL_STREAM) the lines begin with "<priority>" in place of time and level.
#pragma once

#include <glib.h>

// What a message is about; NULL members are left out. Strings are borrowed for the call.
typedef struct {
    const char *request, *job, *desktop, *session;
    const char *more; // a JSON object with more members, as text
} YdLogFields;

// Takes over GLib's log writer; once, first thing in main(). Debug messages are shown only when
// the environment variable YD_DEBUG or G_MESSAGES_DEBUG is set.
void yd_log_init(const char *program);

// From now on each line is one JSON object: time, level, program, message, and what it is about.
void yd_log_set_json(gboolean json);

// One message. fields may be NULL. Control characters of the text are written as \xNN, so that a
// message is one line whatever it quotes. Any thread.
void yd_log(GLogLevelFlags level, const YdLogFields *fields, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

// The same as a JSON object; owned. For tests.
char *
yd_log_json(const char *program, GLogLevelFlags level, const char *text, const YdLogFields *fields);

// The line that the writer would write, without time or priority; owned. For tests.
char *
yd_log_line(const char *program, GLogLevelFlags level, const char *text, const YdLogFields *fields);
