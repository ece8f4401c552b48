// SPDX-License-Identifier: Apache-2.0
// Generic work on records by their field tables: make, free, copy, look up.
#include "model/record.h"

#include <string.h>

static char **
text_at(gconstpointer record, const YdField *field)
{
    return (char **)((guint8 *)(gpointer)record + field->offset);
}

static gboolean
is_text(const YdField *field)
{
    return field->kind == YD_FIELD_TEXT || field->kind == YD_FIELD_JSON;
}

// The compiler may not drop this store although the memory is freed next.
static void
wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
}

gpointer
yd_record_new(const YdRecordType *type)
{
    return g_malloc0(type->size);
}

void
yd_record_free(const YdRecordType *type, gpointer record)
{
    if (!record)
        return;
    for (guint i = 0; i < type->n_fields; i++) {
        const YdField *field = &type->fields[i];
        if (!is_text(field))
            continue;
        if (field->flags & YD_FIELD_SECRET)
            wipe(*text_at(record, field));
        g_free(*text_at(record, field));
    }
    g_free(record);
}

gpointer
yd_record_copy(const YdRecordType *type, gconstpointer record)
{
    guint8 *copy = g_memdup2(record, type->size);
    for (guint i = 0; i < type->n_fields; i++) {
        const YdField *field = &type->fields[i];
        if (is_text(field))
            *text_at(copy, field) = g_strdup(*text_at(record, field));
    }
    return copy;
}

const YdField *
yd_record_field(const YdRecordType *type, const char *name)
{
    for (guint i = 0; i < type->n_fields; i++) {
        if (strcmp(type->fields[i].name, name) == 0)
            return &type->fields[i];
    }
    return NULL;
}

const char *
yd_record_text(gconstpointer record, const YdField *field)
{
    g_return_val_if_fail(is_text(field), NULL);
    return *text_at(record, field);
}

void
yd_record_set_text(gpointer record, const YdField *field, const char *value)
{
    g_return_if_fail(is_text(field));
    if (field->flags & YD_FIELD_SECRET)
        wipe(*text_at(record, field));
    yd_set_string(text_at(record, field), value);
}

gint64
yd_record_int(gconstpointer record, const YdField *field)
{
    const guint8 *at = (const guint8 *)record + field->offset;
    g_return_val_if_fail(!is_text(field) && field->kind != YD_FIELD_DOUBLE, 0);
    return field->kind == YD_FIELD_BOOL ? *(const gboolean *)(gconstpointer)at
                                        : *(const gint64 *)(gconstpointer)at;
}

void
yd_record_set_int(gpointer record, const YdField *field, gint64 value)
{
    guint8 *at = (guint8 *)record + field->offset;
    g_return_if_fail(!is_text(field) && field->kind != YD_FIELD_DOUBLE);
    if (field->kind == YD_FIELD_BOOL)
        *(gboolean *)(gpointer)at = value != 0;
    else
        *(gint64 *)(gpointer)at = value;
}

double
yd_record_double(gconstpointer record, const YdField *field)
{
    g_return_val_if_fail(field->kind == YD_FIELD_DOUBLE, 0);
    return *(const double *)(gconstpointer)((const guint8 *)record + field->offset);
}

void
yd_record_set_double(gpointer record, const YdField *field, double value)
{
    g_return_if_fail(field->kind == YD_FIELD_DOUBLE);
    *(double *)(gpointer)((guint8 *)record + field->offset) = value;
}

void
yd_set_string(char **target, const char *value)
{
    // value may be *target itself or a part of it
    char *copy = g_strdup(value);
    g_free(*target);
    *target = copy;
}
