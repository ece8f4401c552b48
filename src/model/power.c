// SPDX-License-Identifier: Apache-2.0
// Calendar and ladder; the JSON is power-json.c.
#include "model/power.h"

#include <string.h>

#include "model/desktop-state.h"

#define DAYS_AHEAD 8

void
yd_power_init(YdPower *power)
{
    *power = (YdPower){.start_on_connect = TRUE,
                       .keep_seconds = 1800,
                       .hold = TRUE,
                       .open_seconds = 900,
                       .close_seconds = 900};
}

void
yd_power_clear(YdPower *power)
{
    g_clear_pointer(&power->time_zone, g_free);
    for (guint i = 0; power->holidays[i]; i++)
        g_clear_pointer(&power->holidays[i], g_free);
}

// --- the calendar ---

static GTimeZone *
zone_of(const YdPower *power)
{
    GTimeZone *zone = power->time_zone ? g_time_zone_new_identifier(power->time_zone) : NULL;
    return zone ? zone : g_time_zone_new_local();
}

static gboolean
is_holiday(const YdPower *power, GDateTime *day)
{
    g_autofree char *date = g_date_time_format(day, "%Y-%m-%d");
    for (guint i = 0; power->holidays[i]; i++)
        if (strcmp(power->holidays[i], date) == 0)
            return TRUE;
    return FALSE;
}

// That wall-clock minute of that day, in ms. 24:00 is the next day's beginning.
static gint64
moment(GTimeZone *zone, GDateTime *day, gint64 minute)
{
    g_autoptr(GDateTime) next = minute >= 1440 ? g_date_time_add_days(day, 1) : NULL;
    GDateTime *date = next ? next : day;
    minute %= 1440;
    g_autoptr(GDateTime) time = g_date_time_new(
        zone, g_date_time_get_year(date), g_date_time_get_month(date),
        g_date_time_get_day_of_month(date), (int)(minute / 60), (int)(minute % 60), 0);
    return time ? g_date_time_to_unix(time) * 1000 : 0;
}

// The hours of the day; FALSE: closed.
static gboolean
hours(const YdPower *power, GTimeZone *zone, GDateTime *day, gint64 *ret_opens, gint64 *ret_closes)
{
    int weekday = g_date_time_get_day_of_week(day) - 1;
    if (power->opens[weekday] >= power->closes[weekday] || is_holiday(power, day))
        return FALSE;
    *ret_opens = moment(zone, day, power->opens[weekday]);
    *ret_closes = moment(zone, day, power->closes[weekday]);
    return *ret_opens < *ret_closes;
}

YdCalendar
yd_power_calendar(const YdPower *power, gint64 now)
{
    YdCalendar calendar = {.open = !power->calendar};
    if (!power->calendar)
        return calendar;
    g_autoptr(GTimeZone) zone = zone_of(power);
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(now / 1000);
    g_autoptr(GDateTime) local = g_date_time_to_timezone(utc, zone);
    for (int ahead = -DAYS_AHEAD; ahead <= DAYS_AHEAD; ahead++) {
        g_autoptr(GDateTime) day = g_date_time_add_days(local, ahead);
        gint64 opens, closes;
        if (!hours(power, zone, day, &opens, &closes))
            continue;
        if (closes <= now) {
            calendar.closing = closes;
            continue;
        }
        calendar.open = opens <= now;
        calendar.opening = opens;
        if (calendar.open)
            calendar.closing = closes;
        return calendar;
    }
    return calendar;
}

gboolean
yd_power_opens(const YdPower *power, const YdCalendar *calendar, gint64 now, gint64 *ret_since)
{
    if (power->open_desktops == 0 || calendar->opening == 0 || calendar->open)
        return FALSE;
    *ret_since = calendar->opening - power->open_seconds * 1000;
    return now >= *ret_since;
}

// --- the ladder ---

static int
depth(const char *state)
{
    static const char *const ladder[] = {YD_DESKTOP_READY, YD_DESKTOP_PAUSED, YD_DESKTOP_SAVED};
    for (int i = 0; i < (int)G_N_ELEMENTS(ladder); i++)
        if (g_strcmp0(state, ladder[i]) == 0)
            return i;
    return -1;
}

static gboolean
is_over(gint64 seconds, gint64 idle_ms)
{
    return seconds > 0 && idle_ms >= seconds * 1000;
}

// A saved desktop uses nothing that the night would save: it is left to the ladder.
static gboolean
closes(const YdPower *power, const YdCalendar *calendar, int now_at, gint64 idle_ms, gint64 now)
{
    return power->close && power->calendar && !calendar->open && now_at < 2 &&
           idle_ms >= power->close_seconds * 1000 &&
           now >= calendar->closing + power->close_seconds * 1000 &&
           !(calendar->opening > 0 && power->open_desktops != 0 &&
             now >= calendar->opening - power->open_seconds * 1000);
}

YdPowerStep
yd_power_step(const YdPower *power, const YdCalendar *calendar, const YdPowerFacts *facts,
              gint64 now)
{
    int at = depth(facts->state);
    gint64 idle = now - facts->idle_since;
    if (at < 0 || facts->session)
        return YD_POWER_STAY;
    if (is_over(power->off_seconds, idle) || closes(power, calendar, at, idle, now))
        return YD_POWER_OFF;
    if (at < 2 && is_over(power->save_seconds, idle))
        return YD_POWER_SAVE;
    return at < 1 && is_over(power->pause_seconds, idle) ? YD_POWER_PAUSE : YD_POWER_STAY;
}

double
yd_power_average(double average, double sample, gint64 elapsed, gint64 window)
{
    if (average < 0 || elapsed >= window)
        return sample;
    return average + (sample - average) * (double)MAX(elapsed, 0) / (double)window;
}
