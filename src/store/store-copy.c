// SPDX-License-Identifier: Apache-2.0
// Copies and compares whole databases. What tables and columns there are, and which refers to
// which, is read from an empty SQLite store in memory, so that no list has to be kept here.
#include "store/store-copy.h"

#include <string.h>

#include "base/error.h"
#include "store/migrate.h"

#define PAGE 500  // rows that are read, and written in one transaction
#define DIGEST 32 // SHA-256

typedef struct {
    char *name;
    char kind; // as in yd_sql_query()
} Column;

typedef struct {
    char *name;
    GArray *columns;             // of Column
    GArray *key;                 // places (guint) in columns of the primary key
    GPtrArray *needs;            // names of tables that it refers to
    char *first, *next, *insert; // texts
} Table;

typedef struct {
    YdSql *from, *to;
    GPtrArray *tables; // of Table, those that others refer to first
} Copy;

static void
column_clear(gpointer data)
{
    g_free(((Column *)data)->name);
}

static void
table_free(gpointer data)
{
    Table *table = data;
    g_free(table->name);
    g_array_unref(table->columns);
    g_array_unref(table->key);
    g_ptr_array_unref(table->needs);
    g_free(table->first);
    g_free(table->next);
    g_free(table->insert);
    g_free(table);
}

static void
copy_clear(Copy *copy)
{
    yd_sql_close(copy->from);
    yd_sql_close(copy->to);
    g_clear_pointer(&copy->tables, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Copy, copy_clear)

// ---- the catalogue

static gboolean
read_columns(YdSql *catalogue, Table *table, GError **error)
{
    g_autoptr(YdStatement) row = yd_sql_query(
        catalogue, error, "SELECT name, type, pk FROM pragma_table_info(?) ORDER BY cid", "t",
        table->name);
    gboolean more = row != NULL;
    guint key[8] = {0}, n_key = 0;
    while (more) {
        if (!yd_statement_step(row, &more, error))
            return FALSE;
        if (!more)
            break;
        const char *type = yd_statement_text(row, 1);
        Column column = {g_strdup(yd_statement_text(row, 0)), strcmp(type, "TEXT") == 0   ? 't'
                                                              : strcmp(type, "REAL") == 0 ? 'd'
                                                                                          : 'i'};
        gint64 place = yd_statement_int(row, 2); // in the key, from 1
        if (place > 0 && place <= (gint64)G_N_ELEMENTS(key)) {
            key[place - 1] = table->columns->len;
            n_key = MAX(n_key, (guint)place);
        }
        g_array_append_val(table->columns, column);
    }
    g_array_append_vals(table->key, key, n_key);
    return row != NULL;
}

static gboolean
read_needs(YdSql *catalogue, Table *table, GError **error)
{
    g_autoptr(YdStatement) row =
        yd_sql_query(catalogue, error, "SELECT DISTINCT \"table\" FROM pragma_foreign_key_list(?)",
                     "t", table->name);
    gboolean more = row != NULL;
    while (more) {
        if (!yd_statement_step(row, &more, error))
            return FALSE;
        if (more && strcmp(yd_statement_text(row, 0), table->name) != 0)
            g_ptr_array_add(table->needs, g_strdup(yd_statement_text(row, 0)));
    }
    return row != NULL;
}

static void
append_list(GString *text, const Table *table, gboolean marks)
{
    for (guint i = 0; i < table->columns->len; i++)
        g_string_append_printf(text, "%s%s", i ? ", " : "",
                               marks ? "?" : g_array_index(table->columns, Column, i).name);
}

static const char *
key_name(const Table *table, guint place)
{
    return g_array_index(table->columns, Column, g_array_index(table->key, guint, place)).name;
}

static void
make_texts(Table *table)
{
    g_autoptr(GString) names = g_string_new(NULL), marks = g_string_new(NULL);
    g_autoptr(GString) key = g_string_new(NULL), key_marks = g_string_new(NULL);
    append_list(names, table, FALSE);
    append_list(marks, table, TRUE);
    for (guint i = 0; i < table->key->len; i++) {
        g_string_append_printf(key, "%s%s", i ? ", " : "", key_name(table, i));
        g_string_append(key_marks, i ? ", ?" : "?");
    }
    table->first = g_strdup_printf("SELECT %s FROM %s ORDER BY %s LIMIT %d", names->str,
                                   table->name, key->str, PAGE);
    table->next =
        g_strdup_printf("SELECT %s FROM %s WHERE (%s) > (%s) ORDER BY %s LIMIT %d", names->str,
                        table->name, key->str, key_marks->str, key->str, PAGE);
    table->insert =
        g_strdup_printf("INSERT INTO %s (%s) VALUES (%s)", table->name, names->str, marks->str);
}

static gboolean
read_tables(YdSql *catalogue, GPtrArray *tables, GError **error)
{
    g_autoptr(YdStatement) row =
        yd_sql_query(catalogue, error,
                     "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE "
                     "'sqlite_%' AND name <> 'schema_steps' ORDER BY rowid",
                     "");
    gboolean more = row != NULL;
    while (more) {
        if (!yd_statement_step(row, &more, error))
            return FALSE;
        if (!more)
            break;
        Table *table = g_new0(Table, 1);
        table->name = g_strdup(yd_statement_text(row, 0));
        table->columns = g_array_new(FALSE, TRUE, sizeof(Column));
        g_array_set_clear_func(table->columns, column_clear);
        table->key = g_array_new(FALSE, TRUE, sizeof(guint));
        table->needs = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(tables, table);
        if (!read_columns(catalogue, table, error) || !read_needs(catalogue, table, error))
            return FALSE;
        make_texts(table);
    }
    return row != NULL;
}

static gboolean
is_among(const GPtrArray *tables, const char *name)
{
    for (guint i = 0; i < tables->len; i++) {
        if (strcmp(((const Table *)tables->pdata[i])->name, name) == 0)
            return TRUE;
    }
    return FALSE;
}

static gboolean
is_free(const Table *table, const GPtrArray *sorted)
{
    for (guint i = 0; i < table->needs->len; i++) {
        if (!is_among(sorted, table->needs->pdata[i]))
            return FALSE;
    }
    return TRUE;
}

// Those that others refer to first. There are no circles.
static GPtrArray *
sort_tables(GPtrArray *tables)
{
    GPtrArray *sorted = g_ptr_array_new_with_free_func(table_free);
    for (guint i = 0; i < tables->len;) {
        if (is_free(tables->pdata[i], sorted)) {
            g_ptr_array_add(sorted, g_ptr_array_steal_index(tables, i));
            i = 0;
        } else {
            i++;
        }
    }
    g_warn_if_fail(tables->len == 0);
    return sorted;
}

static GPtrArray *
catalogue(GError **error)
{
    g_autoptr(GPtrArray) tables = g_ptr_array_new_with_free_func(table_free);
    YdSql *sql = yd_sql_open(":memory:", FALSE, error);
    gboolean good = sql && yd_migrate(sql, 0, error) && read_tables(sql, tables, error);
    yd_sql_close(sql);
    return good ? sort_tables(tables) : NULL;
}

// ---- rows

// A row goes from one statement to another.
static void
bind_column(YdStatement *to, int index, YdStatement *from, const Table *table, guint column)
{
    char kind = g_array_index(table->columns, Column, column).kind;
    if (kind == 't' || yd_statement_is_null(from, (int)column))
        yd_statement_bind_text(to, index, yd_statement_text(from, (int)column));
    else if (kind == 'd')
        yd_statement_bind_double(to, index, yd_statement_double(from, (int)column));
    else
        yd_statement_bind_int(to, index, yd_statement_int(from, (int)column));
}

// The values of the key of the row read last, from which the next page starts.
typedef struct {
    const Table *table;
    GPtrArray *values; // texts; NULL: no row was read yet
} Place;

static void
place_clear(Place *place)
{
    g_clear_pointer(&place->values, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_clear)

static void
remember(Place *place, YdStatement *row)
{
    place_clear(place);
    place->values = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < place->table->key->len; i++)
        g_ptr_array_add(place->values, g_strdup(yd_statement_text(
                                           row, (int)g_array_index(place->table->key, guint, i))));
}

static YdStatement *
page_behind(YdSql *sql, const Place *place, GError **error)
{
    const Table *table = place->table;
    YdStatement *page = yd_sql_query(sql, error, place->values ? table->next : table->first, "");
    for (guint i = 0; page && place->values && i < table->key->len; i++) {
        const char *value = place->values->pdata[i];
        const Column *column =
            &g_array_index(table->columns, Column, g_array_index(table->key, guint, i));
        if (column->kind == 'i')
            yd_statement_bind_int(page, (int)i + 1, g_ascii_strtoll(value, NULL, 10));
        else
            yd_statement_bind_text(page, (int)i + 1, value);
    }
    return page;
}

static gboolean
insert_row(YdSql *to, const Table *table, YdStatement *row, GError **error)
{
    g_autoptr(YdStatement) insert = yd_sql_query(to, error, table->insert, "");
    gboolean more = FALSE;
    for (guint i = 0; insert && i < table->columns->len; i++)
        bind_column(insert, (int)i + 1, row, table, i);
    if (insert && yd_statement_step(insert, &more, error))
        return TRUE;
    g_prefix_error(error, "%s, %s “%s”: ", table->name, key_name(table, 0),
                   yd_statement_text(row, (int)g_array_index(table->key, guint, 0)));
    return FALSE;
}

static gboolean
copy_page(Copy *copy, Place *place, guint *ret_n, GError **error)
{
    g_autoptr(YdStatement) row = page_behind(copy->from, place, error);
    gboolean more = row != NULL, good = row != NULL && yd_sql_begin(copy->to, error);
    *ret_n = 0;
    while (good && more) {
        good = yd_statement_step(row, &more, error) &&
               (!more || insert_row(copy->to, place->table, row, error));
        if (good && more) {
            remember(place, row);
            (*ret_n)++;
        }
    }
    if (good && yd_sql_commit(copy->to, error))
        return TRUE;
    yd_sql_rollback(copy->to);
    return FALSE;
}

static gboolean
copy_table(Copy *copy, const Table *table, GError **error)
{
    g_auto(Place) place = {.table = table};
    guint n = PAGE;
    while (n == PAGE) {
        if (!copy_page(copy, &place, &n, error))
            return FALSE;
    }
    return TRUE;
}

// ---- comparing

static void
digest_row(YdStatement *row, const Table *table, guint8 *digest)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    gsize length = DIGEST;
    for (guint i = 0; i < table->columns->len; i++) {
        char kind = g_array_index(table->columns, Column, i).kind;
        gboolean null = yd_statement_is_null(row, (int)i);
        const char *text = null || kind != 't' ? "" : yd_statement_text(row, (int)i);
        gint64 number = null || kind != 'i' ? 0 : yd_statement_int(row, (int)i);
        double real = null || kind != 'd' ? 0 : yd_statement_double(row, (int)i);
        g_checksum_update(sum, null ? (const guchar *)"0" : (const guchar *)&kind, 1);
        g_checksum_update(sum, (const guchar *)text, (gssize)strlen(text) + 1);
        g_checksum_update(sum, (const guchar *)&number, sizeof number);
        g_checksum_update(sum, (const guchar *)&real, sizeof real);
    }
    g_checksum_get_digest(sum, digest, &length);
}

static gboolean
differs(const Table *table, YdStatement *row, const char *how, GError **error)
{
    g_set_error(error, YD_ERROR, YD_ERROR_STATE, "The copy is not the same: %s, %s “%s” %s",
                table->name, key_name(table, 0),
                yd_statement_text(row, (int)g_array_index(table->key, guint, 0)), how);
    return FALSE;
}

static gboolean
compare_page(Copy *copy, Place *place, guint *ret_n, GError **error)
{
    const Table *table = place->table;
    g_autoptr(YdStatement) a = page_behind(copy->from, place, error);
    g_autoptr(YdStatement) b = a ? page_behind(copy->to, place, error) : NULL;
    gboolean row_a = b != NULL, row_b = row_a;
    *ret_n = 0;
    while (row_a) {
        guint8 digest_a[DIGEST], digest_b[DIGEST];
        if (!yd_statement_step(a, &row_a, error) || !yd_statement_step(b, &row_b, error))
            return FALSE;
        if (row_a != row_b)
            return differs(table, row_a ? a : b, row_a ? "is missing" : "is too much", error);
        if (!row_a)
            break;
        digest_row(a, table, digest_a);
        digest_row(b, table, digest_b);
        if (memcmp(digest_a, digest_b, DIGEST) != 0)
            return differs(table, a, "has other values", error);
        remember(place, a);
        (*ret_n)++;
    }
    return b != NULL;
}

static gboolean
compare_all(Copy *copy, YdCopyProgress progress, gpointer data, GError **error)
{
    for (guint i = 0; i < copy->tables->len; i++) {
        g_auto(Place) place = {.table = copy->tables->pdata[i]};
        gint64 rows = 0;
        for (guint n = PAGE; n == PAGE; rows += n) {
            if (!compare_page(copy, &place, &n, error))
                return FALSE;
        }
        if (progress)
            progress(place.table->name, rows, data);
    }
    return TRUE;
}

// ---- both ends

static gboolean
open_from(Copy *copy, const char *from, GError **error)
{
    gint64 present = 0;
    if (!strstr(from, "://") && !g_file_test(from, G_FILE_TEST_EXISTS)) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "There is no store %s to be copied", from);
        return FALSE;
    }
    copy->from = yd_sql_open(from, TRUE, error);
    if (!copy->from || !yd_migrate_present(copy->from, &present, error))
        return FALSE;
    if (present == (gint64)yd_n_migrations)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "The store has schema step %" G_GINT64_FORMAT " of %u; start this version of deskd "
                "with it once, stop it, and copy then",
                present, yd_n_migrations);
    return FALSE;
}

static gboolean
count(YdSql *sql, const char *table, gint64 *ret_n, GError **error)
{
    g_autofree char *text = g_strdup_printf("SELECT COUNT(*) FROM %s", table);
    g_autoptr(YdStatement) row = yd_sql_query(sql, error, text, "");
    gboolean more = FALSE;
    if (!row || !yd_statement_step(row, &more, error))
        return FALSE;
    *ret_n = yd_statement_int(row, 0);
    return TRUE;
}

// The schema's own first row (counters) does not count.
static gboolean
check_empty(Copy *copy, GError **error)
{
    for (guint i = 0; i < copy->tables->len; i++) {
        const char *table = ((const Table *)copy->tables->pdata[i])->name;
        gint64 n = 0;
        if (!count(copy->to, table, &n, error))
            return FALSE;
        if (n > 0 && strcmp(table, "counters") != 0) {
            g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                        "The store to be filled is not empty: %s has %" G_GINT64_FORMAT
                        " rows; give an empty one",
                        table, n);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
copy_all(Copy *copy, GError **error)
{
    gboolean good = yd_sql_run(copy->to, NULL, error, "DELETE FROM counters", "");
    for (guint i = 0; good && i < copy->tables->len; i++)
        good = copy_table(copy, copy->tables->pdata[i], error);
    if (!good)
        g_prefix_error(error, "The copy is not complete; empty it before you try again. ");
    return good;
}

gboolean
yd_store_compare_all(const char *from, const char *to, YdCopyProgress progress, gpointer data,
                     GError **error)
{
    g_auto(Copy) copy = {0};
    copy.tables = catalogue(error);
    return copy.tables && open_from(&copy, from, error) &&
           (copy.to = yd_sql_open(to, TRUE, error)) && compare_all(&copy, progress, data, error);
}

gboolean
yd_store_copy_all(const char *from, const char *to, YdCopyProgress progress, gpointer data,
                  GError **error)
{
    g_auto(Copy) copy = {0};
    copy.tables = catalogue(error);
    return copy.tables && open_from(&copy, from, error) &&
           (copy.to = yd_sql_open(to, TRUE, error)) && yd_migrate(copy.to, 0, error) &&
           check_empty(&copy, error) && copy_all(&copy, error) &&
           compare_all(&copy, progress, data, error);
}
