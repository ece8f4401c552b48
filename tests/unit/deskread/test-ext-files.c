// SPDX-License-Identifier: Apache-2.0
// The reader on file systems that mkfs.ext4 and debugfs make: listing, reading, a journal that was
// not replayed, and thousands of damaged ones.
#include "deskread/ext-files.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json-util.h"

#define DAMAGED 400

typedef struct {
    char *root, *tree, *image;
    guint8 *bytes; // of the image
    gsize length;
} Place;

static void run(const char *format, ...) G_GNUC_PRINTF(1, 2);

static void
run(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    const char *argv[] = {"/bin/sh", "-ec", text, NULL};
    g_autoptr(GError) error = NULL;
    g_autofree char *said = NULL;
    int status = -1;
    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, &said,
                 &status, &error);
    g_assert_no_error(error);
    if (status != 0)
        g_error("%s: %s", text, said);
}

static void
load(Place *place)
{
    char *bytes = NULL;
    g_clear_pointer(&place->bytes, g_free);
    g_assert_true(g_file_get_contents(place->image, &bytes, &place->length, NULL));
    place->bytes = (guint8 *)bytes;
}

static void
set_up(Place *place, gconstpointer options)
{
    place->root = g_dir_make_tmp("yd-ext-XXXXXX", NULL);
    place->tree = g_build_filename(place->root, "tree", NULL);
    place->image = g_build_filename(place->root, "image", NULL);
    run("mkdir -p '%s/home/sub'; cd '%s/home'; echo hello >report.odt; ln -s /etc/passwd link; "
        "mkfifo pipe; touch -d @1700000000 report.odt; head -c 300000 /dev/zero | tr '\\0' 'x' "
        ">big; "
        "truncate -s 1M hole; echo end >>hole; touch \"$(printf 'b\\377d')\" 'back\\slash'; "
        "for i in $(seq 1 400); do : >sub/file-$i; done",
        place->tree, place->tree);
    run("PATH=$PATH:/sbin:/usr/sbin; mkfs.ext4 -q -F %s -d '%s' '%s' 8M >/dev/null",
        (const char *)options, place->tree, place->image);
    load(place);
}

static void
tear_down(Place *place, gconstpointer options)
{
    run("rm -rf '%s'", place->root);
    g_free(place->root);
    g_free(place->tree);
    g_free(place->image);
    g_free(place->bytes);
}

static gboolean
read_bytes(gpointer data, guint64 offset, void *buffer, gsize n, GError **error)
{
    memcpy(buffer, ((Place *)data)->bytes + offset, n);
    return TRUE;
}

static YdBlocks
blocks_of(Place *place)
{
    return (YdBlocks){read_bytes, place, place->length};
}

static json_t *
item(const json_t *list, const char *name)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(list, "items"), i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "name")), name) == 0)
            return one;
    }
    g_error("no item '%s'", name);
    return NULL;
}

static void
assert_item(const json_t *list, const char *name, const char *kind, gint64 bytes)
{
    const json_t *one = item(list, name);
    g_assert_cmpstr(json_string_value(json_object_get(one, "kind")), ==, kind);
    g_assert_cmpint(json_integer_value(json_object_get(one, "bytes")), ==, bytes);
}

static gboolean
into_array(gpointer data, const void *bytes, gsize n, GError **error)
{
    g_byte_array_append(data, bytes, (guint)n);
    return TRUE;
}

static void
test_list(Place *place, gconstpointer options)
{
    g_autoptr(GError) error = NULL;
    YdBlocks blocks = blocks_of(place);
    g_autoptr(YdExt) ext = yd_ext_new(&blocks, &error);
    g_assert_no_error(error);
    g_autoptr(json_t) home = yd_ext_list(ext, "/home", 0, 100, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(json_array_size(json_object_get(home, "items")), ==, 8);
    assert_item(home, "sub", "directory", 0);
    assert_item(home, "report.odt", "file", 6);
    assert_item(home, "link", "link", 11);
    assert_item(home, "pipe", "other", 0);
    assert_item(home, "hole", "file", 1024 * 1024 + 4);
    assert_item(home, "b\\xffd", "file", 0);
    assert_item(home, "back\\\\slash", "file", 0);
    g_assert_cmpint(json_integer_value(json_object_get(item(home, "report.odt"), "modified")), ==,
                    G_GINT64_CONSTANT(1700000000000));
    // Pages, in an order that stays.
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    guint64 cursor = 0;
    for (guint pages = 0; pages < 5; pages++) {
        size_t i;
        json_t *one;
        g_autoptr(json_t) page = yd_ext_list(ext, "/home/sub", cursor, 99, &error);
        g_assert_no_error(error);
        json_array_foreach(json_object_get(page, "items"), i, one)
            g_hash_table_add(seen, g_strdup(json_string_value(json_object_get(one, "name"))));
        cursor = (guint64)json_integer_value(json_object_get(page, "next"));
    }
    g_assert_cmpuint(cursor, ==, 0); // null: no further page
    g_assert_cmpuint(g_hash_table_size(seen), ==, 400);
    g_autoptr(json_t) past = yd_ext_list(ext, "/home", 1000, 10, &error);
    g_assert_cmpuint(json_array_size(json_object_get(past, "items")), ==, 0);
}

static void
assert_file(YdExt *ext, const char *path, const void *bytes, gsize n)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GByteArray) got = g_byte_array_new();
    YdExtFile file;
    yd_ext_read(ext, path, 64 * 1024 * 1024, into_array, got, &file, &error);
    g_assert_no_error(error);
    g_assert_cmpmem(got->data, got->len, bytes, n);
    g_assert_cmpuint(file.bytes, ==, n);
}

static void
test_read(Place *place, gconstpointer options)
{
    g_autoptr(GError) error = NULL;
    YdBlocks blocks = blocks_of(place);
    g_autoptr(YdExt) ext = yd_ext_new(&blocks, &error);
    g_autofree char *big = g_strnfill(300000, 'x');
    g_autofree char *hole = g_malloc0(1024 * 1024 + 4);
    memcpy(hole + 1024 * 1024, "end\n", 4);
    assert_file(ext, "/home/report.odt", "hello\n", 6);
    assert_file(ext, "//home/report.odt/", "hello\n", 6);
    assert_file(ext, "/home/big", big, 300000);
    assert_file(ext, "/home/hole", hole, 1024 * 1024 + 4);
    assert_file(ext, "/home/b\\xffd", "", 0);
    static const struct {
        const char *path;
        YdErrorCode code;
    } bad[] = {
        {"/home/none", YD_ERROR_NOT_FOUND},     {"/home", YD_ERROR_STATE},
        {"/home/link", YD_ERROR_STATE},         {"//home/link/y", YD_ERROR_STATE},
        {"/home/pipe", YD_ERROR_STATE},         {"/home/../home/report.odt", YD_ERROR_INVALID},
        {"/home/report.odt/x", YD_ERROR_STATE}, {"/home/big", YD_ERROR_TOO_LARGE},
    };
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) why = NULL;
        g_autoptr(GByteArray) got = g_byte_array_new();
        YdExtFile file;
        g_assert_false(yd_ext_read(ext, bad[i].path, 1000, into_array, got, &file, &why));
        g_assert_error(why, YD_ERROR, (int)bad[i].code);
        g_assert_cmpuint(got->len, ==, 0);
    }
    g_autoptr(GError) why = NULL;
    g_assert_null(yd_ext_list(ext, "/home/link", 0, 10, &why));
    g_assert_error(why, YD_ERROR, YD_ERROR_STATE);
}

// debugfs writes a transaction into the journal and does not replay it: what the reader shows is
// the new block; one that a later transaction revokes is the old one.
static void
test_journal(Place *place, gconstpointer options)
{
    g_autoptr(GError) error = NULL;
    g_autofree guint8 *new_block = g_malloc0(4096);
    g_autofree char *copy = g_build_filename(place->root, "new", NULL);
    memset(new_block, 'y', 4096);
    new_block[0] = 0xc0; // looks like the journal's own, so it is escaped there
    new_block[1] = 0x3b;
    new_block[2] = 0x39;
    new_block[3] = 0x98;
    g_assert_true(g_file_set_contents(copy, (char *)new_block, 4096, NULL));
    run("PATH=$PATH:/sbin:/usr/sbin; cd '%s'; "
        "size=$(dumpe2fs -h image 2>/dev/null | sed -n 's/^Block size: *//p'); "
        "truncate -s $size new; cat new new >block; "
        "first=$(debugfs -R 'bmap /home/big 0' image 2>/dev/null); "
        "second=$(debugfs -R 'bmap /home/big 1' image 2>/dev/null); "
        "printf 'jo\njw -b %%s,%%s block\njw -r %%s\njc\n' $first $second $second >commands; "
        "debugfs -w -f commands image >said 2>&1; "
        "dumpe2fs -h image 2>/dev/null | grep -q needs_recovery || { cat said >&2; exit 1; }",
        place->root);
    load(place);
    YdBlocks blocks = blocks_of(place);
    g_autoptr(YdExt) ext = yd_ext_new(&blocks, &error);
    g_assert_no_error(error);
    g_autoptr(GByteArray) got = g_byte_array_new();
    YdExtFile file;
    yd_ext_read(ext, "/home/big", G_MAXINT32, into_array, got, &file, &error);
    g_assert_no_error(error);
    struct stat st;
    g_assert_cmpint(stat(copy, &st), ==, 0);
    gsize size = (gsize)st.st_size;
    g_assert_cmpmem(got->data, size, new_block, size);
    for (gsize i = size; i < 300000; i++)
        g_assert_cmpint(got->data[i], ==, 'x');
}

// Bytes of the metadata changed at random: whatever comes of it is an answer or an error. Sums are
// off, so that the damage gets past them.
static void
test_damaged(Place *place, gconstpointer options)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(20261130);
    g_autofree guint8 *whole = g_memdup2(place->bytes, place->length);
    guint good = 0, refused = 0;
    for (guint i = 0; i < DAMAGED; i++) {
        YdBlocks blocks = blocks_of(place);
        g_autoptr(GError) error = NULL;
        gsize n = place->length / (i % 3 == 0 ? 64 : 16);
        memcpy(place->bytes, whole, place->length);
        for (guint j = 0; j < 1 + i % 40; j++) {
            gsize at = (gsize)g_rand_int_range(random, 1024, (gint32)n);
            place->bytes[at] = (guint8)g_rand_int_range(random, 0, 256);
        }
        for (guint j = 0; i % 2 && j < 3; j++) { // where something is
            gsize at = (gsize)g_rand_int_range(random, 1024, (gint32)n);
            while (at < n - 1 && place->bytes[at] == 0)
                at++;
            place->bytes[at] = (guint8)g_rand_int_range(random, 0, 256);
        }
        g_autoptr(YdExt) ext = yd_ext_new(&blocks, &error);
        g_autoptr(json_t) home = ext ? yd_ext_list(ext, "/home", 0, 100, NULL) : NULL;
        g_autoptr(json_t) sub = ext ? yd_ext_list(ext, "/home/sub", 0, 5000, NULL) : NULL;
        g_autoptr(GByteArray) got = g_byte_array_new();
        YdExtFile file;
        if (ext)
            yd_ext_read(ext, "/home/hole", 8 * 1024 * 1024, into_array, got, &file, NULL);
        if (home)
            good++;
        else
            refused++;
    }
    g_test_message("%u read, %u refused", good, refused);
    g_assert_cmpuint(good, >, 0);
    g_assert_cmpuint(refused, >, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    static const char *const kinds[][2] = {
        {"ext4", "-b 4096 -N 1024"},
        {"ext4 with 1 KiB blocks, 64 bit", "-b 1024 -N 1024 -O 64bit,inline_data,metadata_csum"},
        {"ext2", "-b 1024 -N 1024 -O none,filetype"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *list =
            g_strdup_printf("/ext-files/%s: directories, in pages", kinds[i][0]);
        g_autofree char *file =
            g_strdup_printf("/ext-files/%s: files, whole, links never", kinds[i][0]);
        g_test_add(list, Place, kinds[i][1], set_up, test_list, tear_down);
        g_test_add(file, Place, kinds[i][1], set_up, test_read, tear_down);
    }
    g_test_add("/ext-files/the journal is replayed", Place, "-b 4096 -N 1024", set_up, test_journal,
               tear_down);
    g_test_add("/ext-files/the journal with 64 bits is replayed", Place,
               "-b 1024 -N 1024 -O 64bit,metadata_csum", set_up, test_journal, tear_down);
    g_test_add("/ext-files/damaged file systems end in words", Place,
               "-b 1024 -N 1024 -O ^metadata_csum,^has_journal", set_up, test_damaged, tear_down);
    return g_test_run();
}
