// SPDX-License-Identifier: Apache-2.0
// Describes the records (plain structs) once: a table of fields drives the binding of columns in
// the store and the JSON of the API, so a new field is one line here and one in sql/.
#pragma once

#include <glib.h>

typedef enum {
    YD_FIELD_TEXT,   // char *, owned by the record; NULL is SQL NULL and JSON null
    YD_FIELD_INT,    // gint64
    YD_FIELD_BOOL,   // gboolean
    YD_FIELD_DOUBLE, // double
    YD_FIELD_TIME,   // gint64, UTC milliseconds; 0 is SQL 0 and JSON null; RFC 3339 in JSON
    YD_FIELD_JSON,   // char *, JSON text; embedded as JSON in answers
} YdFieldKind;

typedef enum {
    YD_FIELD_SECRET = 1 << 0, // never in JSON, never in audit rows
    YD_FIELD_VIEW = 1 << 1,   // comes from the noun's SQL view (joined or counted); never written
    YD_FIELD_SET = 1 << 2,    // people may give it at creation and change it afterwards (PATCH)
    YD_FIELD_MAKE = 1 << 3,   // people may give it at creation only
    YD_FIELD_FILTER = 1 << 4, // lists can be filtered by it (?name=value, comma = any of)
    YD_FIELD_SORT = 1 << 5,   // lists can be sorted by it
    YD_FIELD_SEARCH = 1 << 6, // ?search= looks into it (case-insensitive substring)
} YdFieldFlags;

typedef struct {
    const char *name; // column and JSON name
    YdFieldKind kind;
    gsize offset;
    guint flags;
} YdField;

typedef struct {
    const char *noun;   // "desktop": error messages, audit and event rows
    const char *plural; // "desktops": path of the API
    const char *table;  // written to
    const char *view;   // read from: the table, or a view with the YD_FIELD_VIEW columns
    const char *prefix; // of ids: "dsk"
    gsize size;         // of the struct; its first member is `char *id`
    const YdField *fields;
    guint n_fields;
    GDestroyNotify free_record; // yd_record_free() for this type, for arrays of records
} YdRecordType;

// A zeroed record of that type.
gpointer yd_record_new(const YdRecordType *type);

// Frees the record with all its strings; secrets are wiped first. NULL is allowed.
void yd_record_free(const YdRecordType *type, gpointer record);

gpointer yd_record_copy(const YdRecordType *type, gconstpointer record);

// The field with that name or NULL.
const YdField *yd_record_field(const YdRecordType *type, const char *name);

// Access to one field of a record; the kind must fit.
const char *yd_record_text(gconstpointer record, const YdField *field);
void yd_record_set_text(gpointer record, const YdField *field, const char *value);
gint64 yd_record_int(gconstpointer record, const YdField *field);
void yd_record_set_int(gpointer record, const YdField *field, gint64 value);
double yd_record_double(gconstpointer record, const YdField *field);
void yd_record_set_double(gpointer record, const YdField *field, double value);

// Replaces *target with a copy of value (NULL allowed). For struct members that are owned strings.
void yd_set_string(char **target, const char *value);

// Use in a noun's header: YD_RECORD(YdUser, yd_user) declares yd_user_type and
// yd_user_new/free/copy and the autoptr clean-up; YD_RECORD_IMPL in its .c file defines them.
#define YD_RECORD(Type, name)                                                                      \
    extern const YdRecordType name##_type;                                                         \
    Type *name##_new(void);                                                                        \
    void name##_free(Type *record);                                                                \
    Type *name##_copy(const Type *record);                                                         \
    G_DEFINE_AUTOPTR_CLEANUP_FUNC(Type, name##_free)

#define YD_RECORD_IMPL(Type, name)                                                                 \
    Type *name##_new(void)                                                                         \
    {                                                                                              \
        return yd_record_new(&name##_type);                                                        \
    }                                                                                              \
    void name##_free(Type *record)                                                                 \
    {                                                                                              \
        yd_record_free(&name##_type, record);                                                      \
    }                                                                                              \
    Type *name##_copy(const Type *record)                                                          \
    {                                                                                              \
        return yd_record_copy(&name##_type, record);                                               \
    }
