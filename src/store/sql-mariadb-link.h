// SPDX-License-Identifier: Apache-2.0
// One connection to one of the servers of a URL: connecting, statements by their text, results read
// to the end. Knows nothing of repeating; sql-mariadb.c does. For one thread.
#pragma once

#include "store/sql-mariadb-error.h"

// A parameter: type as in yd_sql_query(); a text of NULL is SQL NULL.
typedef struct {
    char type;
    char *text;
    gint64 number;
    double real;
} YdMariadbBind;

typedef struct {
    char kind; // '0' NULL, 'i', 'd', 't'
    gint64 number;
    double real;
    const char *text; // in the result's texts
} YdMariadbCell;

typedef struct {
    GArray *cells; // of YdMariadbCell, row by row
    GStringChunk *texts;
    guint columns, rows;
    gint64 affected; // rows that an INSERT, UPDATE or DELETE matched
} YdMariadbResult;

void yd_mariadb_result_free(YdMariadbResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdMariadbResult, yd_mariadb_result_free)

typedef struct _YdMariadbLink YdMariadbLink;

// Checks the URL; does not connect.
YdMariadbLink *yd_mariadb_link_new(const char *url, GError **error);
void yd_mariadb_link_free(YdMariadbLink *link);

// Connects where it is not: the servers in their order, from the one that answered last, again and
// again for at most YD_MARIADB_WAIT_MS; makes the database where there is none. UNAVAILABLE says
// what each server answered.
#define YD_MARIADB_WAIT_MS 15000
gboolean yd_mariadb_link_up(YdMariadbLink *link, GError **error);

// Forgets the connection; the next yd_mariadb_link_up() makes another one.
void yd_mariadb_link_drop(YdMariadbLink *link);

// Runs a prepared statement (kept by its text). binds: of YdMariadbBind. *ret_result is set when it
// is DONE. After LOST the connection is dropped.
YdMariadbOutcome yd_mariadb_link_execute(YdMariadbLink *link, const char *text, const GArray *binds,
                                         YdMariadbResult **ret_result, GError **error);

// Runs several statements, separated by ";", in one go; ret_affected (may be NULL): of the last.
YdMariadbOutcome
yd_mariadb_link_script(YdMariadbLink *link, const char *text, gint64 *ret_affected, GError **error);

// What the server said last.
gboolean yd_mariadb_link_in_transaction(const YdMariadbLink *link);

// A name that no other connection has, new with each connection; borrowed until the next one.
const char *yd_mariadb_link_writer(const YdMariadbLink *link);

// For messages; borrowed.
const char *yd_mariadb_link_name(const YdMariadbLink *link);
