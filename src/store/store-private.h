// SPDX-License-Identifier: Apache-2.0
// What the files of the store share among themselves.
#pragma once

#include "base/error.h"
#include "store/sql.h"
#include "store/store.h"

struct _YdStore {
    YdSql *sql;
    guint depth;     // of nested transactions
    gboolean doomed; // an inner one was aborted: all was rolled back, the outer ones can't commit
};

// "a, b, c" of the fields; prefix goes before each; skip leaves out fields with these flags.
char *yd_store_columns(const YdRecordType *type, const char *prefix, guint skip);

// The present row of "SELECT <yd_store_columns(type, …, 0)> …", columns from `first` on.
gpointer yd_store_read_row(const YdRecordType *type, YdStatement *statement, int first);

// Runs to the end and collects the rows into an array that frees its records.
GPtrArray *yd_store_read_rows(const YdRecordType *type, YdStatement *statement, GError **error);

// The first row, or NULL without an error. Takes statement (which may be NULL after an error).
gpointer yd_store_read_one(const YdRecordType *type, YdStatement *statement, GError **error);

// The rows of the type whose condition (SQL text on the view's columns) holds; arguments as in
// yd_sql_query().
YdStatement *yd_store_select(YdStore *store, GError **error, const YdRecordType *type,
                             const char *condition, const char *types, ...);

// First column of the first row; *ret_value keeps its value when there is no row. Takes statement.
gboolean yd_store_read_int(YdStatement *statement, gint64 *ret_value, GError **error);
// NULL without an error when there is no row or it is NULL.
gboolean yd_store_read_text(YdStatement *statement, char **ret_value, GError **error);

// The condition by which rows of the type are restricted (scope.c): SQL text on columns of its
// table with n "?", all of them the id of the user; NULL: nobody but administrators sees any.
typedef struct {
    const YdRecordType *type;
    const char *own, *department;
    const char *event_user, *event_departments; // SELECT … of one row ("?" is its id), or NULL
    gboolean silent;                            // no events
} YdScopeRule;
const YdScopeRule *yd_scope_rule(const YdRecordType *type);
guint yd_scope_parameters(const char *condition);

// Whom an event concerns, read before the row goes.
typedef struct {
    char *user_id, *department_ids;
} YdPendingEvent;
gboolean yd_store_prepare_event(YdStore *store, const YdRecordType *type, const char *id,
                                YdPendingEvent *event, GError **error);
gboolean yd_store_emit(YdStore *store, const char *kind, const YdRecordType *type, const char *id,
                       const YdPendingEvent *event, GError **error);

// Both at once. Nothing happens for silent types.
gboolean yd_store_change_event(YdStore *store, const char *kind, const YdRecordType *type,
                               const char *id, GError **error);

// yd_store_update() on the further condition that the row's state still is old_state (NULL: any).
gboolean yd_store_write(YdStore *store, const YdRecordType *type, gpointer record,
                        const char *old_state, GError **error);
