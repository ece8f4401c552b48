// SPDX-License-Identifier: Apache-2.0
// The power policy: its JSON, the calendar over changes of the clock, the ladder.
#include "model/power.h"

#include <string.h>

#include "base/error.h"

static YdPower
parsed(const char *json)
{
    g_autoptr(GError) error = NULL;
    YdPower power;
    yd_power_parse(json, &power, &error);
    g_assert_no_error(error);
    return power;
}

// "2026-03-27T08:00:00Z" in ms.
static gint64
at(const char *text)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, NULL);
    g_assert_nonnull(time);
    return g_date_time_to_unix(time) * 1000;
}

static void
test_defaults(void)
{
    g_auto(YdPower) power = parsed(NULL);
    g_assert_true(power.start_on_connect);
    g_assert_true(power.hold);
    g_assert_false(power.calendar);
    g_assert_cmpint(power.pause_seconds, ==, 0);
    g_assert_cmpint(power.keep_seconds, ==, 1800);
}

static void
test_round_trip(void)
{
    const char *json =
        "{\"start_on_connect\":false,\"hold\":true,\"close\":true,\"pause_seconds\":600,"
        "\"save_seconds\":3600,\"off_seconds\":86400,\"keep_seconds\":60,\"hold_cpu_percent\":30,"
        "\"open_desktops\":-1,\"open_seconds\":1200,\"close_seconds\":300,"
        "\"time_zone\":\"Asia/"
        "Shanghai\",\"hours\":{\"mon\":\"08:30-18:00\",\"sun\":\"00:00-24:00\"},"
        "\"holidays\":[\"2026-10-01\",\"2028-02-29\"]}";
    g_auto(YdPower) power = parsed(json);
    g_autofree char *back = yd_power_json(&power);
    g_assert_cmpstr(back, ==, json);
    g_auto(YdPower) none = parsed("{\"hours\":null,\"holidays\":null,\"time_zone\":null}");
    g_assert_false(none.calendar);
}

static void
test_bad(void)
{
    static const char *const bad[][2] = {
        {"[]", "power"},
        {"{\"sleep\":1}", "sleep"},
        {"{\"pause_seconds\":-1}", "power.pause_seconds"},
        {"{\"pause_seconds\":\"10\"}", "power.pause_seconds"},
        {"{\"pause_seconds\":99999999999}", "power.pause_seconds"},
        {"{\"close\":1}", "power.close"},
        {"{\"hold_cpu_percent\":101}", "power.hold_cpu_percent"},
        {"{\"pause_seconds\":600,\"save_seconds\":600}", "power.save_seconds"},
        {"{\"save_seconds\":600,\"off_seconds\":60}", "power.off_seconds"},
        {"{\"pause_seconds\":600,\"off_seconds\":60}", "power.off_seconds"},
        {"{\"time_zone\":\"Mars/Base\"}", "power.time_zone"},
        {"{\"time_zone\":5}", "power.time_zone"},
        {"{\"hours\":[]}", "power.hours"},
        {"{\"hours\":{\"monday\":\"08:00-18:00\"}}", "monday"},
        {"{\"hours\":{\"mon\":\"8:00-18:00\"}}", "power.hours"},
        {"{\"hours\":{\"mon\":\"18:00-08:00\"}}", "power.hours"},
        {"{\"hours\":{\"mon\":\"08:00-08:00\"}}", "power.hours"},
        {"{\"hours\":{\"mon\":\"08:60-18:00\"}}", "power.hours"},
        {"{\"hours\":{\"mon\":\"08:00-24:01\"}}", "power.hours"},
        {"{\"hours\":{\"mon\":\"08:00-12:00-13:00\"}}", "power.hours"},
        {"{\"hours\":{\"mon\":8}}", "power.hours"},
        {"{\"holidays\":\"2026-10-01\"}", "power.holidays"},
        {"{\"holidays\":[\"2026-02-29\"]}", "2026-02-29"},
        {"{\"holidays\":[\"01.10.2026\"]}", "power.holidays"},
        {"{\"holidays\":[null]}", "power.holidays"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_auto(YdPower) power;
        g_assert_false(yd_power_parse(bad[i][0], &power, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
        if (!strstr(error->message, bad[i][1]))
            g_error("%s: %s", bad[i][0], error->message);
    }
}

#define BERLIN "{\"time_zone\":\"Europe/Berlin\","

// 2026: Berlin's clocks go forward on 29 March at 02:00 (01:00 UTC), back on 25 October at 03:00.
static const struct {
    const char *power, *now;
    gboolean open;
    const char *opening, *closing; // NULL: none
} days[] = {
    // Friday before, the weekend, and the Monday after the change: the same time on the wall.
    {BERLIN "\"hours\":{\"mon\":\"08:00-18:00\",\"fri\":\"08:00-18:00\"}}", "2026-03-27T06:59:59Z",
     FALSE, "2026-03-27T07:00:00Z", "2026-03-23T17:00:00Z"},
    {BERLIN "\"hours\":{\"mon\":\"08:00-18:00\",\"fri\":\"08:00-18:00\"}}", "2026-03-27T07:00:00Z",
     TRUE, "2026-03-27T07:00:00Z", "2026-03-27T17:00:00Z"},
    {BERLIN "\"hours\":{\"mon\":\"08:00-18:00\",\"fri\":\"08:00-18:00\"}}", "2026-03-28T12:00:00Z",
     FALSE, "2026-03-30T06:00:00Z", "2026-03-27T17:00:00Z"},
    {BERLIN "\"hours\":{\"mon\":\"08:00-18:00\"}}", "2026-03-30T15:59:59Z", TRUE,
     "2026-03-30T06:00:00Z", "2026-03-30T16:00:00Z"},
    {BERLIN "\"hours\":{\"mon\":\"08:00-18:00\"}}", "2026-03-30T16:00:00Z", FALSE,
     "2026-04-06T06:00:00Z", "2026-03-30T16:00:00Z"},
    // Open at night while an hour is skipped, and while one comes twice.
    {BERLIN "\"hours\":{\"sun\":\"01:00-04:00\"}}", "2026-03-29T01:30:00Z", TRUE,
     "2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z"},
    {BERLIN "\"hours\":{\"sun\":\"01:00-04:00\"}}", "2026-10-25T02:30:00Z", TRUE,
     "2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z"},
    // Opens at a time that does not exist that day: at the change.
    {BERLIN "\"hours\":{\"sun\":\"02:30-12:00\"}}", "2026-03-29T01:30:00Z", TRUE,
     "2026-03-29T01:00:00Z", "2026-03-29T10:00:00Z"},
    // 24 hours, to the next midnight.
    {"{\"time_zone\":\"Asia/Shanghai\",\"hours\":{\"wed\":\"00:00-24:00\"}}",
     "2026-09-29T16:00:00Z", TRUE, "2026-09-29T16:00:00Z", "2026-09-30T16:00:00Z"},
    // A holiday is closed; the next day opens.
    {"{\"time_zone\":\"Asia/Shanghai\",\"hours\":{\"thu\":\"09:00-17:00\",\"fri\":\"09:00-17:00\"},"
     "\"holidays\":[\"2026-10-01\"]}",
     "2026-10-01T03:00:00Z", FALSE, "2026-10-02T01:00:00Z", "2026-09-25T09:00:00Z"},
    // No hours: always open.
    {"{}", "2026-10-01T03:00:00Z", TRUE, NULL, NULL},
};

static void
test_calendar(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(days); i++) {
        g_auto(YdPower) power = parsed(days[i].power);
        YdCalendar calendar = yd_power_calendar(&power, at(days[i].now));
        g_test_message("%s %s", days[i].power, days[i].now);
        g_assert_cmpint(calendar.open, ==, days[i].open);
        g_assert_cmpint(calendar.opening, ==, days[i].opening ? at(days[i].opening) : 0);
        g_assert_cmpint(calendar.closing, ==, days[i].closing ? at(days[i].closing) : 0);
    }
}

static void
test_opens(void)
{
    gint64 since = 0;
    g_auto(YdPower) power =
        parsed(BERLIN "\"hours\":{\"mon\":\"08:00-18:00\"},\"open_desktops\":-1,"
                      "\"open_seconds\":900}");
    static const struct {
        const char *now;
        gboolean opens;
    } moments[] = {
        {"2026-03-30T05:44:59Z", FALSE},
        {"2026-03-30T05:45:00Z", TRUE},
        {"2026-03-30T05:59:59Z", TRUE},
        {"2026-03-30T06:00:00Z", FALSE}, // who shuts down at nine is not started again
        {"2026-03-31T05:50:00Z", FALSE},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(moments); i++) {
        gint64 now = at(moments[i].now);
        YdCalendar calendar = yd_power_calendar(&power, now);
        g_assert_cmpint(yd_power_opens(&power, &calendar, now, &since), ==, moments[i].opens);
    }
    g_assert_cmpint(since, ==, at("2026-04-06T05:45:00Z"));
}

#define LADDER "{\"pause_seconds\":600,\"save_seconds\":3600,\"off_seconds\":86400}"
#define CLOSE BERLIN "\"hours\":{\"mon\":\"08:00-18:00\"},\"close\":true,\"close_seconds\":600}"
#define NOON "2026-03-30T10:00:00Z"

static const struct {
    const char *what, *power, *state, *now;
    gboolean session;
    gint64 idle; // seconds
    YdPowerStep step;
} ladder[] = {
    {"no policy", "{}", "ready", NOON, FALSE, 999999, YD_POWER_STAY},
    {"not yet", LADDER, "ready", NOON, FALSE, 599, YD_POWER_STAY},
    {"pause", LADDER, "ready", NOON, FALSE, 600, YD_POWER_PAUSE},
    {"a session holds", LADDER, "ready", NOON, TRUE, 999999, YD_POWER_STAY},
    {"paused stays", LADDER, "paused", NOON, FALSE, 3599, YD_POWER_STAY},
    {"save", LADDER, "paused", NOON, FALSE, 3600, YD_POWER_SAVE},
    {"save what was never paused", LADDER, "ready", NOON, FALSE, 3600, YD_POWER_SAVE},
    {"saved stays", LADDER, "saved", NOON, FALSE, 86399, YD_POWER_STAY},
    {"off", LADDER, "saved", NOON, FALSE, 86400, YD_POWER_OFF},
    {"off from anywhere", LADDER, "ready", NOON, FALSE, 86400, YD_POWER_OFF},
    {"no step backwards", "{\"pause_seconds\":600}", "saved", NOON, FALSE, 999999, YD_POWER_STAY},
    {"steps can be left out", "{\"off_seconds\":60}", "ready", NOON, FALSE, 60, YD_POWER_OFF},
    {"only saving", "{\"save_seconds\":60}", "ready", NOON, FALSE, 60, YD_POWER_SAVE},
    {"what starts is left alone", LADDER, "starting", NOON, FALSE, 999999, YD_POWER_STAY},
    {"what stops is left alone", LADDER, "stopping", NOON, FALSE, 999999, YD_POWER_STAY},
    {"off is off", LADDER, "off", NOON, FALSE, 999999, YD_POWER_STAY},
    {"failed is left alone", LADDER, "failed", NOON, FALSE, 999999, YD_POWER_STAY},
    {"a clock that went back", LADDER, "ready", NOON, FALSE, -50, YD_POWER_STAY},
    {"open: stays", CLOSE, "ready", NOON, FALSE, 999999, YD_POWER_STAY},
    {"just closed", CLOSE, "ready", "2026-03-30T16:09:59Z", FALSE, 999999, YD_POWER_STAY},
    {"closed", CLOSE, "ready", "2026-03-30T16:10:00Z", FALSE, 999999, YD_POWER_OFF},
    {"closed, paused", CLOSE, "paused", "2026-03-30T16:10:00Z", FALSE, 999999, YD_POWER_OFF},
    {"closed, saved: uses nothing", CLOSE, "saved", "2026-03-30T16:10:00Z", FALSE, 999999,
     YD_POWER_STAY},
    {"closed, at work", CLOSE, "ready", "2026-03-30T20:00:00Z", TRUE, 999999, YD_POWER_STAY},
    {"closed, just left", CLOSE, "ready", "2026-03-30T20:00:00Z", FALSE, 599, YD_POWER_STAY},
    {"closed, left", CLOSE, "ready", "2026-03-30T20:00:00Z", FALSE, 600, YD_POWER_OFF},
    {"a day without hours", CLOSE, "ready", "2026-03-31T10:00:00Z", FALSE, 600, YD_POWER_OFF},
    {"close without hours does nothing", "{\"close\":true}", "ready", NOON, FALSE, 999999,
     YD_POWER_STAY},
};

static void
test_ladder(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(ladder); i++) {
        g_auto(YdPower) power = parsed(ladder[i].power);
        gint64 now = at(ladder[i].now);
        YdCalendar calendar = yd_power_calendar(&power, now);
        const YdPowerFacts facts = {ladder[i].state, ladder[i].session,
                                    now - ladder[i].idle * 1000};
        YdPowerStep step = yd_power_step(&power, &calendar, &facts, now);
        if (step != ladder[i].step)
            g_error("%s: %d", ladder[i].what, step);
    }
}

// Desktops that were started for the morning are not shut down again before it.
static void
test_morning(void)
{
    g_auto(YdPower) power =
        parsed(BERLIN "\"hours\":{\"mon\":\"08:00-18:00\"},\"close\":true,\"close_seconds\":60,"
                      "\"open_desktops\":5,\"open_seconds\":1800}");
    gint64 now = at("2026-03-30T05:50:00Z");
    YdCalendar calendar = yd_power_calendar(&power, now);
    const YdPowerFacts facts = {"ready", FALSE, now - 600 * 1000};
    g_assert_cmpint(yd_power_step(&power, &calendar, &facts, now), ==, YD_POWER_STAY);
    now = at("2026-03-30T05:20:00Z");
    calendar = yd_power_calendar(&power, now);
    const YdPowerFacts early = {"ready", FALSE, now - 600 * 1000};
    g_assert_cmpint(yd_power_step(&power, &calendar, &early, now), ==, YD_POWER_OFF);
}

static void
test_average(void)
{
    double average = yd_power_average(-1, 80, 2000, 300000);
    g_assert_cmpfloat(average, ==, 80);
    for (guint i = 0; i < 600; i++)
        average = yd_power_average(average, 2, 2000, 300000);
    g_assert_cmpfloat(average, <, 5);
    average = yd_power_average(average, 100, 2000, 300000);
    g_assert_cmpfloat(average, <, 5); // one peak is no work
    g_assert_cmpfloat(yd_power_average(3, 50, 400000, 300000), ==, 50);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/power/defaults", test_defaults);
    g_test_add_func("/power/round-trip", test_round_trip);
    g_test_add_func("/power/bad", test_bad);
    g_test_add_func("/power/calendar", test_calendar);
    g_test_add_func("/power/opens", test_opens);
    g_test_add_func("/power/ladder", test_ladder);
    g_test_add_func("/power/morning", test_morning);
    g_test_add_func("/power/average", test_average);
    return g_test_run();
}
