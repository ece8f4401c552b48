// SPDX-License-Identifier: Apache-2.0
// A copy of the database that is known to be whole.
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "store/store-private.h"

// SQLite copies one moment by itself while others write. MariaDB's copy is the work of its tools.
static gboolean
copy_to(YdSql *sql, const char *path, GError **error)
{
    if (strcmp(yd_sql_dialect(sql), "sqlite") != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the database is MariaDB, which is saved by its own tools; see docs/backup.md");
        return FALSE;
    }
    g_unlink(path);
    int fd = g_open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "%s can't be made: %s", path,
                    g_strerror(errno));
        return FALSE;
    }
    close(fd);
    if (yd_sql_run(sql, NULL, error, "VACUUM INTO ?", "t", path))
        return TRUE;
    g_unlink(path);
    return FALSE;
}

static gboolean
count(YdSql *copy, gint64 *ret_rows, GError **error)
{
    const YdRecordType *const *types = yd_record_types();
    *ret_rows = 0;
    for (guint i = 0; types[i]; i++) {
        gint64 rows = 0;
        g_autofree char *text = g_strdup_printf("SELECT COUNT(*) FROM %s", types[i]->table);
        if (!yd_store_read_int(yd_sql_query(copy, error, text, ""), &rows, error))
            return FALSE;
        *ret_rows += rows;
    }
    return TRUE;
}

static gboolean
check(const char *path, gint64 *ret_rows, GError **error)
{
    gint64 people = 0;
    YdSql *copy = yd_sql_open(path, TRUE, error);
    if (!copy)
        return FALSE;
    gboolean good =
        count(copy, ret_rows, error) &&
        yd_store_read_int(yd_sql_query(copy, error, "SELECT COUNT(*) FROM users", ""), &people,
                          error) &&
        yd_sql_script(copy, "PRAGMA journal_mode = DELETE", error); // one file, nothing beside it
    yd_sql_close(copy);
    if (good && people == 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "The copy of the store has nobody in it");
        return FALSE;
    }
    return good;
}

gboolean
yd_store_copy(YdStore *store, const char *path, gint64 *ret_rows, GError **error)
{
    g_autofree char *half = g_strconcat(path, ".part", NULL);
    if (!copy_to(store->sql, half, error))
        return FALSE;
    if (check(half, ret_rows, error) && g_rename(half, path) == 0)
        return TRUE;
    g_unlink(half);
    if (error && !*error)
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "%s can't be put in place", path);
    return FALSE;
}
