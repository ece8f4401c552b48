// SPDX-License-Identifier: Apache-2.0
// A pool's power policy: when its desktops start, sleep and are shut down. JSON ↔ struct, the
// calendar, and the step that a desktop takes now. Pure: reads no clock (but the time zones of the
// system).
#pragma once

#include <glib.h>

#define YD_POWER_HOLIDAYS 200

typedef struct {
    gboolean start_on_connect; // TRUE: who connects to a desktop that is off starts it
    // Seconds after the end of the last session (or the start, when there was none since) until a
    // desktop is paused, saved, shut down; 0: never.
    gint64 pause_seconds, save_seconds, off_seconds;
    gint64 keep_seconds;        // floating: until a desktop is taken from who left its session open
                                // (1800); who logs off gives it back at once
    gboolean hold;              // TRUE: a guest may hold all this (/run/yundesk/hold)
    gint64 hold_cpu_percent;    // more than this on average holds too; 0: not looked at
    char *time_zone;            // IANA name; NULL: the server's
    gint64 opens[7], closes[7]; // minutes after midnight, Monday first; both 0: closed that day
    gboolean calendar;          // whether there are opening hours at all
    char *holidays[YD_POWER_HOLIDAYS + 1]; // "2026-10-01", closed all day; NULL at the end
    gint64 open_desktops; // to start before opening: a number, -1 all that belong to people, 0 none
    gint64 open_seconds;  // how long before (900)
    gboolean close;       // shut down what has no session outside of the hours
    gint64 close_seconds; // after closing and after the end of a session (900)
} YdPower;

void yd_power_init(YdPower *power); // the defaults; clear it in any case
void yd_power_clear(YdPower *power);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(YdPower, yd_power_clear)

// Parses; unknown members, wrong types and values out of bounds are YD_ERROR_INVALID "power.x: …".
// NULL or "" is all defaults. ret is initialised in any case, to be cleared.
gboolean yd_power_parse(const char *json, YdPower *ret, GError **error);

// The canonical JSON, with all members; owned.
char *yd_power_json(const YdPower *power);

typedef struct {
    gboolean open;  // within the hours (always when there are none)
    gint64 opening; // ms: of the hours now, or the next within a week; 0: none
    gint64 closing; // ms: of the hours now; closed: when they ended last; 0: none
} YdCalendar;

// The hours around now (ms, UTC). A day's opening and closing are wall-clock times of the zone: a
// time that a change of the clock skips counts as the moment of the change.
YdCalendar yd_power_calendar(const YdPower *power, gint64 now);

// Whether desktops are to be started now for the coming (or just begun) hours: from open_seconds
// before the opening until it. ret_since: when that began.
gboolean
yd_power_opens(const YdPower *power, const YdCalendar *calendar, gint64 now, gint64 *ret_since);

typedef enum {
    YD_POWER_STAY,
    YD_POWER_PAUSE,
    YD_POWER_SAVE,
    YD_POWER_OFF,
} YdPowerStep;

typedef struct {
    const char *state; // model/desktop-state.h
    gboolean session;  // somebody is connected, or has a ticket
    gint64 idle_since; // ms: end of the last session, or ready since
} YdPowerFacts;

// What a desktop that is nobody's spare does now; only ever a step down. Whether something holds it
// is asked before it is done, not here.
YdPowerStep yd_power_step(const YdPower *power, const YdCalendar *calendar,
                          const YdPowerFacts *facts, gint64 now);

// A moving average of CPU use in percent: the present average (negative: none yet), a new sample
// and the time between both and of the window in ms.
double yd_power_average(double average, double sample, gint64 elapsed, gint64 window);
