// SPDX-License-Identifier: Apache-2.0
// The schemas of the two dialects say the same: tables, columns, views, keys, references, checks,
// triggers. On SQLite alone: that each later step has its twin.
#include <locale.h>
#include <string.h>

#include "fixture.h"
#include "store/migrate.h"
#include "store/store-private.h"

#define TABLES_OF_SQLITE "m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
#define OURS "table_schema = DATABASE() AND table_name <> 'store_turns'"

// One line of text for each thing there is.
static const struct {
    const char *what, *sqlite, *mariadb;
} queries[] = {
    {"columns",
     "SELECT m.name || '.' || c.name || ' ' || CASE c.type WHEN 'TEXT' THEN 'text' WHEN 'REAL' "
     "THEN "
     "'real' ELSE 'integer' END || CASE WHEN c.\"notnull\" OR c.pk THEN ' not null' ELSE '' END || "
     "COALESCE(' default ' || REPLACE(c.dflt_value, '''', ''), '') || CASE WHEN "
     "instr(substr(m.sql, "
     "instr(m.sql, ' ' || c.name || ' TEXT'), instr(substr(m.sql, instr(m.sql, ' ' || c.name || "
     "' TEXT')), char(10))), 'NOCASE') THEN ' nocase' ELSE '' END "
     "FROM sqlite_master m, pragma_table_info(m.name) c WHERE " TABLES_OF_SQLITE,
     "SELECT CONCAT(table_name, '.', column_name, ' ', CASE WHEN data_type IN ('varchar', 'text', "
     "'mediumtext', 'longtext') THEN 'text' WHEN data_type = 'double' THEN 'real' WHEN data_type "
     "IN "
     "('bigint', 'int') THEN 'integer' ELSE data_type END, IF(is_nullable = 'NO', ' not null', "
     "''), "
     "IF(column_default IS NULL OR column_default = 'NULL', '', CONCAT(' default ', "
     "REPLACE(column_default, '''', ''))), CASE WHEN collation_name LIKE '%nopad_as_ci' THEN "
     "' nocase' WHEN collation_name IS NULL OR collation_name = 'utf8mb4_nopad_bin' THEN '' ELSE "
     "CONCAT(' ', collation_name) END) FROM information_schema.columns c WHERE " OURS
     " AND extra NOT LIKE '%INVISIBLE%' AND table_name NOT IN (SELECT v.table_name FROM "
     "information_schema.views v WHERE v.table_schema = DATABASE())"},
    {"columns of views",
     "SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE "
     "m.type "
     "= 'view'",
     "SELECT CONCAT(table_name, '.', column_name) FROM information_schema.columns WHERE " OURS
     " AND table_name IN (SELECT v.table_name FROM information_schema.views v WHERE v.table_schema "
     "= "
     "DATABASE())"},
    {"unique keys",
     "SELECT m.name || ' (' || (SELECT group_concat(x.name) FROM (SELECT name FROM "
     "pragma_index_info(i.name) ORDER BY seqno) x) || ')' FROM sqlite_master m, "
     "pragma_index_list(m.name) i WHERE " TABLES_OF_SQLITE " AND i.\"unique\" AND i.origin <> 'pk'",
     "SELECT REPLACE(REPLACE(CONCAT(table_name, ' (', GROUP_CONCAT(column_name ORDER BY "
     "seq_in_index),"
     " ')'), 'live_pool_id', 'pool_id'), 'fixed_port_taken', 'fixed_port') FROM "
     "information_schema.statistics WHERE " OURS
     " AND non_unique = 0 AND index_name <> 'PRIMARY' GROUP BY table_name, index_name"},
    {"primary keys",
     "SELECT m.name || ' (' || (SELECT group_concat(x.name) FROM (SELECT name FROM "
     "pragma_table_info(m.name) WHERE pk > 0 ORDER BY pk) x) || ')' FROM sqlite_master m "
     "WHERE " TABLES_OF_SQLITE,
     "SELECT CONCAT(table_name, ' (', GROUP_CONCAT(column_name ORDER BY seq_in_index), ')') FROM "
     "information_schema.statistics WHERE " OURS " AND index_name = 'PRIMARY' GROUP BY table_name"},
    {"references",
     "SELECT m.name || '.' || f.\"from\" || ' ' || f.\"table\" || '.' || f.\"to\" || ' ' || "
     "REPLACE(f.on_delete, 'NO ACTION', 'RESTRICT') FROM sqlite_master m, "
     "pragma_foreign_key_list(m.name) f WHERE " TABLES_OF_SQLITE,
     "SELECT CONCAT(k.table_name, '.', k.column_name, ' ', k.referenced_table_name, '.', "
     "k.referenced_column_name, ' ', r.delete_rule) FROM information_schema.key_column_usage k "
     "JOIN "
     "information_schema.referential_constraints r ON r.constraint_schema = k.constraint_schema "
     "AND "
     "r.constraint_name = k.constraint_name AND r.table_name = k.table_name WHERE "
     "k.table_schema = DATABASE() AND k.referenced_table_name IS NOT NULL"},
    {"checks",
     "SELECT m.name || ' ' || ((length(m.sql) - length(replace(m.sql, 'CHECK (', ''))) / 7) FROM "
     "sqlite_master m WHERE " TABLES_OF_SQLITE " AND instr(m.sql, 'CHECK (')",
     "SELECT CONCAT(table_name, ' ', COUNT(*)) FROM information_schema.check_constraints WHERE "
     "constraint_schema = DATABASE() GROUP BY table_name"},
    {"triggers", "SELECT name FROM sqlite_master WHERE type = 'trigger'",
     "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()"},
};

static gint
by_text(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static GPtrArray *
lines(YdStore *store, const char *query)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *all = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(YdStatement) row = yd_sql_query(store->sql, &error, query, "");
    gboolean more = TRUE;
    g_assert_no_error(error);
    while (yd_statement_step(row, &more, &error) && more)
        g_ptr_array_add(all, g_strdup(yd_statement_text(row, 0)));
    g_assert_no_error(error);
    g_ptr_array_sort(all, by_text);
    return all;
}

static gboolean
has(const GPtrArray *all, const char *line)
{
    for (guint i = 0; i < all->len; i++) {
        if (strcmp(all->pdata[i], line) == 0)
            return TRUE;
    }
    return FALSE;
}

static guint
tell_missing(const char *what, const GPtrArray *from, const GPtrArray *in, const char *dialect)
{
    guint n = 0;
    for (guint i = 0; i < from->len; i++) {
        if (has(in, from->pdata[i]))
            continue;
        g_printerr("%s: %s lacks “%s”\n", what, dialect, (char *)from->pdata[i]);
        n++;
    }
    return n;
}

static void
test_same(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdStore) mariadb = fixture_open();
    g_autoptr(YdStore) sqlite = yd_store_open(":memory:", FALSE, &error);
    g_assert_no_error(error);
    guint n = 0;
    for (guint i = 0; i < G_N_ELEMENTS(queries); i++) {
        g_autoptr(GPtrArray) a = lines(sqlite, queries[i].sqlite);
        g_autoptr(GPtrArray) b = lines(mariadb, queries[i].mariadb);
        g_assert_cmpuint(a->len, >, 0);
        n += tell_missing(queries[i].what, a, b, "MariaDB");
        n += tell_missing(queries[i].what, b, a, "SQLite");
    }
    g_assert_cmpuint(n, ==, 0);
}

// Whole indices of SQLite begin some index of MariaDB, so that no query scans there what it looks
// up here. Of partial ones MariaDB has none; those that matter have a whole one.
static void
test_indices(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdStore) mariadb = fixture_open();
    g_autoptr(YdStore) sqlite = yd_store_open(":memory:", FALSE, &error);
    g_autoptr(GPtrArray) here = lines(
        sqlite, "SELECT m.name || ' (' || (SELECT group_concat(x.name) FROM (SELECT name FROM "
                "pragma_index_info(i.name) ORDER BY seqno) x) || ',' FROM sqlite_master m, "
                "pragma_index_list(m.name) i WHERE " TABLES_OF_SQLITE " AND NOT i.partial");
    g_autoptr(GPtrArray) there =
        lines(mariadb, "SELECT CONCAT(table_name, ' (', GROUP_CONCAT(column_name ORDER BY "
                       "seq_in_index), ',') FROM information_schema.statistics WHERE " OURS
                       " GROUP BY table_name, index_name");
    for (guint i = 0; i < here->len; i++) {
        gboolean found = FALSE;
        for (guint j = 0; j < there->len && !found; j++)
            found = g_str_has_prefix(there->pdata[j], here->pdata[i]);
        if (!found)
            g_printerr("MariaDB lacks the index %s)\n", (char *)here->pdata[i]);
        g_assert_true(found);
    }
}

static void
test_twins(void)
{
    g_assert_cmpint(yd_migrations_mariadb[yd_n_migrations_mariadb - 1].number, ==,
                    yd_migrations[yd_n_migrations - 1].number);
    for (guint i = 1; i < yd_n_migrations_mariadb; i++)
        g_assert_cmpstr(yd_migrations_mariadb[i].name, ==,
                        yd_migrations[yd_migrations_mariadb[i].number - 1].name);
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/schema/twins", test_twins);
    if (fixture_is_mariadb()) {
        g_test_add_func("/schema/same", test_same);
        g_test_add_func("/schema/indices", test_indices);
    }
    return g_test_run();
}
