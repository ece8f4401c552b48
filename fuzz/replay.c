// SPDX-License-Identifier: Apache-2.0
// The main() that makes a fuzz program a normal test: it runs every file of a corpus folder, and
// every beginning of each (files are short), so it needs no libFuzzer and runs with any compiler.
#include <glib.h>

#include "fuzz.h"

#define ALL_BEGINNINGS 4096 // longer files are run whole only

static guint
replay_file(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *data = NULL;
    gsize size = 0;
    if (!g_file_get_contents(path, &data, &size, &error))
        g_error("%s", error->message);
    for (gsize n = size <= ALL_BEGINNINGS ? 0 : size; n <= size; n++) {
        // A copy of exactly n bytes, so that a sanitizer sees a read past the end.
        g_autofree guint8 *input = g_memdup2(data, n);
        guint8 none = 0;
        LLVMFuzzerTestOneInput(n == 0 ? &none : input, n);
    }
    return 1;
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    if (argc != 2)
        g_error("usage: %s CORPUS-FOLDER", argv[0]);
    g_autoptr(GDir) dir = g_dir_open(argv[1], 0, &error);
    if (dir == NULL)
        g_error("%s", error->message);
    guint n_files = 0;
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(argv[1], name, NULL);
        n_files += replay_file(path);
    }
    if (n_files == 0)
        g_error("no files in %s", argv[1]);
    g_print("%u files of %s replayed\n", n_files, argv[1]);
    return 0;
}
