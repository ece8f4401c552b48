// SPDX-License-Identifier: Apache-2.0
// What is common to the local and the remote storage: a table of verbs. Private to this room.
#pragma once

#include <jansson.h>

#include "storage/point-files.h"
#include "storage/storage.h"

typedef struct {
    void (*free)(YdStorage *storage); // own parts and the struct
    char *(*path)(YdStorage *storage, const char *image);
    YdImageInfo *(*inspect)(YdStorage *storage, const char *path, GError **error);
    YdImageInfo *(*import)(YdStorage *storage, const char *source, const char *image,
                           YdProgress progress, gpointer data, GError **error);
    gboolean (*derive)(YdStorage *storage, const char *base, const char *image, gint64 bytes,
                       GError **error);
    gboolean (*seal)(YdStorage *storage, const char *image, const char *base, const char *sealed,
                     GError **error);
    YdImageInfo *(*flatten)(YdStorage *storage, const char *image, const char *flat,
                            YdProgress progress, gpointer data, GError **error);
    GPtrArray *(*chain)(YdStorage *storage, const char *image, GError **error);
    GPtrArray *(*usage)(YdStorage *storage, GError **error);
    gboolean (*grow)(YdStorage *storage, const char *image, gint64 bytes, GError **error);
    gboolean (*point)(YdStorage *storage, const char *image, const char *name, YdPointAct what,
                      GError **error);
    YdImageInfo *(*look)(YdStorage *storage, const char *image, GError **error);
    YdImageInfo *(*verify)(YdStorage *storage, const char *image, YdProgress progress,
                           gpointer data, GError **error);
    gboolean (*delete)(YdStorage *storage, const char *image, GError **error);
    GPtrArray *(*list)(YdStorage *storage, GError **error);
    gboolean (*space)(YdStorage *storage, gint64 *ret_bytes, gint64 *ret_free, GError **error);
    json_t *(*files)(YdStorage *storage, const json_t *request, YdPointSink sink,
                     YdProgress progress, gpointer data, GError **error);
    json_t *(*backup)(YdStorage *storage, const json_t *request, YdProgress progress, gpointer data,
                      GError **error);
    json_t *(*ram)(YdStorage *storage, const char *verb, const json_t *arguments, GError **error);
} YdStorageFamily;

struct _YdStorage {
    const YdStorageFamily *family;
};

// Image names: [a-z0-9][a-z0-9-]{0,79}.qcow2; INVALID otherwise.
gboolean yd_image_name_check(const char *image, GError **error);
