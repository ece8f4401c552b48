// SPDX-License-Identifier: Apache-2.0
// The contract of the store: generic verbs on records, transactions, audit and the outbox of
// events. Verbs that only one noun has stand in store-<noun>.h. All SQL text lives in this room,
// once; the dialects differ under sql.h.
//
// Threads: a YdStore belongs to one thread; each thread opens its own on the same database.
// Errors: NOT_FOUND, EXISTS (unique), IN_USE (foreign key), STALE, NO_SPACE, UNAVAILABLE (busy for
// too long), INTERNAL.
#pragma once

#include "model/records.h"

typedef struct _YdStore YdStore;

// Opens the database file (":memory:" for tests) or the MariaDB of a URL (sql-mariadb-url.h),
// checks a file's integrity when check is TRUE, and takes it up to the newest step of sql/
// (compiled in). A schema newer than this program is refused.
YdStore *yd_store_open(const char *where, gboolean check, GError **error);
void yd_store_close(YdStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdStore, yd_store_close)

// Transactions (BEGIN IMMEDIATE). They nest: the inner ones are part of the outermost. abort rolls
// all back; yd_store_commit of an inner one does nothing.
gboolean yd_store_begin(YdStore *store, GError **error);
gboolean yd_store_commit(YdStore *store, GError **error);
void yd_store_abort(YdStore *store);

// A transaction that aborts when the scope is left without yd_store_tx_commit():
//   g_autoptr(YdStoreTx) tx = yd_store_tx(store, error); if (!tx) return FALSE; … return
//   yd_store_tx_commit(&tx, error);
typedef struct _YdStoreTx YdStoreTx;
YdStoreTx *yd_store_tx(YdStore *store, GError **error);
gboolean yd_store_tx_commit(YdStoreTx **tx, GError **error);
void yd_store_tx_abort(YdStoreTx *tx);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdStoreTx, yd_store_tx_abort)

// Reads one record from its view; NOT_FOUND names noun and id.
gpointer yd_store_get(YdStore *store, const YdRecordType *type, const char *id, GError **error);

// The first record whose column equals value, or NULL with NOT_FOUND.
gpointer yd_store_find(YdStore *store, const YdRecordType *type, const char *column,
                       const char *value, GError **error);

// Inserts. Fills in id (when NULL), created, changed (when 0, of types that have them) and version
// 1. Writes a "created" event of the noun (see yd_store_event).
gboolean yd_store_insert(YdStore *store, const YdRecordType *type, gpointer record, GError **error);

// Writes all columns of the record where id and version fit; then version + 1 and changed = now in
// the record too. STALE when somebody was quicker, NOT_FOUND when it is gone. Writes a "changed"
// event.
gboolean yd_store_update(YdStore *store, const YdRecordType *type, gpointer record, GError **error);

// Deletes; version 0 means any. IN_USE while other rows need it. Writes a "deleted" event.
gboolean yd_store_delete(YdStore *store, const YdRecordType *type, const char *id, gint64 version,
                         GError **error);

// What a list asks for. All strings are borrowed for the call. Unknown columns, and columns without
// the fitting flag, are INVALID and named.
typedef struct {
    const char *column;
    const char *op;            // "=" any of `values`; "<", "<=", ">", ">=", "!=" take one
    const char *const *values; // NULL-terminated
} YdCondition;

typedef struct {
    const YdCondition *conditions;
    gsize n_conditions;
    const char *search; // NULL: none
    const char *sort;   // column, "-column" for descending; NULL: by id
    const char *cursor; // NULL: from the start; else YdPage.next of the page before
    guint limit;        // 0: all rows (only for callers inside; the API sets 1..1000)
    // Who may see what: rows of this user only, or of the departments that this manager manages
    // (and own rows). NULL: no restriction. How a type is scoped stands in store/scope.c.
    const char *only_user;
    const char *only_manager;
    gboolean want_total;
} YdQuery;

typedef struct {
    GPtrArray *records; // of the type, owned by the array
    char *next;         // cursor of the next page, NULL at the end
    gint64 total;       // -1 unless wanted
} YdPage;

YdPage *
yd_store_list(YdStore *store, const YdRecordType *type, const YdQuery *query, GError **error);
void yd_page_free(YdPage *page);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdPage, yd_page_free)

// All records whose column equals value, sorted by id. NULL value: IS NULL. An array that frees its
// records.
GPtrArray *yd_store_all(YdStore *store, const YdRecordType *type, const char *column,
                        const char *value, GError **error);

// Number of rows per value of a text column: name -> GINT64 in a hash table (keys owned, values by
// g_memdup of gint64).
GHashTable *
yd_store_count_by(YdStore *store, const YdRecordType *type, const char *column, GError **error);

// Whether the row may be seen by only_user / only_manager as in YdQuery; FALSE with NOT_FOUND
// (gives nothing away) otherwise.
gboolean yd_store_visible(YdStore *store, const YdRecordType *type, const char *id,
                          const char *only_user, const char *only_manager, GError **error);

// Appends an event by hand (for changes that touch no row of the noun). insert, update and delete
// do it by themselves for nouns that are shown to people (not logins, addresses, audit).
gboolean yd_store_event(YdStore *store, const char *kind, const char *noun, const char *object_id,
                        const char *user_id, const char *department_ids, GError **error);

// Events after seq, at most limit, oldest first (YdEvent, freed by the array); ret_newest is the
// newest seq there is, ret_oldest the oldest kept.
GPtrArray *yd_store_events(YdStore *store, gint64 after, guint limit, gint64 *ret_oldest,
                           gint64 *ret_newest, GError **error);
void yd_event_free(YdEvent *event);

// Deletes events, and jobs and connections that ended, before the times given (ms).
gboolean yd_store_prune(YdStore *store, gint64 events_before, gint64 jobs_before,
                        gint64 connections_before, GError **error);

// Appends one audit row, inside the transaction under way. record is copied.
gboolean yd_store_audit(YdStore *store, const YdAudit *row, GError **error);

// A whole copy of the database as of one moment, while others write: a file of mode 0600 that is
// there only when it was read again and is in order; ret_rows: rows of all nouns in it. STATE with
// the way to go where the database has means of its own for it (MariaDB).
gboolean yd_store_copy(YdStore *store, const char *path, gint64 *ret_rows, GError **error);

// Settings: small named JSON values that count at run time. get gives NULL without an error when
// there is none.
char *yd_store_setting(YdStore *store, const char *name, GError **error);
gboolean yd_store_set_setting(YdStore *store, const char *name, const char *json, GError **error);

// Idempotency keys: remembers the answer to a key of one user for 24 h. get: FALSE without an error
// when unknown; the request hash differs: INVALID.
gboolean yd_store_idempotent_get(YdStore *store, const char *user_id, const char *key,
                                 const char *request_hash, gboolean *ret_known, guint *ret_status,
                                 char **ret_body, GError **error);
gboolean
yd_store_idempotent_put(YdStore *store, const char *user_id, const char *key,
                        const char *request_hash, guint status, const char *body, GError **error);
