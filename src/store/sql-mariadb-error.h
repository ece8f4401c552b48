// SPDX-License-Identifier: Apache-2.0
// What MariaDB's error numbers mean. Pure.
#pragma once

#include <glib.h>

typedef enum {
    YD_MARIADB_DONE,
    YD_MARIADB_REFUSED,  // the statement itself: it would fail again
    YD_MARIADB_CONFLICT, // the transaction was rolled back or must be: it may succeed when repeated
    YD_MARIADB_LOST,     // the server is gone or can't serve: another one may
} YdMariadbOutcome;

// Sets the YD_ERROR as sql.h promises it; name is that of the database, for the message.
YdMariadbOutcome yd_mariadb_fail(const char *name, guint code, const char *message, GError **error);
