// SPDX-License-Identifier: Apache-2.0
// Ids of rows: a prefix that tells the kind, and 26 characters that sort by time (ULID,
// Crockford's base32 in lower case): "dsk-01jd…". Also random tokens and the wall clock.
#pragma once

#include <glib.h>

// A new id "PREFIX-<ulid>"; owned by the caller. Ids made in one process sort in the order of their
// making. Any thread.
char *yd_id_new(const char *prefix);

// Whether text has the shape of an id with that prefix.
gboolean yd_id_valid(const char *text, const char *prefix);

// n_bytes random bytes as url-safe base64 without padding (32 bytes -> 43 characters); owned.
char *yd_token_new(gsize n_bytes);

// The bytes as lower-case hex digits; owned.
char *yd_hex(const guint8 *bytes, gsize n);

// SHA-256 of text as 64 lower-case hex digits; owned. What the store keeps in place of a token.
char *yd_token_hash(const char *text);

// UTC now in milliseconds since 1970.
gint64 yd_now_ms(void);

// RFC 3339 in UTC with milliseconds, "2026-01-31T08:15:00.250Z"; owned.
char *yd_time_text(gint64 ms);

// The reverse; any RFC 3339 time with a zone. FALSE when the text is none.
gboolean yd_time_parse(const char *text, gint64 *ret_ms);
