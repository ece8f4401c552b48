// SPDX-License-Identifier: Apache-2.0
// Names of files as texts. A file's name is any bytes; as a text it is UTF-8 in which "\xNN" stands
// for a byte that is no UTF-8 or a control character, and "\\" for a backslash. Each name has one
// text, and each text of a name gives the name back.
#pragma once

#include <glib.h>

#define YD_PATH_PARTS 128
#define YD_PATH_LENGTH 4096

char *yd_name_text(const char *name, gsize length);
// Likewise of a path, whose "/" stay.
char *yd_path_text(const char *path, gsize length);

// The names of a path ("/a/b" has two, "/" none), as bytes (of GBytes). INVALID with field "path":
// not absolute, "." or "..", NUL, an escape that yd_name_text does not write, too long.
GPtrArray *yd_path_names(const char *path, GError **error);
