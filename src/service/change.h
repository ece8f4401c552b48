// SPDX-License-Identifier: Apache-2.0
// The rhythm of creating and changing a record, shared by the nouns of this room: which fields
// count, optimistic locking, and what the audit row says about it.
#pragma once

#include "service/service.h"

// STALE unless expected (0: given's own version) is the version of current.
gboolean yd_change_check_version(const YdRecordType *type, gconstpointer current,
                                 gconstpointer given, gint64 expected, GError **error);

// Copies the fields with YD_FIELD_SET from given into current. Gives back what differed as JSON for
// the audit ({"name":["old","new"]}, no secrets), owned; NULL when nothing did.
char *yd_change_apply(const YdRecordType *type, gpointer current, gconstpointer given);

// A new record with only those fields of record that people may give at creation.
gpointer yd_change_given(const YdRecordType *type, gconstpointer record);

// What a new record holds as JSON for the audit (no secrets), owned.
char *yd_change_made(const YdRecordType *type, gconstpointer record);

// Makes record a copy of from, all fields.
void yd_change_assign(const YdRecordType *type, gpointer record, gconstpointer from);

// Reads the record again into itself, with its VIEW fields.
gboolean
yd_change_reload(YdStore *store, const YdRecordType *type, gpointer record, GError **error);

// {"name":value} as JSON text; NULL values are null; owned.
char *yd_change_note(const char *name, const char *value);
