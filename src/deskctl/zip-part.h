// SPDX-License-Identifier: Apache-2.0
// Reads single parts of a ZIP container that lies in memory (libarchive, ZIP only). Whoever made
// the file may mean ill: nothing is unpacked to disk, and never more than a limit into memory.
#pragma once

#include <glib.h>

#define CTL_ZIP_MAX_ENTRIES 10000

// Whether the bytes begin as a ZIP file does.
gboolean ctl_is_zip(GBytes *bytes);

// Unpacks the part of that name (case is of no matter, as in OPC, ECMA-376 part 2). *ret_part is
// owned, NULL when there is none of that name. Errors: INVALID for what is no ZIP, damaged or
// encrypted; TOO_LARGE for a part of more than limit bytes or more than CTL_ZIP_MAX_ENTRIES
// entries.
gboolean
ctl_zip_part(GBytes *zip, const char *name, gsize limit, GBytes **ret_part, GError **error);
