// SPDX-License-Identifier: Apache-2.0
// The power policy's JSON, by tables of its members.
#include "model/power.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json-util.h"
#include "model/members.h"

#define YEAR (366 * 86400)

static const YdMember switches[] = {
    YD_SWITCH(YdPower, start_on_connect),
    YD_SWITCH(YdPower, hold),
    YD_SWITCH(YdPower, close),
};

static const YdMember numbers[] = {
    YD_NUMBER(YdPower, pause_seconds, 0, YEAR),    YD_NUMBER(YdPower, save_seconds, 0, YEAR),
    YD_NUMBER(YdPower, off_seconds, 0, YEAR),      YD_NUMBER(YdPower, keep_seconds, 0, YEAR),
    YD_NUMBER(YdPower, hold_cpu_percent, 0, 100),  YD_NUMBER(YdPower, open_desktops, -1, 100000),
    YD_NUMBER(YdPower, open_seconds, 0, 6 * 3600), YD_NUMBER(YdPower, close_seconds, 0, 86400),
};

static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

// "08:30"; "24:00" is the end of the day.
static gboolean
minute_of(const char *text, gint64 *ret)
{
    if (!text || strlen(text) != 5 || text[2] != ':')
        return FALSE;
    for (guint i = 0; i < 5; i++)
        if (i != 2 && !g_ascii_isdigit(text[i]))
            return FALSE;
    gint64 hour = (text[0] - '0') * 10 + text[1] - '0',
           minute = (text[3] - '0') * 10 + text[4] - '0';
    *ret = hour * 60 + minute;
    return minute < 60 && *ret <= 1440;
}

// "08:00-18:00"
static gboolean
parse_day(YdPower *power, guint day, const json_t *value, GError **error)
{
    const char *text = json_string_value(value);
    g_auto(GStrv) ends = g_strsplit(text ? text : "", "-", 3);
    gint64 opens = 0, closes = 0;
    if (json_is_null(value))
        return TRUE;
    if (g_strv_length(ends) != 2 || !minute_of(ends[0], &opens) || !minute_of(ends[1], &closes) ||
        opens >= closes)
        return yd_error_invalid(error, "hours",
                                "%s: give the hours as “08:00-18:00”, the end after the beginning, "
                                "or null",
                                days[day]);
    power->opens[day] = opens;
    power->closes[day] = closes;
    power->calendar = TRUE;
    return TRUE;
}

static gboolean
parse_hours(YdPower *power, const json_t *value, GError **error)
{
    const char *name;
    json_t *day;
    if (json_is_null(value))
        return TRUE;
    if (!json_is_object(value))
        return yd_error_invalid(error, "hours", "must be an object of weekdays (mon … sun)");
    json_object_foreach((json_t *)value, name, day)
    {
        guint i = 0;
        while (i < G_N_ELEMENTS(days) && strcmp(days[i], name) != 0)
            i++;
        if (i == G_N_ELEMENTS(days)) {
            g_autofree char *shown = g_strescape(name, NULL);
            return yd_error_invalid(error, "hours",
                                    "“%s” is none of mon, tue, wed, thu, fri, sat, sun", shown);
        }
        if (!parse_day(power, i, day, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
is_date(const char *text)
{
    guint year, month, day;
    int length = 0;
    return text && strlen(text) == 10 &&
           sscanf(text, "%4u-%2u-%2u%n", &year, &month, &day, &length) == 3 && length == 10 &&
           year >= 1970 && g_date_valid_dmy((GDateDay)day, (GDateMonth)month, (GDateYear)year);
}

static gboolean
parse_holidays(YdPower *power, const json_t *value, GError **error)
{
    if (json_is_null(value))
        return TRUE;
    if (!json_is_array(value) || json_array_size(value) > YD_POWER_HOLIDAYS)
        return yd_error_invalid(error, "holidays", "must be a list of at most %d dates",
                                YD_POWER_HOLIDAYS);
    for (gsize i = 0; i < json_array_size(value); i++) {
        const char *date = json_string_value(json_array_get(value, i));
        if (!is_date(date)) {
            g_autofree char *shown = g_strescape(date ? date : "", NULL);
            return yd_error_invalid(error, "holidays", "“%.20s” is no date; write 2026-10-01",
                                    shown);
        }
        power->holidays[i] = g_strdup(date);
    }
    return TRUE;
}

static gboolean
parse_zone(YdPower *power, const json_t *object, GError **error)
{
    const char *name = NULL;
    if (!yd_json_string(object, "time_zone", &name, error) || !name || !*name)
        return !error || !*error;
    g_autoptr(GTimeZone) zone = strlen(name) < 64 ? g_time_zone_new_identifier(name) : NULL;
    if (!zone) {
        g_autofree char *shown = g_strescape(name, NULL);
        return yd_error_invalid(error, "time_zone",
                                "“%.64s” is not known here; write for example Asia/Shanghai",
                                shown);
    }
    power->time_zone = g_strdup(name);
    return TRUE;
}

static gboolean
read_member(gpointer ret, const json_t *object, const char *name, gboolean *ret_known,
            GError **error)
{
    YdPower *power = ret;
    if (!yd_member_read(switches, G_N_ELEMENTS(switches), power, object, name, ret_known, error))
        return FALSE;
    if (!*ret_known &&
        !yd_member_read(numbers, G_N_ELEMENTS(numbers), power, object, name, ret_known, error))
        return FALSE;
    if (*ret_known)
        return TRUE;
    *ret_known = TRUE;
    if (strcmp(name, "time_zone") == 0)
        return parse_zone(power, object, error);
    if (strcmp(name, "hours") == 0)
        return parse_hours(power, json_object_get(object, name), error);
    if (strcmp(name, "holidays") == 0)
        return parse_holidays(power, json_object_get(object, name), error);
    *ret_known = FALSE;
    return TRUE;
}

// A later step of the ladder comes after an earlier one.
static gboolean
check_order(const YdPower *power, GError **error)
{
    const gint64 steps[] = {power->pause_seconds, power->save_seconds, power->off_seconds};
    static const char *const names[] = {"pause_seconds", "save_seconds", "off_seconds"};
    for (guint i = 0; i < 3; i++)
        for (guint j = i + 1; j < 3; j++)
            if (steps[i] > 0 && steps[j] > 0 && steps[j] <= steps[i])
                return yd_error_invalid(error, names[j],
                                        "%" G_GINT64_FORMAT " is not after %s (%" G_GINT64_FORMAT
                                        "); both count from the end of the last session",
                                        steps[j], names[i], steps[i]);
    return TRUE;
}

gboolean
yd_power_parse(const char *json, YdPower *ret, GError **error)
{
    GError *cause = NULL;
    yd_power_init(ret);
    if (!yd_members_parse(json, "power", read_member, ret, error))
        return FALSE;
    if (check_order(ret, &cause))
        return TRUE;
    g_propagate_prefixed_error(error, cause, "power.");
    return FALSE;
}

char *
yd_power_json(const YdPower *power)
{
    g_autoptr(json_t) object = json_object();
    yd_members_write(switches, G_N_ELEMENTS(switches), power, object);
    yd_members_write(numbers, G_N_ELEMENTS(numbers), power, object);
    json_object_set_new(object, "time_zone",
                        power->time_zone ? json_string(power->time_zone) : json_null());
    json_t *hours = json_object(), *holidays = json_array();
    for (guint i = 0; i < G_N_ELEMENTS(days); i++) {
        if (power->opens[i] >= power->closes[i])
            continue;
        char text[16];
        g_snprintf(text, sizeof text, "%02d:%02d-%02d:%02d", (int)(power->opens[i] / 60),
                   (int)(power->opens[i] % 60), (int)(power->closes[i] / 60),
                   (int)(power->closes[i] % 60));
        json_object_set_new(hours, days[i], json_string(text));
    }
    for (guint i = 0; power->holidays[i]; i++)
        json_array_append_new(holidays, json_string(power->holidays[i]));
    json_object_set_new(object, "hours", hours);
    json_object_set_new(object, "holidays", holidays);
    return yd_json_text(object);
}
