// SPDX-License-Identifier: Apache-2.0
// Opens what is to be imported: only regular files below the allowed directories, without following
// any symbolic link below them (openat2(2) with RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS).
#pragma once

#include <glib.h>

// A file descriptor, or -1 with INVALID (outside, no regular file) or NOT_FOUND.
int yd_source_open(const char *path, const char *const *directories, GError **error);
