// SPDX-License-Identifier: Apache-2.0
// What reading RDP's connection phase needs everywhere: little-endian numbers (MS-RDPBCGR) and one
// wording of what is wrong. Pure.
#pragma once

#include <glib.h>

#include "base/error.h"

static inline guint16
yd_rdp_le16(const guint8 *p)
{
    return (guint16)(p[0] | p[1] << 8);
}

static inline void
yd_rdp_put16(guint8 *p, guint value)
{
    p[0] = (guint8)value;
    p[1] = (guint8)(value >> 8);
}

// Sets YD_ERROR_INVALID; FALSE, for the caller to return.
static inline gboolean
yd_rdp_bad(GError **error, const char *what)
{
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "no RDP connection phase: %s", what);
    return FALSE;
}
