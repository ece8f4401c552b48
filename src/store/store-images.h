// SPDX-License-Identifier: Apache-2.0
// What sealed image files were when they were sealed, and the bytes that all images take. No noun
// of its own: people see it in the views of template versions, templates and desktops. See store.h
// for threads and errors.
#pragma once

#include "store/store.h"

typedef struct {
    char *image, *base;             // base NULL: flat
    char *template_id, *version_id; // NULL: deleted since
    gint64 size_bytes, mtime;       // ms
    char *header;                   // SHA-256 of its first 64 KiB, hex
    char *checksum;                 // SHA-256 of all of it, hex; NULL: not read yet
    gint64 checked;                 // when the checksum was found right last, ms; 0: never
    char *damage;                   // NULL: nothing known
    gint64 retired;                 // since when no new desktop is made of it, ms; 0: it is current
    char *template_name;            // read only
    gint64 number;                  // of its version; read only, 0: none
} YdSealedImage;
void yd_sealed_image_free(gpointer image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdSealedImage, yd_sealed_image_free)

// NULL without an error when there is none of that name.
YdSealedImage *yd_store_sealed_image(YdStore *store, const char *image, GError **error);
// All of them, those whose checksum was found right longest ago first (frees its rows).
GPtrArray *yd_store_sealed_images(YdStore *store, GError **error);
// Inserts or replaces.
gboolean yd_store_put_sealed_image(YdStore *store, const YdSealedImage *image, GError **error);
gboolean yd_store_delete_sealed_image(YdStore *store, const char *image, GError **error);
// Retires all current files of the version, as of now (ms).
gboolean yd_store_retire_images(YdStore *store, const char *version_id, gint64 now, GError **error);

// Replaces all figures: n images with their bytes on disk.
gboolean yd_store_set_disk_use(YdStore *store, const char *const *images, const gint64 *bytes,
                               gsize n, GError **error);
