// SPDX-License-Identifier: Apache-2.0
// Records as JSON by their field tables.
#include "model/record-json.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/id.h"
#include "model/names.h"

#define NUMBER_MAX (G_GINT64_CONSTANT(1) << 53) // what JSON numbers carry exactly everywhere

static json_t *
time_json(gint64 ms)
{
    if (ms == 0)
        return json_null();
    g_autofree char *text = yd_time_text(ms);
    return json_string(text);
}

static json_t *
embedded_json(const char *text)
{
    json_t *json = text ? yd_json_parse(text, strlen(text), NULL) : NULL;
    return json ? json : json_null();
}

static json_t *
field_json(gconstpointer record, const YdField *field)
{
    switch (field->kind) {
    case YD_FIELD_TEXT: {
        const char *text = yd_record_text(record, field);
        return text ? json_string(text) : json_null();
    }
    case YD_FIELD_JSON:
        return embedded_json(yd_record_text(record, field));
    case YD_FIELD_TIME:
        return time_json(yd_record_int(record, field));
    case YD_FIELD_BOOL:
        return json_boolean(yd_record_int(record, field));
    case YD_FIELD_DOUBLE:
        return json_real(yd_record_double(record, field));
    case YD_FIELD_INT:
    default:
        return json_integer(yd_record_int(record, field));
    }
}

json_t *
yd_record_json(const YdRecordType *type, gconstpointer record)
{
    json_t *object = json_object();
    for (guint i = 0; i < type->n_fields; i++) {
        const YdField *field = &type->fields[i];
        if (!(field->flags & YD_FIELD_SECRET))
            json_object_set_new(object, field->name, field_json(record, field));
    }
    return object;
}

static gboolean
apply_text(gpointer record, const YdField *field, const json_t *value, GError **error)
{
    if (!json_is_string(value) && !json_is_null(value))
        return yd_error_invalid(error, field->name, "must be a text, not %s",
                                yd_json_type_name(value));
    const char *given = json_string_value(value);
    if (given && strlen(given) != json_string_length(value))
        return yd_error_invalid(error, field->name, "has a NUL character");
    gboolean long_text =
        g_str_equal(field->name, "description") || g_str_equal(field->name, "notes");
    g_autofree char *text = NULL;
    if (!yd_text_check(field->name, given, long_text ? YD_TEXT_LONG_MAX : YD_TEXT_MAX, long_text,
                       &text, error))
        return FALSE;
    yd_record_set_text(record, field, text);
    return TRUE;
}

static gboolean
apply_json(gpointer record, const YdField *field, const json_t *value, GError **error)
{
    if (!json_is_object(value) && !json_is_null(value))
        return yd_error_invalid(error, field->name, "must be an object, not %s",
                                yd_json_type_name(value));
    g_autofree char *text = json_is_null(value) ? NULL : yd_json_text(value);
    yd_record_set_text(record, field, text);
    return TRUE;
}

static gboolean
apply_int(gpointer record, const YdField *field, const json_t *value, GError **error)
{
    if (!json_is_integer(value))
        return yd_error_invalid(error, field->name, "must be a whole number, not %s",
                                yd_json_type_name(value));
    gint64 number = json_integer_value(value);
    if (number < 0 || number > NUMBER_MAX)
        return yd_error_invalid(error, field->name, "%" G_GINT64_FORMAT " is out of bounds",
                                number);
    yd_record_set_int(record, field, number);
    return TRUE;
}

static gboolean
apply_double(gpointer record, const YdField *field, const json_t *value, GError **error)
{
    if (!json_is_number(value))
        return yd_error_invalid(error, field->name, "must be a number, not %s",
                                yd_json_type_name(value));
    double number = json_number_value(value);
    if (!isfinite(number) || number < 0 || number > (double)NUMBER_MAX)
        return yd_error_invalid(error, field->name, "%g is out of bounds", number);
    yd_record_set_double(record, field, number);
    return TRUE;
}

static gboolean
apply_bool(gpointer record, const YdField *field, const json_t *value, GError **error)
{
    if (!json_is_boolean(value))
        return yd_error_invalid(error, field->name, "must be true or false, not %s",
                                yd_json_type_name(value));
    yd_record_set_int(record, field, json_is_true(value));
    return TRUE;
}

static gboolean
apply_field(gpointer record, const YdField *field, const json_t *value, gboolean creating,
            GError **error)
{
    gboolean make = field->flags & YD_FIELD_MAKE, set = field->flags & YD_FIELD_SET;
    if (field->flags & YD_FIELD_SECRET || (!make && !set))
        return yd_error_invalid(error, field->name, "can't be given");
    if (!set && !creating)
        return yd_error_invalid(error, field->name, "can't be changed after the creation");
    switch (field->kind) {
    case YD_FIELD_TEXT:
        return apply_text(record, field, value, error);
    case YD_FIELD_JSON:
        return apply_json(record, field, value, error);
    case YD_FIELD_INT:
        return apply_int(record, field, value, error);
    case YD_FIELD_BOOL:
        return apply_bool(record, field, value, error);
    case YD_FIELD_DOUBLE:
        return apply_double(record, field, value, error);
    case YD_FIELD_TIME: // none that people set
    default:
        return yd_error_invalid(error, field->name, "can't be given");
    }
}

static gboolean
unknown_field(const YdRecordType *type, const char *name, gboolean creating, GError **error)
{
    g_autoptr(GString) known = g_string_new(NULL);
    guint wanted = YD_FIELD_SET | (creating ? YD_FIELD_MAKE : 0);
    for (guint i = 0; i < type->n_fields; i++) {
        if (type->fields[i].flags & wanted)
            g_string_append_printf(known, "%s%s", known->len ? ", " : "", type->fields[i].name);
    }
    return yd_json_unknown(error, name, known->len ? known->str : "none");
}

static gboolean
field_differs(gconstpointer a, gconstpointer b, const YdField *field)
{
    if (field->kind == YD_FIELD_TEXT || field->kind == YD_FIELD_JSON)
        return g_strcmp0(yd_record_text(a, field), yd_record_text(b, field)) != 0;
    if (field->kind == YD_FIELD_DOUBLE)
        return fabs(yd_record_double(a, field) - yd_record_double(b, field)) > 0;
    return yd_record_int(a, field) != yd_record_int(b, field);
}

// Swaps the contents; both stay owned by their holders.
static void
swap_records(const YdRecordType *type, gpointer a, gpointer b)
{
    g_autofree gpointer kept = g_memdup2(a, type->size);
    memcpy(a, b, type->size);
    memcpy(b, kept, type->size);
}

gboolean
yd_record_apply_json(const YdRecordType *type, gpointer record, const json_t *object,
                     gboolean creating, GPtrArray **ret_changed, GError **error)
{
    if (!json_is_object(object))
        return yd_error_invalid(error, NULL, "The body must be a JSON object, not %s",
                                object ? yd_json_type_name(object) : "nothing");
    gpointer next = yd_record_copy(type, record);
    const char *name;
    json_t *value;
    gboolean good = TRUE;
    json_object_foreach((json_t *)object, name, value)
    {
        const YdField *field = yd_record_field(type, name);
        good = field ? apply_field(next, field, value, creating, error)
                     : unknown_field(type, name, creating, error);
        if (!good)
            break;
    }
    if (good && ret_changed) {
        *ret_changed = g_ptr_array_new();
        for (guint i = 0; i < type->n_fields; i++) {
            if (field_differs(record, next, &type->fields[i]))
                g_ptr_array_add(*ret_changed, (gpointer)type->fields[i].name);
        }
    }
    if (good)
        swap_records(type, record, next);
    yd_record_free(type, next);
    return good;
}

json_t *
yd_record_diff(const YdRecordType *type, gconstpointer before, gconstpointer after)
{
    json_t *object = json_object();
    for (guint i = 0; i < type->n_fields; i++) {
        const YdField *field = &type->fields[i];
        if (field->flags & (YD_FIELD_SECRET | YD_FIELD_VIEW) ||
            g_str_equal(field->name, "version") || g_str_equal(field->name, "changed"))
            continue;
        if (!before)
            json_object_set_new(object, field->name, field_json(after, field));
        else if (field_differs(before, after, field))
            json_object_set_new(
                object, field->name,
                json_pack("[o,o]", field_json(before, field), field_json(after, field)));
    }
    return object;
}
