// SPDX-License-Identifier: Apache-2.0
// Taking saved machines apart, over the inputs of fuzz/corpus/ram-stream.
#include "storage/ram-stream.h"

#include <stdlib.h>
#include <string.h>

#define BYTES (64 * 1024)

static FILE *
input(const char *name)
{
    g_autofree char *path =
        g_strdup_printf("%s/fuzz/corpus/ram-stream/%s", g_getenv("YD_SOURCE"), name);
    FILE *in = fopen(path, "r");
    g_assert_nonnull(in);
    return in;
}

static void
good(void)
{
    g_autoptr(GError) error = NULL;
    g_auto(YdSaveHead) head = {0};
    static const char tail[] = {0, 0, 0, 2, 3, 'd', 'e', 'v'};
    g_auto(YdRamStream) found = {0};
    char *out = NULL;
    gsize length = 0;
    FILE *in = input("good"), *to = open_memstream(&out, &length);
    g_assert_true(yd_save_head_read(in, &head, &error));
    g_assert_cmpstr(head.xml, ==, "<domain/>");
    g_assert_cmpstr(head.cookie, ==, "<cookie/>");
    g_assert_true(yd_ram_stream_strip(in, to, "yd-ram", BYTES, &found, &error));
    fclose(to);
    fclose(in);
    g_assert_cmpstr(found.machine, ==, "pc-q35-7.2");
    g_assert_cmpuint(found.pages_taken, ==, 4);
    g_assert_cmpuint(found.bytes_out, ==, length);
    // Two whole pages and a zero one of the other block; its name at the first, then "as before".
    g_assert_cmpuint(length, >, 2 * 4096);
    g_assert_cmpuint(length, <, 2 * 4096 + 256);
    g_assert_true(memcmp(out + length - 8, tail, sizeof tail) == 0);
    free(out);
}

static void
refused(void)
{
    static const struct {
        const char *name, *why;
    } cases[] = {
        {"xbzrle", "unknown flags 0x40"},
        {"compress-page", "unknown flags 0x100"},
        {"hook", "unknown flags 0x80"},
        {"beyond", "beyond the end"},
        {"unknown-block", "no block"},
        {"continue-first", "no block"},
        {"fill", "filled with 1"},
        {"other-size", "not 65536"},
        {"no-block", "no block"},
        {"twice", "there twice"},
        {"version", "version 5"},
        {"section", "dirty-bitmap"},
        {"no-devices", "cut off"},
        {"eof", "kind 0"},
        {"cut", "cut off"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_auto(YdRamStream) found = {0};
        char *out = NULL;
        gsize length = 0;
        FILE *in = input(cases[i].name), *to = open_memstream(&out, &length);
        g_assert_false(yd_ram_stream_strip(in, to, "yd-ram", BYTES, &found, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
        if (!strstr(error->message, cases[i].why))
            g_error("%s: %s", cases[i].name, error->message);
        fclose(to);
        fclose(in);
        free(out);
    }
}

static void
heads(void)
{
    static const char *const names[] = {"unfinished", "compressed", "bare"};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GError) error = NULL;
        g_auto(YdSaveHead) head = {0};
        FILE *in = input(names[i]);
        g_assert_false(yd_save_head_read(in, &head, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
        fclose(in);
    }
    g_auto(YdSaveHead) head = {0};
    char *out = NULL;
    gsize length = 0;
    FILE *to = open_memstream(&out, &length);
    g_assert_true(yd_save_head_write(to, "<a/>", NULL, NULL));
    fclose(to);
    g_assert_cmpuint(length, ==, YD_SAVE_HEADER_BYTES + 5);
    FILE *in = fmemopen(out, length, "r");
    g_assert_true(yd_save_head_read(in, &head, NULL));
    g_assert_cmpstr(head.xml, ==, "<a/>");
    g_assert_null(head.cookie);
    fclose(in);
    free(out);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ram-stream/good", good);
    g_test_add_func("/ram-stream/refused", refused);
    g_test_add_func("/ram-stream/heads", heads);
    return g_test_run();
}
