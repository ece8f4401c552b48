// SPDX-License-Identifier: Apache-2.0
// Tables, cells, chosen columns, and the bar of a job.
#include "deskctl/table.h"

#include "base/json-util.h"
#include "deskctl/progress.h"
#include "deskctl/text-width.h"

static const CtlColumn columns[] = {
    {"name", "NAME"},
    {"memory_mib", "MEMORY", CTL_CELL_MIB},
    {"inner.state", "STATE"},
    {0},
};

static json_t *
items(void)
{
    return json_loads("[{\"name\":\"财务部\",\"memory_mib\":2048,\"inner\":{\"state\":\"off\"}},"
                      "{\"name\":\"a\",\"memory_mib\":512,\"inner\":null}]",
                      0, NULL);
}

static void
test_layout(void)
{
    g_autoptr(json_t) rows = items();
    g_autofree char *table = ctl_table(rows, columns, TRUE, 0);
    g_assert_cmpstr(table, ==,
                    "NAME     MEMORY  STATE\n"
                    "财务部    2 GiB  off\n"
                    "a       512 MiB  -\n");
    g_autofree char *bare = ctl_table(rows, columns, FALSE, 0);
    g_assert_true(g_str_has_prefix(bare, "财务部"));
}

static void
test_fits(void)
{
    g_autoptr(json_t) rows = json_array();
    g_autofree char *name = g_strnfill(200, 'n');
    json_array_append_new(rows, json_pack("{s:s, s:i}", "name", name, "memory_mib", 1));
    g_autofree char *table = ctl_table(rows, columns, TRUE, 60);
    g_auto(GStrv) lines = g_strsplit(table, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 3); // headings, row, and what follows the last \n
    for (guint i = 0; i < 3; i++)
        g_assert_cmpuint(ctl_width(lines[i]), <=, 60);
    g_assert_nonnull(strstr(lines[1], "…"));
    // An id is never cut: it is there to be copied.
    static const CtlColumn with_id[] = {{"id", "ID"}, {"name", "NAME"}, {0}};
    json_object_set_new(json_array_get(rows, 0), "id",
                        json_string("job-01jd0000000000000000000000"));
    g_autofree char *ids = ctl_table(rows, with_id, TRUE, 40);
    g_assert_nonnull(strstr(ids, "job-01jd0000000000000000000000  nnnnn"));
    // What can't fit is printed as narrow as it gets, not for ever.
    g_autofree char *tiny = ctl_table(rows, columns, TRUE, 3);
    g_assert_nonnull(tiny);
}

static void
test_cells(void)
{
    static const struct {
        const char *json;
        CtlCell cell;
        const char *expected;
    } table[] = {
        {"{\"x\":0}", CTL_CELL_BYTES, "0 B"},
        {"{\"x\":1536}", CTL_CELL_BYTES, "1.5 KiB"},
        {"{\"x\":1073741824}", CTL_CELL_BYTES, "1 GiB"},
        {"{\"x\":123456789012}", CTL_CELL_BYTES, "115 GiB"},
        {"{\"x\":0}", CTL_CELL_GIB, "-"},
        {"{\"x\":30}", CTL_CELL_GIB, "30 GiB"},
        {"{\"x\":true}", CTL_CELL_BOOL, "yes"},
        {"{\"x\":45}", CTL_CELL_PERCENT, "45 %"},
        {"{\"x\":-1}", CTL_CELL_PERCENT, "-"},
        {"{\"x\":-1}", CTL_CELL_INT, "-1"},
        {"{\"x\":1234}", CTL_CELL_MICRO, "1.2 ms"},
        {"{\"x\":0.5}", CTL_CELL_INT, "0.50"},
        {"{\"x\":null}", CTL_CELL_INT, "-"},
        {"{\"x\":\"\"}", CTL_CELL_TEXT, "-"},
        {"{\"x\":\"not a time\"}", CTL_CELL_TIME, "not a time"},
        {"{\"x\":[1,2]}", CTL_CELL_TEXT, "[1,2]"},
        {"{\"x\":\"\\u001b[31m\"}", CTL_CELL_TEXT, "\xef\xbf\xbd[31m"},
        {"{}", CTL_CELL_TEXT, "-"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(json_t) object = json_loads(table[i].json, 0, NULL);
        CtlColumn column = {"x", "X", table[i].cell};
        g_autofree char *cell = ctl_cell(object, &column);
        g_assert_cmpstr(cell, ==, table[i].expected);
    }
}

static void
test_time(void)
{
    g_autoptr(json_t) object = json_loads("{\"x\":\"2026-01-02T03:04:05Z\"}", 0, NULL);
    CtlColumn column = {"x", "X", CTL_CELL_TIME};
    g_autofree char *cell = ctl_cell(object, &column);
    g_assert_cmpstr(cell, ==, "2026-01-02 11:04:05"); // main() sets the zone
}

static void
test_details(void)
{
    g_autoptr(json_t) object = json_loads(
        "{\"id\":\"dsk-1\",\"name\":\"d\",\"created\":\"2026-01-02T03:04:05Z\"}", 0, NULL);
    g_autofree char *text = ctl_details(object, columns);
    g_assert_cmpstr(text, ==,
                    "NAME     d\n"
                    "MEMORY   -\n"
                    "STATE    -\n"
                    "id       dsk-1\n"
                    "created  2026-01-02 11:04:05\n");
}

static void
test_pick(void)
{
    g_autoptr(json_t) rows = items();
    g_autoptr(GError) error = NULL;
    const char *const good[] = {"memory_mib", "inner", NULL};
    g_autofree CtlColumn *picked = ctl_columns_pick(columns, good, rows, &error);
    g_assert_no_error(error);
    g_assert_cmpint(picked[0].cell, ==, CTL_CELL_MIB);
    g_assert_cmpstr(picked[1].title, ==, "inner");
    g_assert_null(picked[2].name);
    const char *const bad[] = {"nmae", NULL};
    g_assert_null(ctl_columns_pick(columns, bad, rows, &error));
    g_assert_error(error, CTL_USAGE, 0);
    g_assert_nonnull(strstr(error->message, "memory_mib"));
    // An empty list knows no members: anything goes.
    g_autoptr(json_t) none = json_array();
    g_autofree CtlColumn *any = ctl_columns_pick(columns, bad, none, NULL);
    g_assert_nonnull(any);
}

static void
test_bar(void)
{
    g_autoptr(json_t) job = json_loads("{\"progress\":50,\"step_number\":3,\"steps\":6,"
                                       "\"step\":\"start\\nthe machine\"}",
                                       0, NULL);
    g_autofree char *bar = ctl_bar(job, 80);
    g_assert_cmpstr(bar, ==, "[##########..........]  50 % 3/6 start the machine");
    g_autofree char *narrow = ctl_bar(job, 30);
    g_assert_cmpuint(ctl_width(narrow), <=, 30);
    g_autoptr(json_t) queued = json_loads("{\"progress\":-7,\"state\":\"queued\"}", 0, NULL);
    g_autofree char *empty = ctl_bar(queued, 80);
    g_assert_cmpstr(empty, ==, "[....................]   0 % queued");
}

int
main(int argc, char **argv)
{
    g_setenv("TZ", "Asia/Shanghai", TRUE);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/table/layout", test_layout);
    g_test_add_func("/table/fits", test_fits);
    g_test_add_func("/table/cells", test_cells);
    g_test_add_func("/table/time", test_time);
    g_test_add_func("/table/details", test_details);
    g_test_add_func("/table/pick", test_pick);
    g_test_add_func("/table/bar", test_bar);
    return g_test_run();
}
