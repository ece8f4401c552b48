// SPDX-License-Identifier: Apache-2.0
// Reads a stream of server-sent events (HTML Living Standard 9.2.6) from bytes that come in any
// pieces. Pure: no sockets.
#pragma once

#include <glib.h>

typedef struct _YdSse YdSse;

// One event: id (the stream's last id so far, may be ""), type ("message" where none was given)
// and its data lines joined by \n. The strings live during the call only.
typedef void (*YdSseFunc)(const char *id, const char *type, const char *data, gpointer user_data);

YdSse *yd_sse_new(YdSseFunc func, gpointer user_data);
void yd_sse_free(YdSse *sse);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdSse, yd_sse_free)

// Feeds bytes; calls func for each event that became complete. FALSE with YD_ERROR_TOO_LARGE when
// one event grows beyond 1 MiB (the reader is then of no more use).
gboolean yd_sse_feed(YdSse *sse, const char *bytes, gsize n, GError **error);

// The id to resume from (Last-Event-ID); "" when none came yet. Borrowed until the next feed.
const char *yd_sse_last_id(const YdSse *sse);
