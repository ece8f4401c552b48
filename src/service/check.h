// SPDX-License-Identifier: Apache-2.0
// Checks against the store and of numbers and names, shared by the nouns of this room; texts are
// checked by model/names.h. All but the unique check fail with INVALID "field: …".
#pragma once

#include "model/names.h"
#include "service/service.h"

// The value as it may stand in a message: at most 40 characters, control and direction characters
// and invalid bytes as \x.., in quotation marks; owned.
char *yd_check_quote(const char *value);

// yd_text_check in place: trims, "" becomes NULL, which needed refuses.
gboolean yd_check_text(const char *field, char **value, gboolean needed, guint max,
                       gboolean long_text, GError **error);

// First character in `first`, the others in `first` or `more`, at most max. hint tells people.
gboolean yd_check_name(const char *field, const char *value, const char *first, const char *more,
                       guint max, const char *hint, GError **error);

#define YD_CHECK_LOWER "abcdefghijklmnopqrstuvwxyz"
#define YD_CHECK_UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define YD_CHECK_DIGITS "0123456789"

// As yd_choice_check, with a value of any length quoted shortened.
gboolean
yd_check_choice(const char *field, const char *value, const char *const *choices, GError **error);

gboolean yd_check_int(const char *field, gint64 value, gint64 min, gint64 max, GError **error);

// EXISTS when another record than own_id has that value. NULL is never taken.
gboolean yd_check_unique(YdStore *store, const YdRecordType *type, const char *column,
                         const char *value, const char *own_id, GError **error);

// INVALID "field: no <noun> with id …" when there is none. NULL: TRUE.
gboolean yd_check_reference(YdStore *store, const char *field, const YdRecordType *type,
                            const char *id, GError **error);
