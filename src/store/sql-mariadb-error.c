// SPDX-License-Identifier: Apache-2.0
// The table of error numbers (mysqld_error.h, errmsg.h of libmariadb). A unique key of ours is
// named after its last column, so that its name is the column that was taken.
#include "store/sql-mariadb-error.h"

#include <errmsg.h>
#include <mysqld_error.h>
#include <string.h>

#include "base/error.h"

typedef enum { TAKEN, NEEDED, BAD_VALUE, BAD_CHECK, NO_ROOM, AGAIN, GONE, BUSY, BLOCKED } Meaning;

#ifndef ER_CONSTRAINT_FAILED
#define ER_CONSTRAINT_FAILED 4025
#endif

static const struct {
    guint code;
    Meaning meaning;
} table[] = {
    {ER_DUP_ENTRY, TAKEN},
    {ER_DUP_ENTRY_WITH_KEY_NAME, TAKEN},
    {ER_ROW_IS_REFERENCED, NEEDED},
    {ER_ROW_IS_REFERENCED_2, NEEDED},
    {ER_NO_REFERENCED_ROW, NEEDED},
    {ER_NO_REFERENCED_ROW_2, NEEDED},
    {ER_BAD_NULL_ERROR, BAD_VALUE},
    {ER_NO_DEFAULT_FOR_FIELD, BAD_VALUE},
    {ER_DATA_TOO_LONG, BAD_VALUE},
    {ER_WARN_DATA_OUT_OF_RANGE, BAD_VALUE},
    {ER_TRUNCATED_WRONG_VALUE_FOR_FIELD, BAD_VALUE},
    {ER_CONSTRAINT_FAILED, BAD_CHECK},
    {ER_DISK_FULL, NO_ROOM},
    {ER_RECORD_FILE_FULL, NO_ROOM},
    {ER_ERROR_ON_WRITE, NO_ROOM},
    {ER_LOCK_DEADLOCK, AGAIN},
    {ER_CHECKREAD, AGAIN},
    {CR_CONNECTION_ERROR, GONE},
    {CR_CONN_HOST_ERROR, GONE},
    {CR_UNKNOWN_HOST, GONE},
    {CR_SERVER_GONE_ERROR, GONE},
    {CR_SERVER_HANDSHAKE_ERR, GONE},
    {CR_SERVER_LOST, GONE},
    {CR_COMMANDS_OUT_OF_SYNC, GONE},
    {CR_SSL_CONNECTION_ERROR, GONE},
    {CR_MALFORMED_PACKET, GONE},
    {ER_UNKNOWN_COM_ERROR, GONE},   // Galera: this node is not part of a majority
    {ER_ERROR_DURING_COMMIT, GONE}, // Galera: the majority was lost meanwhile
    {ER_SERVER_SHUTDOWN, GONE},
    {ER_NORMAL_SHUTDOWN, GONE},
    {ER_CONNECTION_KILLED, GONE},
    {ER_ABORTING_CONNECTION, GONE},
    {ER_NEW_ABORTING_CONNECTION, GONE},
    {ER_CON_COUNT_ERROR, GONE},
    {ER_UNKNOWN_STMT_HANDLER, GONE},
    {ER_LOCK_WAIT_TIMEOUT, BUSY}, // ten seconds, as long as SQLite's
    {ER_OPTION_PREVENTS_STATEMENT, BLOCKED},
    {ER_QUERY_INTERRUPTED, BLOCKED},
};

// The n-th quoted word of the message, without a table before it; NULL: there is none.
static char *
quoted(const char *message, char quote, guint n)
{
    g_auto(GStrv) parts = g_strsplit(message, (const char[]){quote, '\0'}, -1);
    guint length = g_strv_length(parts);
    if (n * 2 + 1 >= length)
        return NULL;
    const char *word = parts[n * 2 + 1];
    const char *dot = strrchr(word, '.');
    return *word ? g_strdup(dot ? dot + 1 : word) : NULL;
}

// "Duplicate entry 'alice' for key 'username'": the entry may have quotes in it, the key has none.
static void
fail_taken(const char *message, GError **error)
{
    const char *key = g_strrstr(message, "for key '");
    g_autofree char *column = key ? quoted(key, '\'', 0) : NULL;
    gboolean primary = g_strcmp0(column, "PRIMARY") == 0;
    g_set_error(error, YD_ERROR, YD_ERROR_EXISTS, "%s is taken",
                !column   ? "value"
                : primary ? "id"
                          : column);
}

static void
fail_value(guint code, const char *message, GError **error)
{
    // Incorrect string value: '…' for column `db`.`table`.`x` at row 1; else: Column 'x' …
    const char *column = strstr(message, "column `");
    g_autofree char *name = column ? quoted(column, '`', 2) : quoted(message, '\'', 0);
    const char *what = code == ER_BAD_NULL_ERROR || code == ER_NO_DEFAULT_FOR_FIELD
                           ? "must be given"
                       : code == ER_DATA_TOO_LONG          ? "is too long"
                       : code == ER_WARN_DATA_OUT_OF_RANGE ? "is out of bounds"
                                                           : "is not valid UTF-8, or no number";
    yd_error_invalid(error, name ? name : "value", "%s", what);
}

static Meaning
meaning_of(guint code, const char *message, gboolean *ret_known)
{
    *ret_known = TRUE;
    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        if (table[i].code == code)
            return table[i].meaning;
    }
    // any error that comes from a full disk below: "Got error 28 "No space left on device" from …"
    if (strstr(message, "No space left on device") || strstr(message, "errno: 28"))
        return NO_ROOM;
    *ret_known = FALSE;
    return GONE;
}

YdMariadbOutcome
yd_mariadb_fail(const char *name, guint code, const char *message, GError **error)
{
    gboolean known = FALSE;
    Meaning meaning = meaning_of(code, message, &known);
    YdErrorCode kind = known ? YD_ERROR_UNAVAILABLE : YD_ERROR_INTERNAL;
    const char *advice = "";
    g_autofree char *check = NULL;
    if (known) {
        switch (meaning) {
        case TAKEN:
            fail_taken(message, error);
            return YD_MARIADB_REFUSED;
        case NEEDED:
            g_set_error_literal(error, YD_ERROR, YD_ERROR_IN_USE, "Other rows need it");
            return YD_MARIADB_REFUSED;
        case BAD_VALUE:
            fail_value(code, message, error);
            return YD_MARIADB_REFUSED;
        case BAD_CHECK:
            check = quoted(message, '`', 0);
            yd_error_invalid(error, NULL, "A value is out of bounds: %s", check ? check : message);
            return YD_MARIADB_REFUSED;
        case NO_ROOM:
            kind = YD_ERROR_NO_SPACE;
            advice = "; make room on the disk of the database";
            break;
        case BUSY:
            advice = "; it is busy, try again";
            break;
        case BLOCKED:
            advice = "; it takes no changes at present";
            break;
        case AGAIN:
        case GONE:
        default:
            advice = "; try again";
            break;
        }
    }
    g_set_error(error, YD_ERROR, kind, "The store %s: %s (%u)%s", name, message, code, advice);
    if (known && meaning == AGAIN)
        return YD_MARIADB_CONFLICT;
    return known && meaning == GONE ? YD_MARIADB_LOST : YD_MARIADB_REFUSED;
}
