// SPDX-License-Identifier: Apache-2.0
// Records to JSON and back, driven by their field tables. Pure.
#pragma once

#include "base/json-util.h"
#include "model/record.h"

// All fields but the secret ones, in the order of the table. Times are RFC 3339 (0: null), JSON
// fields are embedded (null when they are no valid JSON). Owned.
json_t *yd_record_json(const YdRecordType *type, gconstpointer record);

// Takes the members of the object over into the record. creating allows fields with YD_FIELD_MAKE
// besides those with YD_FIELD_SET. INVALID names the field: unknown, not to be given or changed by
// people, wrong type, bad text (UTF-8, no control characters, trimmed, at most 200 characters; 4000
// and newlines in description and notes), number below 0 or above 2^53. null and "" clear a text.
// Secret fields are never taken: the caller handles (and removes) them. On failure the record is
// unchanged. ret_changed (may be NULL): the names, static, of the fields whose value now differs.
gboolean yd_record_apply_json(const YdRecordType *type, gpointer record, const json_t *object,
                              gboolean creating, GPtrArray **ret_changed, GError **error);

// {"field":[before,after],…} of the fields that differ, for audit rows; secret, view and
// bookkeeping (changed, version) fields are left out. before NULL: only the values of after.
json_t *yd_record_diff(const YdRecordType *type, gconstpointer before, gconstpointer after);
