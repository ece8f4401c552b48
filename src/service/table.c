// SPDX-License-Identifier: Apache-2.0
// Two threads may make the table at the same time: one of both is kept.
#include "service/table.h"

static void
table_free(gpointer data)
{
    YdTable *table = data;
    g_hash_table_unref(table->rows);
    g_mutex_clear(&table->lock);
    g_free(table);
}

YdTable *
yd_table_of(YdService *service, const char *name, GHashTable *(*make)(void))
{
    YdTable *table = yd_service_part(service, name);
    if (table != NULL)
        return table;
    table = g_new0(YdTable, 1);
    g_mutex_init(&table->lock);
    table->rows = make();
    return yd_service_set_part(service, name, table, table_free);
}

GHashTable *
yd_table_texts(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

GHashTable *
yd_table_texts_owned(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}
