// SPDX-License-Identifier: Apache-2.0
// Ids that sort, tokens, times.
#include "base/id.h"

#include <string.h>

static void
test_ids(void)
{
    g_autofree char *before = yd_id_new("dsk");
    g_assert_cmpuint(strlen(before), ==, 4 + 26);
    for (guint i = 0; i < 5000; i++) { // many within one millisecond
        char *next = yd_id_new("dsk");
        g_assert_true(yd_id_valid(next, "dsk"));
        g_assert_cmpstr(before, <, next);
        g_free(before);
        before = next;
    }
}

static gpointer
make_ids(gpointer data)
{
    char **ids = data;
    for (guint i = 0; i < 2000; i++)
        ids[i] = yd_id_new("x");
    return NULL;
}

static void
test_threads(void)
{
    static char *ids[4][2000];
    GThread *threads[4];
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < 4; i++)
        threads[i] = g_thread_new("ids", make_ids, ids[i]);
    for (guint i = 0; i < 4; i++) {
        g_thread_join(threads[i]);
        for (guint n = 0; n < 2000; n++)
            g_assert_true(g_hash_table_add(seen, ids[i][n]));
    }
}

static void
test_valid(void)
{
    const char *const bad[] = {NULL,
                               "",
                               "dsk",
                               "dsk-",
                               "usr-01jd0000000000000000000000",
                               "dsk-01jd000000000000000000000",   // short
                               "dsk-01jd00000000000000000000000", // long
                               "dsk-81jd0000000000000000000000",  // more than 128 bits
                               "dsk-01JD0000000000000000000000",
                               "dsk-01jd000000000000000000000i",
                               "dsk-../../../../../../etc/pass"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(yd_id_valid(bad[i], "dsk"));
    g_assert_true(yd_id_valid("dsk-01jd0000000000000000000000", "dsk"));
}

static void
test_tokens(void)
{
    g_autofree char *a = yd_token_new(32), *b = yd_token_new(32);
    g_assert_cmpuint(strlen(a), ==, 43);
    g_assert_cmpstr(a, !=, b);
    g_assert_cmpuint(strspn(a, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_"), ==, 43);
    g_autofree char *hash = yd_token_hash("abc");
    g_assert_cmpstr(hash, ==, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void
test_times(void)
{
    const struct {
        gint64 ms;
        const char *text;
    } cases[] = {{0, "1970-01-01T00:00:00.000Z"},
                 {1, "1970-01-01T00:00:00.001Z"},
                 {-1, "1969-12-31T23:59:59.999Z"},
                 {1769847300250, "2026-01-31T08:15:00.250Z"}};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        gint64 back = 12345;
        g_autofree char *text = yd_time_text(cases[i].ms);
        g_assert_cmpstr(text, ==, cases[i].text);
        g_assert_true(yd_time_parse(text, &back));
        g_assert_cmpint(back, ==, cases[i].ms);
    }
    gint64 ms = 0;
    g_assert_true(yd_time_parse("2026-01-31T16:15:00.25+08:00", &ms));
    g_assert_cmpint(ms, ==, 1769847300250);
    const char *const bad[] = {
        "", "now", "2026-01-31", "2026-01-31T08:15:00", "2026-13-31T00:00:00Z", "1769847300250"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(yd_time_parse(bad[i], &ms));
    g_free(yd_time_text(G_MAXINT64)); // no crash
}

static void
test_hex(void)
{
    const guint8 bytes[] = {0x00, 0x0f, 0xa5, 0xff};
    g_autofree char *text = yd_hex(bytes, sizeof bytes);
    g_autofree char *none = yd_hex(bytes, 0);
    g_assert_cmpstr(text, ==, "000fa5ff");
    g_assert_cmpstr(none, ==, "");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/id/ids", test_ids);
    g_test_add_func("/id/threads", test_threads);
    g_test_add_func("/id/valid", test_valid);
    g_test_add_func("/id/tokens", test_tokens);
    g_test_add_func("/id/times", test_times);
    g_test_add_func("/id/hex", test_hex);
    return g_test_run();
}
