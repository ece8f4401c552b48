// SPDX-License-Identifier: Apache-2.0
// The query of a list, and pages as JSON.
#include "api/query.h"

#include <string.h>

#include "model/record-json.h"

void
yd_list_query_free(YdListQuery *list)
{
    if (!list)
        return;
    g_array_unref(list->conditions);
    g_ptr_array_unref(list->values);
    g_free(list);
}

static void
add_condition(YdListQuery *list, const char *column, const char *op, char **values)
{
    g_ptr_array_add(list->values, values);
    YdCondition condition = {column, op, (const char *const *)values};
    g_array_append_val(list->conditions, condition);
    list->query.conditions = (const YdCondition *)(gpointer)list->conditions->data;
    list->query.n_conditions = list->conditions->len;
}

void
yd_list_query_add(YdListQuery *list, const char *column, const char *op, const char *value)
{
    const char *values[] = {value, NULL};
    add_condition(list, column, op, g_strdupv((char **)values));
}

// The value as the store compares it, or NULL.
static char *
stored_value(const YdField *field, const char *text)
{
    gint64 number = 0;
    switch (field->kind) {
    case YD_FIELD_BOOL:
        if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
            return g_strdup(*text == 't' ? "1" : "0");
        return NULL;
    case YD_FIELD_INT:
        if (!g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &number, NULL))
            return NULL;
        return g_strdup(text);
    case YD_FIELD_TIME: {
        g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, NULL);
        if (!time)
            return NULL;
        return g_strdup_printf("%" G_GINT64_FORMAT, g_date_time_to_unix(time) * 1000 +
                                                        g_date_time_get_microsecond(time) / 1000);
    }
    case YD_FIELD_TEXT:
        return g_strdup(text);
    case YD_FIELD_DOUBLE:
    case YD_FIELD_JSON:
        return NULL;
    }
    return NULL;
}

static gboolean
add_filter(YdListQuery *list, const YdField *field, const char *op, const char *name,
           const char *text, GError **error)
{
    g_auto(GStrv) values =
        strcmp(op, "=") == 0 ? g_strsplit(text, ",", YD_LIST_MAX_VALUES + 1) : NULL;
    if (!values) {
        values = g_new0(char *, 2);
        values[0] = g_strdup(text);
    }
    if (g_strv_length(values) > YD_LIST_MAX_VALUES)
        return yd_error_invalid(error, name, "takes at most %d values", YD_LIST_MAX_VALUES);
    for (char **value = values; *value; value++) {
        char *stored = stored_value(field, *value);
        if (!stored)
            return yd_error_invalid(error, name, "cannot be \"%s\"", *value);
        g_free(*value);
        *value = stored;
    }
    if (!*values) // "field=": only what is empty
        return yd_error_invalid(error, name, "needs a value");
    add_condition(list, field->name, op, g_steal_pointer(&values));
    return TRUE;
}

static gboolean
unknown(const YdRecordType *type, const char *name, GError **error)
{
    g_autoptr(GString) known = g_string_new("limit, cursor, sort, search, total");
    for (guint i = 0; i < type->n_fields; i++)
        if (type->fields[i].flags & YD_FIELD_FILTER)
            g_string_append_printf(known, ", %s", type->fields[i].name);
    return yd_error_invalid(error, name, "is no filter here; known are: %s", known->str);
}

// The field that "x", "x_from" or "x_to" filters by.
static const YdField *
filter_field(const YdRecordType *type, const char *name, const char **ret_op)
{
    static const struct {
        const char *suffix, *op;
    } forms[] = {{"", "="}, {"_from", ">="}, {"_to", "<"}};
    for (guint i = 0; i < G_N_ELEMENTS(forms); i++) {
        if (!g_str_has_suffix(name, forms[i].suffix))
            continue;
        g_autofree char *column = g_strndup(name, strlen(name) - strlen(forms[i].suffix));
        const YdField *field = yd_record_field(type, column);
        if (!field || !(field->flags & YD_FIELD_FILTER) || (field->flags & YD_FIELD_SECRET))
            continue;
        if (i > 0 && field->kind != YD_FIELD_TIME && field->kind != YD_FIELD_INT)
            continue;
        *ret_op = forms[i].op;
        return field;
    }
    return NULL;
}

static gboolean
add_parameter(YdListQuery *list, const YdRecordType *type, const char *name, const char *value,
              GError **error)
{
    YdQuery *query = &list->query;
    gint64 limit = 0;
    if (strcmp(name, "limit") == 0) {
        if (!g_ascii_string_to_signed(value, 10, 1, YD_LIST_MAX, &limit, NULL))
            return yd_error_invalid(error, "limit", "must be 1 to %d, not \"%s\"", YD_LIST_MAX,
                                    value);
        query->limit = (guint)limit;
    } else if (strcmp(name, "cursor") == 0) {
        query->cursor = value;
    } else if (strcmp(name, "sort") == 0) {
        query->sort = value;
    } else if (strcmp(name, "search") == 0) {
        if (strlen(value) > 200)
            return yd_error_invalid(error, "search", "is longer than 200 bytes");
        query->search = *value ? value : NULL;
    } else if (strcmp(name, "total") == 0) {
        query->want_total = strcmp(value, "true") == 0;
    } else {
        const char *op = NULL;
        const YdField *field = filter_field(type, name, &op);
        return field ? add_filter(list, field, op, name, value, error) : unknown(type, name, error);
    }
    return TRUE;
}

YdListQuery *
yd_list_query_new(YdRequest *request, const YdRecordType *type, GError **error)
{
    g_autoptr(YdListQuery) list = g_new0(YdListQuery, 1);
    list->conditions = g_array_new(FALSE, FALSE, sizeof(YdCondition));
    list->values = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
    list->query.limit = YD_LIST_LIMIT;
    GHashTableIter iter;
    gpointer name, value;
    if (request->query) {
        g_hash_table_iter_init(&iter, request->query);
        while (g_hash_table_iter_next(&iter, &name, &value))
            if (!add_parameter(list, type, name, value, error))
                return NULL;
    }
    return g_steal_pointer(&list);
}

static json_t *
items_json(const YdRecordType *type, const GPtrArray *records)
{
    json_t *items = json_array();
    for (guint i = 0; i < records->len; i++)
        json_array_append_new(items, yd_record_json(type, records->pdata[i]));
    return json_pack("{s:o}", "items", items);
}

void
yd_answer_page(YdRequest *request, const YdRecordType *type, const YdPage *page)
{
    json_t *json = items_json(type, page->records);
    json_object_set_new(json, "next", page->next ? json_string(page->next) : json_null());
    if (page->total >= 0)
        json_object_set_new(json, "total", json_integer(page->total));
    yd_request_answer(request, 200, json);
}

void
yd_answer_records(YdRequest *request, const YdRecordType *type, const GPtrArray *records)
{
    json_t *json = items_json(type, records);
    json_object_set_new(json, "next", json_null());
    yd_request_answer(request, 200, json);
}
