// SPDX-License-Identifier: Apache-2.0
// Lists: filters, search, scope, sort and keyset cursors. A page is found by its ids first (on the
// table and its indexes where no joined column is asked for), so that the subqueries of the view
// run for the rows of the page only.
#include <string.h>

#include "base/id.h"
#include "base/json-util.h"
#include "store/store-private.h"

#define SEARCH_MAX 200 // characters
#define VALUES_MAX 200 // of one filter

typedef struct {
    char type; // as in yd_sql_query()
    char *text;
    gint64 number;
    double real;
} Bind;

// A WHERE clause that grows, with its parameters.
typedef struct {
    const YdRecordType *type;
    GString *text;
    GArray *binds;
    gboolean joined; // a column of the view is used
    // The order: column (NULL: id alone) and direction.
    const YdField *sort;
    gboolean down;
} Query;

static void
bind_clear(gpointer data)
{
    g_free(((Bind *)data)->text);
}

static void
query_clear(Query *query)
{
    g_string_free(query->text, TRUE);
    g_array_unref(query->binds);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Query, query_clear)

static void
query_init(Query *query, const YdRecordType *type)
{
    *query = (Query){.type = type, .text = g_string_new("1 = 1")};
    query->binds = g_array_new(FALSE, FALSE, sizeof(Bind));
    g_array_set_clear_func(query->binds, bind_clear);
}

static void
add_text(Query *query, const char *text)
{
    Bind bind = {.type = 't', .text = g_strdup(text)};
    g_array_append_val(query->binds, bind);
}

static void
add_int(Query *query, gint64 number)
{
    Bind bind = {.type = 'i', .number = number};
    g_array_append_val(query->binds, bind);
}

static void
add_double(Query *query, double real)
{
    Bind bind = {.type = 'd', .real = real};
    g_array_append_val(query->binds, bind);
}

static void
use_field(Query *query, const YdField *field)
{
    if (field->flags & YD_FIELD_VIEW)
        query->joined = TRUE;
}

static void
bind_all(const Query *query, YdStatement *statement, int first)
{
    for (guint i = 0; i < query->binds->len; i++) {
        const Bind *bind = &g_array_index(query->binds, Bind, i);
        if (bind->type == 't')
            yd_statement_bind_text(statement, first + (int)i, bind->text);
        else if (bind->type == 'd')
            yd_statement_bind_double(statement, first + (int)i, bind->real);
        else
            yd_statement_bind_int(statement, first + (int)i, bind->number);
    }
}

// One value of a filter, as the kind of the field demands.
static gboolean
add_value(Query *query, const YdField *field, const char *value, GError **error)
{
    gint64 number = 0;
    switch (field->kind) {
    case YD_FIELD_BOOL:
        number = g_str_equal(value, "true") || g_str_equal(value, "1");
        if (!number && !g_str_equal(value, "false") && !g_str_equal(value, "0"))
            return yd_error_invalid(error, field->name, "“%.100s” is neither true nor false",
                                    value);
        add_int(query, number);
        return TRUE;
    case YD_FIELD_TIME:
        if (yd_time_parse(value, &number)) {
            add_int(query, number);
            return TRUE;
        }
        G_GNUC_FALLTHROUGH;
    case YD_FIELD_INT:
    case YD_FIELD_DOUBLE:
        if (!g_ascii_string_to_signed(value, 10, G_MININT64, G_MAXINT64, &number, NULL))
            return yd_error_invalid(error, field->name, "“%.100s” is not a %s", value,
                                    field->kind == YD_FIELD_TIME ? "time (RFC 3339)" : "number");
        add_int(query, number);
        return TRUE;
    case YD_FIELD_TEXT:
    case YD_FIELD_JSON:
    default:
        if (!g_utf8_validate(value, -1, NULL))
            return yd_error_invalid(error, field->name, "is not valid UTF-8");
        add_text(query, value);
        return TRUE;
    }
}

// Any of the values; "" stands for none (NULL).
static gboolean
add_any_of(Query *query, const YdField *field, const char *const *values, GError **error)
{
    gboolean none = FALSE, first = TRUE;
    if (g_strv_length((char **)values) > VALUES_MAX)
        return yd_error_invalid(error, field->name, "has more than %d values", VALUES_MAX);
    g_string_append_printf(query->text, " AND (%s IN (", field->name);
    for (; *values; values++) {
        if (!**values && field->kind == YD_FIELD_TEXT) {
            none = TRUE;
            continue;
        }
        if (!add_value(query, field, *values, error))
            return FALSE;
        g_string_append(query->text, first ? "?" : ", ?");
        first = FALSE;
    }
    g_string_append(query->text, first ? "NULL)" : ")");
    if (none)
        g_string_append_printf(query->text, " OR %s IS NULL OR %s = ''", field->name, field->name);
    g_string_append_c(query->text, ')');
    return TRUE;
}

// People in any of the departments, or rows of such people. The members are read once, not for each
// row as the view would do it, and the values are ids, not the joined text.
static gboolean
add_departments(Query *query, const YdField *field, const char *const *values, GError **error)
{
    if (g_strv_length((char **)values) > VALUES_MAX)
        return yd_error_invalid(error, field->name, "has more than %d values", VALUES_MAX);
    g_string_append_printf(query->text,
                           " AND %s IN (SELECT m.user_id FROM memberships m "
                           "WHERE m.department_id IN (",
                           query->type == &yd_user_type ? "id" : "user_id");
    for (gsize i = 0; values[i]; i++) {
        if (!add_value(query, field, values[i], error))
            return FALSE;
        g_string_append(query->text, i ? ", ?" : "?");
    }
    g_string_append(query->text, "))");
    return TRUE;
}

static gboolean
add_condition(Query *query, const YdCondition *condition, GError **error)
{
    static const char *const ops[] = {"<", "<=", ">", ">=", "!=", NULL};
    const YdField *field = yd_record_field(query->type, condition->column);
    if (!field || !(field->flags & YD_FIELD_FILTER)) {
        g_autofree char *shown = g_utf8_make_valid(condition->column, -1);
        return yd_error_invalid(error, NULL, "Lists of %s can't be filtered by “%.100s”",
                                query->type->plural, shown);
    }
    if (g_str_equal(condition->op, "=") && g_str_equal(field->name, "department_ids"))
        return add_departments(query, field, condition->values, error);
    use_field(query, field);
    if (g_str_equal(condition->op, "="))
        return add_any_of(query, field, condition->values, error);
    if (!g_strv_contains(ops, condition->op) || !condition->values[0])
        return yd_error_invalid(error, field->name, "can't be compared by “%s”", condition->op);
    g_string_append_printf(query->text, " AND %s %s ?", field->name, condition->op);
    return add_value(query, field, condition->values[0], error);
}

static gboolean
add_search(Query *query, const char *search, GError **error)
{
    if (!search || !*search)
        return TRUE;
    if (!g_utf8_validate(search, -1, NULL))
        return yd_error_invalid(error, "search", "is not valid UTF-8");
    if (g_utf8_strlen(search, -1) > SEARCH_MAX)
        return yd_error_invalid(error, "search", "is longer than %d characters", SEARCH_MAX);
    gboolean first = TRUE;
    for (guint i = 0; i < query->type->n_fields; i++) {
        const YdField *field = &query->type->fields[i];
        if (!(field->flags & YD_FIELD_SEARCH))
            continue;
        use_field(query, field);
        g_string_append(query->text, first ? " AND (" : " OR ");
        g_string_append_printf(query->text, YD_SQL_CONTAINS, field->name);
        add_text(query, search);
        first = FALSE;
    }
    if (first)
        return yd_error_invalid(error, "search", "%s can't be searched", query->type->plural);
    g_string_append_c(query->text, ')');
    return TRUE;
}

static void
add_scope(Query *query, const char *only_user, const char *only_manager)
{
    const YdScopeRule *rule = yd_scope_rule(query->type);
    const char *who = only_user ? only_user : only_manager;
    if (!who)
        return;
    const char *condition = only_user ? rule->own : rule->department;
    g_string_append_printf(query->text, " AND %s", condition ? condition : "1 = 0");
    for (guint i = 0; i < yd_scope_parameters(condition); i++)
        add_text(query, who);
}

static gboolean
set_sort(Query *query, const char *sort, GError **error)
{
    if (!sort || !*sort)
        return TRUE;
    query->down = *sort == '-';
    const char *name = sort + query->down;
    if (g_str_equal(name, "id"))
        return TRUE;
    query->sort = yd_record_field(query->type, name);
    if (!query->sort || !(query->sort->flags & YD_FIELD_SORT)) {
        g_autofree char *shown = g_utf8_make_valid(name, -1);
        return yd_error_invalid(error, "sort", "%s can't be sorted by “%.100s”",
                                query->type->plural, shown);
    }
    use_field(query, query->sort);
    return TRUE;
}

static char *
order_by(const Query *query)
{
    const char *way = query->down ? " DESC" : "";
    if (!query->sort)
        return g_strdup_printf("id%s", way);
    return g_strdup_printf("%s%s, id%s", query->sort->name, way, way);
}

// ---- cursors: where the last row of a page stands, {"s": sort, "v": its value, "i": its id}

static json_t *
sort_value(const Query *query, gconstpointer record)
{
    const YdField *field = query->sort;
    if (!field)
        return json_null();
    if (field->kind == YD_FIELD_TEXT) {
        const char *text = yd_record_text(record, field);
        return text ? json_string(text) : json_null();
    }
    if (field->kind == YD_FIELD_DOUBLE)
        return json_real(yd_record_double(record, field));
    return json_integer(yd_record_int(record, field));
}

static char *
sort_name(const Query *query)
{
    return g_strconcat(query->down ? "-" : "", query->sort ? query->sort->name : "id", NULL);
}

static char *
cursor_text(const Query *query, gconstpointer record)
{
    g_autofree char *sort = sort_name(query);
    g_autoptr(json_t) cursor = json_pack("{s:s,s:o,s:s}", "s", sort, "v", sort_value(query, record),
                                         "i", *(char *const *)record);
    g_autofree char *json = yd_json_text(cursor);
    char *text = g_base64_encode((const guchar *)json, strlen(json));
    g_strdelimit(text, "+", '-');
    g_strdelimit(text, "/", '_');
    text[strcspn(text, "=")] = '\0';
    return text;
}

static json_t *
cursor_parse(const char *text)
{
    if (strlen(text) > 4096)
        return NULL;
    g_autoptr(GString) padded = g_string_new(text);
    g_strdelimit(padded->str, "-", '+');
    g_strdelimit(padded->str, "_", '/');
    while (padded->len % 4)
        g_string_append_c(padded, '=');
    gsize length = 0;
    g_autofree guchar *json = g_base64_decode(padded->str, &length);
    g_autoptr(json_t) cursor = yd_json_parse((const char *)json, length, NULL);
    return json_is_object(cursor) ? g_steal_pointer(&cursor) : NULL;
}

static gboolean
value_fits(const Query *query, const json_t *value)
{
    if (!query->sort || json_is_null(value))
        return json_is_null(value);
    if (query->sort->kind == YD_FIELD_TEXT)
        return json_is_string(value);
    return query->sort->kind == YD_FIELD_DOUBLE ? json_is_number(value) : json_is_integer(value);
}

static void
add_json(Query *query, const json_t *value)
{
    if (json_is_string(value))
        add_text(query, json_string_value(value));
    else if (json_is_integer(value))
        add_int(query, json_integer_value(value));
    else
        add_double(query, json_real_value(value));
}

// Rows behind the cursor. NULL sorts before everything.
static void
add_behind(Query *query, const json_t *value, const char *id)
{
    const char *way = query->down ? "<" : ">";
    const char *name = query->sort ? query->sort->name : NULL;
    if (!name) {
        g_string_append_printf(query->text, " AND id %s ?", way);
    } else if (!json_is_null(value)) {
        g_string_append_printf(query->text, " AND ((%s, id) %s (?, ?)", name, way);
        if (query->down && query->sort->kind == YD_FIELD_TEXT)
            g_string_append_printf(query->text, " OR %s IS NULL", name);
        g_string_append_c(query->text, ')');
        add_json(query, value);
    } else if (query->down) {
        g_string_append_printf(query->text, " AND %s IS NULL AND id < ?", name);
    } else {
        g_string_append_printf(query->text, " AND (%s IS NOT NULL OR id > ?)", name);
    }
    add_text(query, id);
}

static gboolean
add_cursor(Query *query, const char *text, GError **error)
{
    if (!text || !*text)
        return TRUE;
    g_autoptr(json_t) cursor = cursor_parse(text);
    const char *sort = json_string_value(json_object_get(cursor, "s"));
    const char *id = json_string_value(json_object_get(cursor, "i"));
    const json_t *value = json_object_get(cursor, "v");
    g_autofree char *wanted = sort_name(query);
    if (!sort || !id || !value || g_strcmp0(sort, wanted) != 0 || !value_fits(query, value))
        return yd_error_invalid(error, "cursor",
                                "is none that this list gave out with the same sort; begin again "
                                "without it");
    add_behind(query, value, id);
    return TRUE;
}

// ---- running it

static gboolean
count_total(YdStore *store, const Query *query, gint64 *ret_total, GError **error)
{
    g_autofree char *text =
        g_strdup_printf("SELECT COUNT(*) FROM %s WHERE %s",
                        query->joined ? query->type->view : query->type->table, query->text->str);
    YdStatement *statement = yd_sql_query(store->sql, error, text, "");
    if (!statement)
        return FALSE;
    bind_all(query, statement, 1);
    return yd_store_read_int(statement, ret_total, error);
}

static GPtrArray *
read_page(YdStore *store, const Query *query, guint limit, GError **error)
{
    const YdRecordType *type = query->type;
    g_autofree char *columns = yd_store_columns(type, "", 0);
    g_autofree char *order = order_by(query);
    g_autofree char *text = NULL;
    if (limit == 0)
        text = g_strdup_printf("SELECT %s FROM %s WHERE %s ORDER BY %s", columns, type->view,
                               query->text->str, order);
    else
        text = g_strdup_printf("SELECT %s FROM %s WHERE id IN (SELECT id FROM (SELECT id FROM %s "
                               "WHERE %s ORDER BY %s LIMIT ?) page) ORDER BY %s",
                               columns, type->view, query->joined ? type->view : type->table,
                               query->text->str, order, order);
    g_autoptr(YdStatement) statement = yd_sql_query(store->sql, error, text, "");
    if (!statement)
        return NULL;
    bind_all(query, statement, 1);
    if (limit > 0) // one more tells whether there is a next page
        yd_statement_bind_int(statement, (int)query->binds->len + 1, (gint64)limit + 1);
    return yd_store_read_rows(type, statement, error);
}

YdPage *
yd_store_list(YdStore *store, const YdRecordType *type, const YdQuery *asked, GError **error)
{
    g_auto(Query) query;
    query_init(&query, type);
    for (gsize i = 0; i < asked->n_conditions; i++) {
        if (!add_condition(&query, &asked->conditions[i], error))
            return NULL;
    }
    if (!add_search(&query, asked->search, error) || !set_sort(&query, asked->sort, error))
        return NULL;
    add_scope(&query, asked->only_user, asked->only_manager);
    g_autoptr(YdPage) page = g_new0(YdPage, 1);
    page->total = -1;
    if ((asked->want_total && !count_total(store, &query, &page->total, error)) ||
        !add_cursor(&query, asked->cursor, error))
        return NULL;
    page->records = read_page(store, &query, asked->limit, error);
    if (!page->records)
        return NULL;
    if (asked->limit > 0 && page->records->len > asked->limit) {
        g_ptr_array_set_size(page->records, (int)asked->limit);
        page->next = cursor_text(&query, page->records->pdata[asked->limit - 1]);
    }
    return g_steal_pointer(&page);
}

void
yd_page_free(YdPage *page)
{
    if (!page)
        return;
    g_clear_pointer(&page->records, g_ptr_array_unref);
    g_free(page->next);
    g_free(page);
}
