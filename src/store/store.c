// SPDX-License-Identifier: Apache-2.0
// Opening, transactions and the generic verbs on one record. Lists are in list.c.
#include "store/store.h"

#include <string.h>

#include "base/id.h"
#include "model/address.h"
#include "store/migrate.h"
#include "store/store-private.h"

YdStore *
yd_store_open(const char *where, gboolean check, GError **error)
{
    YdSql *sql = yd_sql_open(where, check, error);
    if (!sql)
        return NULL;
    if (!yd_migrate(sql, 0, error)) {
        yd_sql_close(sql);
        return NULL;
    }
    YdStore *store = g_new0(YdStore, 1);
    store->sql = sql;
    return store;
}

void
yd_store_close(YdStore *store)
{
    if (!store)
        return;
    yd_sql_rollback(store->sql);
    yd_sql_close(store->sql);
    g_free(store);
}

gboolean
yd_store_begin(YdStore *store, GError **error)
{
    if (store->depth > 0 && store->doomed) {
        g_set_error_literal(error, YD_ERROR, YD_ERROR_INTERNAL,
                            "The transaction under way was aborted");
        return FALSE;
    }
    if (store->depth == 0) {
        if (!yd_sql_begin(store->sql, error))
            return FALSE;
        store->doomed = FALSE;
    }
    store->depth++;
    return TRUE;
}

gboolean
yd_store_commit(YdStore *store, GError **error)
{
    g_return_val_if_fail(store->depth > 0, FALSE);
    store->depth--;
    if (!store->doomed && !yd_sql_in_transaction(store->sql))
        store->doomed = TRUE; // the database rolled back by itself, the disk was full
    if (store->doomed) {
        yd_sql_rollback(store->sql); // nothing is open any more, but the turn to write is ours
        g_set_error_literal(error, YD_ERROR, YD_ERROR_INTERNAL,
                            "The transaction was aborted by one of its parts");
        return FALSE;
    }
    if (store->depth > 0)
        return TRUE;
    if (yd_sql_commit(store->sql, error))
        return TRUE;
    yd_sql_rollback(store->sql);
    return FALSE;
}

void
yd_store_abort(YdStore *store)
{
    g_return_if_fail(store->depth > 0);
    store->depth--;
    yd_sql_rollback(store->sql);
    store->doomed = TRUE;
}

struct _YdStoreTx {
    YdStore *store;
};

YdStoreTx *
yd_store_tx(YdStore *store, GError **error)
{
    if (!yd_store_begin(store, error))
        return NULL;
    YdStoreTx *tx = g_new0(YdStoreTx, 1);
    tx->store = store;
    return tx;
}

gboolean
yd_store_tx_commit(YdStoreTx **tx, GError **error)
{
    g_autofree YdStoreTx *taken = g_steal_pointer(tx);
    return yd_store_commit(taken->store, error);
}

void
yd_store_tx_abort(YdStoreTx *tx)
{
    if (!tx)
        return;
    yd_store_abort(tx->store);
    g_free(tx);
}

char *
yd_store_columns(const YdRecordType *type, const char *prefix, guint skip)
{
    GString *list = g_string_new(NULL);
    for (guint i = 0; i < type->n_fields; i++) {
        if (!(type->fields[i].flags & skip))
            g_string_append_printf(list, "%s%s%s", list->len ? ", " : "", prefix,
                                   type->fields[i].name);
    }
    return g_string_free(list, FALSE);
}

// The number of addresses in the range is no column: SQL can't read dotted addresses.
static void
complete(const YdRecordType *type, gpointer record)
{
    if (type != &yd_network_type)
        return;
    YdNetwork *network = record;
    guint32 first = 0, last = 0;
    if (yd_ip_parse(network->range_first, &first) && yd_ip_parse(network->range_last, &last))
        network->addresses_total = (gint64)last - first + 1;
}

gpointer
yd_store_read_row(const YdRecordType *type, YdStatement *statement, int first)
{
    gpointer record = yd_record_new(type);
    for (guint i = 0; i < type->n_fields; i++) {
        const YdField *field = &type->fields[i];
        int column = first + (int)i;
        if (field->kind == YD_FIELD_TEXT || field->kind == YD_FIELD_JSON)
            yd_record_set_text(record, field, yd_statement_text(statement, column));
        else if (field->kind == YD_FIELD_DOUBLE)
            yd_record_set_double(record, field, yd_statement_double(statement, column));
        else
            yd_record_set_int(record, field, yd_statement_int(statement, column));
    }
    complete(type, record);
    return record;
}

GPtrArray *
yd_store_read_rows(const YdRecordType *type, YdStatement *statement, GError **error)
{
    g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(type->free_record);
    gboolean row = FALSE;
    do {
        if (!yd_statement_step(statement, &row, error))
            return NULL;
        if (row)
            g_ptr_array_add(rows, yd_store_read_row(type, statement, 0));
    } while (row);
    return g_steal_pointer(&rows);
}

gpointer
yd_store_read_one(const YdRecordType *type, YdStatement *statement, GError **error)
{
    g_autoptr(YdStatement) taken = statement;
    gboolean row = FALSE;
    if (!taken || !yd_statement_step(taken, &row, error) || !row)
        return NULL;
    return yd_store_read_row(type, taken, 0);
}

gboolean
yd_store_read_int(YdStatement *statement, gint64 *ret_value, GError **error)
{
    g_autoptr(YdStatement) taken = statement;
    gboolean row = FALSE;
    if (!taken || !yd_statement_step(taken, &row, error))
        return FALSE;
    if (row)
        *ret_value = yd_statement_int(taken, 0);
    return TRUE;
}

gboolean
yd_store_read_text(YdStatement *statement, char **ret_value, GError **error)
{
    g_autoptr(YdStatement) taken = statement;
    gboolean row = FALSE;
    if (!taken || !yd_statement_step(taken, &row, error))
        return FALSE;
    *ret_value = row ? g_strdup(yd_statement_text(taken, 0)) : NULL;
    return TRUE;
}

YdStatement *
yd_store_select(YdStore *store, GError **error, const YdRecordType *type, const char *condition,
                const char *types, ...)
{
    g_autofree char *columns = yd_store_columns(type, "", 0);
    g_autofree char *text =
        g_strdup_printf("SELECT %s FROM %s WHERE %s", columns, type->view, condition);
    va_list args;
    va_start(args, types);
    YdStatement *statement = yd_sql_query_va(store->sql, error, text, types, args);
    va_end(args);
    return statement;
}

static void
not_found(const YdRecordType *type, const char *column, const char *value, GError **error)
{
    g_autofree char *shown = g_utf8_make_valid(value ? value : "", -1);
    g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "There is no %s with the %s “%.100s”",
                type->noun, column, shown);
}

gpointer
yd_store_find(YdStore *store, const YdRecordType *type, const char *column, const char *value,
              GError **error)
{
    g_return_val_if_fail(yd_record_field(type, column), NULL);
    g_autofree char *condition = g_strdup_printf("%s = ? ORDER BY id LIMIT 1", column);
    g_autoptr(GError) cause = NULL;
    gpointer record = yd_store_read_one(
        type, yd_store_select(store, &cause, type, condition, "t", value), &cause);
    if (cause)
        g_propagate_error(error, g_steal_pointer(&cause));
    else if (!record)
        not_found(type, column, value, error);
    return record;
}

gpointer
yd_store_get(YdStore *store, const YdRecordType *type, const char *id, GError **error)
{
    return yd_store_find(store, type, "id", id, error);
}

static void
bind_field(YdStatement *statement, int index, gconstpointer record, const YdField *field)
{
    if (field->kind == YD_FIELD_TEXT || field->kind == YD_FIELD_JSON)
        yd_statement_bind_text(statement, index, yd_record_text(record, field));
    else if (field->kind == YD_FIELD_DOUBLE)
        yd_statement_bind_double(statement, index, yd_record_double(record, field));
    else
        yd_statement_bind_int(statement, index, yd_record_int(record, field));
}

// The type that a column "<noun>_id" names, or NULL.
static const YdRecordType *
named_type(const YdField *field)
{
    if (field->flags & YD_FIELD_VIEW || !g_str_has_suffix(field->name, "_id"))
        return NULL;
    g_autofree char *noun = g_strndup(field->name, strlen(field->name) - 3);
    return yd_record_type(g_strdelimit(noun, "_", '-'));
}

static gboolean
row_exists(YdStore *store, const YdRecordType *type, const char *id)
{
    g_autofree char *text = g_strdup_printf("SELECT COUNT(*) FROM %s WHERE id = ?", type->table);
    gint64 n = 0;
    return yd_store_read_int(yd_sql_query(store->sql, NULL, text, "t", id), &n, NULL) && n > 0;
}

// Words a failed write with the noun and the value: which is taken, which is not there.
static void
explain_write(YdStore *store, const YdRecordType *type, gconstpointer record, GError **error)
{
    if (!error || !*error)
        return;
    g_autoptr(GError) cause = *error;
    *error = NULL;
    for (guint i = 0; i < type->n_fields; i++) {
        const YdField *field = &type->fields[i];
        if (g_error_matches(cause, YD_ERROR, YD_ERROR_EXISTS) && field->kind == YD_FIELD_TEXT &&
            !(field->flags & YD_FIELD_SECRET) && g_str_has_prefix(cause->message, field->name) &&
            cause->message[strlen(field->name)] == ' ') {
            g_set_error(error, YD_ERROR, YD_ERROR_EXISTS, "There is already a %s with the %s “%s”",
                        type->noun, field->name, yd_record_text(record, field));
            return;
        }
        const YdRecordType *other = named_type(field);
        const char *id = other ? yd_record_text(record, field) : NULL;
        if (id && g_error_matches(cause, YD_ERROR, YD_ERROR_IN_USE) &&
            !row_exists(store, other, id)) {
            g_autofree char *shown = g_utf8_make_valid(id, -1);
            yd_error_invalid(error, field->name, "there is no %s “%.100s”", other->noun, shown);
            return;
        }
    }
    *error = g_steal_pointer(&cause);
}

// Ends the verb's own part of a transaction. A row that was refused leaves nothing behind, so it
// does not spoil the caller's transaction; an event that failed after the row does.
static gboolean
finish_verb(YdStore *store, gboolean row_done, gboolean all_done, GError **error)
{
    if (all_done)
        return yd_store_commit(store, error);
    if (!row_done && store->depth > 1 && yd_sql_in_transaction(store->sql))
        store->depth--;
    else
        yd_store_abort(store);
    return FALSE;
}

static void
set_if(const YdRecordType *type, gpointer record, const char *name, gint64 value,
       gboolean only_zero)
{
    const YdField *field = yd_record_field(type, name);
    if (field && field->kind != YD_FIELD_TEXT && !(field->flags & YD_FIELD_VIEW) &&
        !(only_zero && yd_record_int(record, field) != 0))
        yd_record_set_int(record, field, value);
}

static gboolean
insert_row(YdStore *store, const YdRecordType *type, gconstpointer record, GError **error)
{
    g_autofree char *columns = yd_store_columns(type, "", YD_FIELD_VIEW);
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(text, "INSERT INTO %s (%s) VALUES (", type->table, columns);
    for (guint i = 0, n = 0; i < type->n_fields; i++) {
        if (!(type->fields[i].flags & YD_FIELD_VIEW))
            g_string_append(text, n++ ? ", ?" : "?");
    }
    g_string_append_c(text, ')');
    g_autoptr(YdStatement) statement = yd_sql_query(store->sql, error, text->str, "");
    if (!statement)
        return FALSE;
    for (guint i = 0, n = 0; i < type->n_fields; i++) {
        if (!(type->fields[i].flags & YD_FIELD_VIEW))
            bind_field(statement, (int)++n, record, &type->fields[i]);
    }
    gboolean row = FALSE;
    return yd_statement_step(statement, &row, error);
}

gboolean
yd_store_insert(YdStore *store, const YdRecordType *type, gpointer record, GError **error)
{
    char **id = record; // the first member of every record
    if (!*id)
        *id = yd_id_new(type->prefix);
    gint64 now = yd_now_ms();
    set_if(type, record, "created", now, TRUE);
    set_if(type, record, "changed", now, TRUE);
    set_if(type, record, "version", 1, FALSE);
    g_autoptr(GError) cause = NULL;
    if (!yd_store_begin(store, error))
        return FALSE;
    gboolean row = insert_row(store, type, record, &cause);
    gboolean all = row && yd_store_change_event(store, "created", type, *id, &cause);
    if (!row)
        explain_write(store, type, record, &cause);
    if (!all)
        g_propagate_error(error, g_steal_pointer(&cause));
    return finish_verb(store, row, all, all ? error : NULL);
}

static gboolean
is_written(const YdField *field)
{
    return !(field->flags & YD_FIELD_VIEW) && strcmp(field->name, "id") != 0 &&
           strcmp(field->name, "created") != 0;
}

// UPDATE of all columns, on the condition given (SQL text with its bound texts and version).
static gboolean
update_row(YdStore *store, const YdRecordType *type, gconstpointer record, gint64 old_version,
           const char *old_state, gint64 *ret_changed, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(text, "UPDATE %s SET ", type->table);
    int n = 0;
    for (guint i = 0; i < type->n_fields; i++) {
        if (is_written(&type->fields[i]))
            g_string_append_printf(text, "%s%s = ?", n++ ? ", " : "", type->fields[i].name);
    }
    g_string_append_printf(text, " WHERE id = ?%s%s", old_version ? " AND version = ?" : "",
                           old_state ? " AND state = ?" : "");
    g_autoptr(YdStatement) statement = yd_sql_query(store->sql, error, text->str, "");
    if (!statement)
        return FALSE;
    n = 0;
    for (guint i = 0; i < type->n_fields; i++) {
        if (is_written(&type->fields[i]))
            bind_field(statement, ++n, record, &type->fields[i]);
    }
    yd_statement_bind_text(statement, ++n, *(char *const *)record);
    if (old_version)
        yd_statement_bind_int(statement, ++n, old_version);
    if (old_state)
        yd_statement_bind_text(statement, ++n, old_state);
    gboolean row = FALSE;
    if (!yd_statement_step(statement, &row, error))
        return FALSE;
    *ret_changed = yd_sql_changes(store->sql);
    return TRUE;
}

static gboolean
refuse_stale(YdStore *store, const YdRecordType *type, const char *id, GError **error)
{
    if (!row_exists(store, type, id))
        not_found(type, "id", id, error);
    else
        g_set_error(error, YD_ERROR, YD_ERROR_STALE,
                    "Somebody else has changed the %s “%s” meanwhile; read it again", type->noun,
                    id);
    return FALSE;
}

gboolean
yd_store_write(YdStore *store, const YdRecordType *type, gpointer record, const char *old_state,
               GError **error)
{
    const char *id = *(char *const *)record;
    const YdField *version = yd_record_field(type, "version");
    const YdField *changed = yd_record_field(type, "changed");
    gint64 old_version = version ? yd_record_int(record, version) : 0, rows = 0;
    gint64 old_changed = changed ? yd_record_int(record, changed) : 0;
    if (!yd_store_begin(store, error))
        return FALSE;
    set_if(type, record, "changed", yd_now_ms(), FALSE);
    set_if(type, record, "version", old_version + 1, FALSE);
    g_autoptr(GError) cause = NULL;
    gboolean row = update_row(store, type, record, old_version, old_state, &rows, &cause);
    if (!row)
        explain_write(store, type, record, &cause);
    row = row && (rows > 0 || refuse_stale(store, type, id, &cause));
    gboolean all = row && yd_store_change_event(store, "changed", type, id, &cause);
    if (!all)
        g_propagate_error(error, g_steal_pointer(&cause));
    if (finish_verb(store, row, all, all ? error : NULL))
        return TRUE;
    set_if(type, record, "changed", old_changed, FALSE);
    set_if(type, record, "version", old_version, FALSE);
    return FALSE;
}

gboolean
yd_store_update(YdStore *store, const YdRecordType *type, gpointer record, GError **error)
{
    return yd_store_write(store, type, record, NULL, error);
}

// Words a refused delete: who needs the row, and how many.
static void
explain_delete(YdStore *store, const YdRecordType *type, const char *id, GError **error)
{
    if (!g_error_matches(*error, YD_ERROR, YD_ERROR_IN_USE))
        return;
    g_autoptr(GString) users = g_string_new(NULL);
    for (const YdRecordType *const *t = yd_record_types(); *t; t++) {
        for (guint i = 0; i < (*t)->n_fields; i++) {
            const YdField *field = &(*t)->fields[i];
            if (named_type(field) != type || *t == &yd_audit_type || *t == &yd_job_type ||
                *t == &yd_connection_type)
                continue;
            gint64 n = 0;
            g_autofree char *text =
                g_strdup_printf("SELECT COUNT(*) FROM %s WHERE %s = ?", (*t)->table, field->name);
            yd_store_read_int(yd_sql_query(store->sql, NULL, text, "t", id), &n, NULL);
            if (n > 0)
                g_string_append_printf(users, "%s%" G_GINT64_FORMAT " %s", users->len ? ", " : "",
                                       n, n == 1 ? (*t)->noun : (*t)->plural);
        }
    }
    g_clear_error(error);
    g_set_error(error, YD_ERROR, YD_ERROR_IN_USE, "The %s “%s” is still used by %s", type->noun, id,
                users->len ? users->str : "others");
}

static gboolean
delete_row(YdStore *store, const YdRecordType *type, const char *id, gint64 version, GError **error)
{
    gint64 rows = 0;
    g_autofree char *text = g_strdup_printf("DELETE FROM %s WHERE id = ?%s", type->table,
                                            version ? " AND version = ?" : "");
    if (!yd_sql_run(store->sql, &rows, error, text, version ? "ti" : "t", id, version)) {
        explain_delete(store, type, id, error);
        return FALSE;
    }
    return rows > 0 || refuse_stale(store, type, id, error);
}

gboolean
yd_store_delete(YdStore *store, const YdRecordType *type, const char *id, gint64 version,
                GError **error)
{
    if (!yd_store_begin(store, error))
        return FALSE;
    g_autoptr(GError) cause = NULL;
    // Whom it concerns is read while the row is still there.
    YdPendingEvent event = {0};
    gboolean row = yd_store_prepare_event(store, type, id, &event, &cause) &&
                   delete_row(store, type, id, version, &cause);
    gboolean all = row && yd_store_emit(store, "deleted", type, id, &event, &cause);
    g_free(event.user_id);
    g_free(event.department_ids);
    if (!all)
        g_propagate_error(error, g_steal_pointer(&cause));
    return finish_verb(store, row, all, all ? error : NULL);
}

GPtrArray *
yd_store_all(YdStore *store, const YdRecordType *type, const char *column, const char *value,
             GError **error)
{
    g_return_val_if_fail(yd_record_field(type, column), NULL);
    g_autofree char *condition =
        g_strdup_printf(value ? "%s = ? ORDER BY id" : "%s IS NULL ORDER BY id", column);
    g_autoptr(YdStatement) statement =
        yd_store_select(store, error, type, condition, value ? "t" : "", value);
    return statement ? yd_store_read_rows(type, statement, error) : NULL;
}

GHashTable *
yd_store_count_by(YdStore *store, const YdRecordType *type, const char *column, GError **error)
{
    g_return_val_if_fail(yd_record_field(type, column), NULL);
    g_autoptr(GHashTable) counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autofree char *text = g_strdup_printf("SELECT %s, COUNT(*) FROM %s WHERE %s IS NOT NULL "
                                            "GROUP BY %s",
                                            column, type->table, column, column);
    g_autoptr(YdStatement) statement = yd_sql_query(store->sql, error, text, "");
    gboolean row = statement != NULL;
    while (row) {
        if (!yd_statement_step(statement, &row, error))
            return NULL;
        if (row) {
            gint64 n = yd_statement_int(statement, 1);
            g_hash_table_insert(counts, g_strdup(yd_statement_text(statement, 0)),
                                g_memdup2(&n, sizeof n));
        }
    }
    return statement ? g_steal_pointer(&counts) : NULL;
}
