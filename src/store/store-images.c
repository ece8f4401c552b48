// SPDX-License-Identifier: Apache-2.0
// The tables sealed_images and disk_use.
#include "store/store-images.h"

#include "store/store-private.h"

#define COLUMNS                                                                                    \
    "i.image, i.base, i.template_id, i.version_id, i.size_bytes, i.mtime, i.header, i.checksum, "  \
    "i.checked, i.damage, i.retired, t.name, COALESCE(v.number, 0) FROM sealed_images i "          \
    "LEFT JOIN template_versions v ON v.id = i.version_id "                                        \
    "LEFT JOIN templates t ON t.id = i.template_id "

void
yd_sealed_image_free(gpointer image)
{
    YdSealedImage *of = image;
    if (!of)
        return;
    char *texts[] = {of->image,  of->base,     of->template_id, of->version_id,
                     of->header, of->checksum, of->damage,      of->template_name};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(texts[i]);
    g_free(of);
}

static YdSealedImage *
read_row(YdStatement *row)
{
    YdSealedImage *image = g_new(YdSealedImage, 1);
    *image = (YdSealedImage){
        .image = g_strdup(yd_statement_text(row, 0)),
        .base = g_strdup(yd_statement_text(row, 1)),
        .template_id = g_strdup(yd_statement_text(row, 2)),
        .version_id = g_strdup(yd_statement_text(row, 3)),
        .size_bytes = yd_statement_int(row, 4),
        .mtime = yd_statement_int(row, 5),
        .header = g_strdup(yd_statement_text(row, 6)),
        .checksum = g_strdup(yd_statement_text(row, 7)),
        .checked = yd_statement_int(row, 8),
        .damage = g_strdup(yd_statement_text(row, 9)),
        .retired = yd_statement_int(row, 10),
        .template_name = g_strdup(yd_statement_text(row, 11)),
        .number = yd_statement_int(row, 12),
    };
    return image;
}

static GPtrArray *
read_all(YdStatement *statement, GError **error)
{
    g_autoptr(YdStatement) row = statement;
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(yd_sealed_image_free);
    gboolean more = row != NULL;
    while (more) {
        if (!yd_statement_step(row, &more, error))
            return NULL;
        if (more)
            g_ptr_array_add(all, read_row(row));
    }
    return row ? g_steal_pointer(&all) : NULL;
}

YdSealedImage *
yd_store_sealed_image(YdStore *store, const char *image, GError **error)
{
    g_autoptr(GPtrArray) all = read_all(
        yd_sql_query(store->sql, error, "SELECT " COLUMNS "WHERE i.image = ?", "t", image), error);
    return all && all->len ? g_ptr_array_steal_index(all, 0) : NULL;
}

GPtrArray *
yd_store_sealed_images(YdStore *store, GError **error)
{
    return read_all(
        yd_sql_query(store->sql, error, "SELECT " COLUMNS "ORDER BY i.checked, i.image", ""),
        error);
}

gboolean
yd_store_put_sealed_image(YdStore *store, const YdSealedImage *image, GError **error)
{
    return yd_sql_run(store->sql, NULL, error,
                      "REPLACE INTO sealed_images (image, base, template_id, version_id, "
                      "size_bytes, mtime, header, checksum, checked, damage, retired) "
                      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                      "ttttiittiti", image->image, image->base, image->template_id,
                      image->version_id, image->size_bytes, image->mtime, image->header,
                      image->checksum, image->checked, image->damage, image->retired);
}

gboolean
yd_store_delete_sealed_image(YdStore *store, const char *image, GError **error)
{
    return yd_sql_run(store->sql, NULL, error, "DELETE FROM sealed_images WHERE image = ?", "t",
                      image);
}

gboolean
yd_store_retire_images(YdStore *store, const char *version_id, gint64 now, GError **error)
{
    return yd_sql_run(store->sql, NULL, error,
                      "UPDATE sealed_images SET retired = ? WHERE version_id = ? AND retired = 0",
                      "it", now, version_id);
}

// name -> its bytes (gint64)
static GHashTable *
known_uses(YdStore *store, GError **error)
{
    g_autoptr(YdStatement) row =
        yd_sql_query(store->sql, error, "SELECT image, bytes FROM disk_use", "");
    g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    gboolean more = row != NULL;
    while (more) {
        if (!yd_statement_step(row, &more, error))
            return NULL;
        gint64 bytes = more ? yd_statement_int(row, 1) : 0;
        if (more)
            g_hash_table_insert(known, g_strdup(yd_statement_text(row, 0)),
                                g_memdup2(&bytes, sizeof bytes));
    }
    return row ? g_steal_pointer(&known) : NULL;
}

// Only what differs is written: mostly nothing.
static gboolean
put_use(YdStore *store, GHashTable *before, const char *image, gint64 bytes, GError **error)
{
    const gint64 *known = g_hash_table_lookup(before, image);
    return (known && *known == bytes) ||
           yd_sql_run(store->sql, NULL, error, "REPLACE INTO disk_use (image, bytes) VALUES (?, ?)",
                      "ti", image, bytes);
}

gboolean
yd_store_set_disk_use(YdStore *store, const char *const *images, const gint64 *bytes, gsize n,
                      GError **error)
{
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(GHashTable) before = tx ? known_uses(store, error) : NULL;
    g_autoptr(GHashTable) now = g_hash_table_new(g_str_hash, g_str_equal);
    if (!before)
        return FALSE;
    for (gsize i = 0; i < n; i++) {
        g_hash_table_add(now, (gpointer)images[i]);
        if (!put_use(store, before, images[i], bytes[i], error))
            return FALSE;
    }
    GHashTableIter iter;
    gpointer image = NULL;
    g_hash_table_iter_init(&iter, before);
    while (g_hash_table_iter_next(&iter, &image, NULL)) {
        if (!g_hash_table_contains(now, image) &&
            !yd_sql_run(store->sql, NULL, error, "DELETE FROM disk_use WHERE image = ?", "t",
                        (const char *)image))
            return FALSE;
    }
    return yd_store_tx_commit(&tx, error);
}
