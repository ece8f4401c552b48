// SPDX-License-Identifier: Apache-2.0
// Which fields of a given record count, and what an audit row says about them. No rule of a single
// noun.

#include "service/change.h"
#include "model/record-json.h"

#define AT(record, field, Type) (*(Type *)((char *)(record) + (field)->offset))

static void
field_copy(const YdField *field, gpointer to, gconstpointer from)
{
    switch (field->kind) {
    case YD_FIELD_TEXT:
    case YD_FIELD_JSON:
        if (AT(to, field, char *) != AT(from, field, char *))
            yd_set_string(&AT(to, field, char *), AT(from, field, char *));
        break;
    case YD_FIELD_INT:
    case YD_FIELD_TIME:
        AT(to, field, gint64) = AT(from, field, gint64);
        break;
    case YD_FIELD_BOOL:
        AT(to, field, gboolean) = AT(from, field, gboolean);
        break;
    case YD_FIELD_DOUBLE:
        AT(to, field, double) = AT(from, field, double);
        break;
    }
}

gboolean
yd_change_check_version(const YdRecordType *type, gconstpointer current, gconstpointer given,
                        gint64 expected, GError **error)
{
    const YdField *field = yd_record_field(type, "version");
    gint64 have = AT(current, field, gint64);

    if (expected == 0)
        expected = AT(given, field, gint64);
    if (have == expected)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STALE,
                "%s “%s” was changed meanwhile (it is at version %" G_GINT64_FORMAT
                ", you saw %" G_GINT64_FORMAT "); load it again",
                type->noun, *(char *const *)current, have, expected);
    return FALSE;
}

char *
yd_change_apply(const YdRecordType *type, gpointer current, gconstpointer given)
{
    gpointer before = yd_record_copy(type, current);
    g_autoptr(json_t) changes = NULL;

    for (guint i = 0; i < type->n_fields; i++) {
        if (type->fields[i].flags & YD_FIELD_SET)
            field_copy(&type->fields[i], current, given);
    }
    changes = yd_record_diff(type, before, current);
    yd_record_free(type, before);
    return json_object_size(changes) ? yd_json_text(changes) : NULL;
}

gpointer
yd_change_given(const YdRecordType *type, gconstpointer record)
{
    gpointer made = yd_record_new(type);

    for (guint i = 0; i < type->n_fields; i++) {
        if (type->fields[i].flags & (YD_FIELD_SET | YD_FIELD_MAKE))
            field_copy(&type->fields[i], made, record);
    }
    return made;
}

char *
yd_change_made(const YdRecordType *type, gconstpointer record)
{
    g_autoptr(json_t) made = yd_record_diff(type, NULL, record);

    return yd_json_text(made);
}

void
yd_change_assign(const YdRecordType *type, gpointer record, gconstpointer from)
{
    for (guint i = 0; i < type->n_fields; i++)
        field_copy(&type->fields[i], record, from);
}

gboolean
yd_change_reload(YdStore *store, const YdRecordType *type, gpointer record, GError **error)
{
    gpointer fresh = yd_store_get(store, type, *(char **)record, error);

    if (!fresh)
        return FALSE;
    yd_change_assign(type, record, fresh);
    yd_record_free(type, fresh);
    return TRUE;
}

char *
yd_change_note(const char *name, const char *value)
{
    g_autoptr(json_t) note = json_object();

    json_object_set_new(note, name, value ? json_string(value) : json_null());
    return yd_json_text(note);
}
