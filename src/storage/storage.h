// SPDX-License-Identifier: Apache-2.0
// Images: qcow2 files in the state directory. The work is done by deskhost (root) over its unix
// socket; yd_storage_local() does it in this process (deskhost itself, and tests).
//
// Threads: any. Every call may block; progress comes on the calling thread. Half-made files are
// never visible under their final name. Errors: INVALID (not an image, truncated, names a backing
// file, unknown format), NOT_FOUND, EXISTS, IN_USE, NO_SPACE, CANCELLED, UNAVAILABLE, INTERNAL.
#pragma once

#include "base/error.h"

typedef struct _YdStorage YdStorage;

typedef struct {
    char *format; // "qcow2" | "raw" | "vmdk"
    gint64 virtual_bytes, size_bytes;
    char *backing;  // NULL: none
    char *checksum; // sha256 hex, only from import and verify
} YdImageInfo;
void yd_image_info_free(YdImageInfo *info);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdImageInfo, yd_image_info_free)

// What a file is now.
typedef struct {
    char *image;
    char *base; // image that it is built on; NULL: none; a path: one that is not ours
    gint64 size_bytes, allocated_bytes, virtual_bytes;
    gint64 mtime; // ms
    gboolean sealed;
    char *header; // SHA-256 of its first 64 KiB, hex
    char *damage; // "is missing", "is truncated …": then nothing else may be relied on; else NULL
} YdImageFacts;
void yd_image_facts_free(gpointer facts);

// 0..100; return FALSE to cancel.
typedef gboolean (*YdProgress)(double percent, gpointer data);

// Over deskhost's socket / in this process on that directory.
YdStorage *yd_storage_remote(const char *socket_path);
YdStorage *yd_storage_local(const char *directory);
void yd_storage_free(YdStorage *storage);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdStorage, yd_storage_free)

// Names of images are file names of our own making: [a-z0-9][a-z0-9-]{0,79}.qcow2; path gives the
// absolute path, owned; NULL for another name, or when deskhost, who knows the directory, was never
// reached.
char *yd_storage_path(YdStorage *storage, const char *image);

// Looks at a file that is to be imported (absolute path) without changing it.
YdImageInfo *yd_storage_inspect(YdStorage *storage, const char *path, GError **error);

// Checks source, converts it to a flat, sealed (mode 0444) qcow2 `image`, with its checksum. An
// import of the same image that was cut off is begun anew; one that was finished is only summed up
// again.
YdImageInfo *yd_storage_import(YdStorage *storage, const char *source, const char *image,
                               YdProgress progress, gpointer data, GError **error);

// Overlay `image` on the sealed `base`; bytes 0: as large as the base. base NULL: a fresh, empty
// disk. Already there with that base, or none: TRUE.
gboolean yd_storage_derive(YdStorage *storage, const char *base, const char *image, gint64 bytes,
                           GError **error);

// Makes an image that no machine uses the sealed image `sealed`: it gets that name and mode 0444,
// nothing is copied or read; its NVRAM file goes. base: the sealed image that it must be built on,
// NULL: none (else STATE). Done before: TRUE. Sum it up by yd_storage_verify.
gboolean yd_storage_seal(YdStorage *storage, const char *image, const char *base,
                         const char *sealed, GError **error);

// Converts a sealed image with all it is built on to the sealed image `flat`, which is built on
// nothing, with its checksum. The image and whoever has it open notice nothing. Begun before: begun
// anew; finished before: summed up again.
YdImageInfo *yd_storage_flatten(YdStorage *storage, const char *image, const char *flat,
                                YdProgress progress, gpointer data, GError **error);

// Grows an overlay that no machine uses; shrinking is INVALID.
gboolean yd_storage_grow(YdStorage *storage, const char *image, gint64 bytes, GError **error);

// A restore point of one image that no machine uses: a moment of the disk that is kept inside its
// own file under a name (a-z, 0-9, '-'). Made already, or dropped already: TRUE. Going back
// makes the disk as large as it was then: grow it afterwards. NOT_FOUND: it has no such point;
// IN_USE while a machine writes to the image, STATE when it is sealed.
typedef enum {
    YD_POINT_MAKE,
    YD_POINT_BACK,
    YD_POINT_DROP,
} YdPointAct;
gboolean yd_storage_point(YdStorage *storage, const char *image, const char *name, YdPointAct what,
                          GError **error);
const char *yd_point_act_name(YdPointAct what);
gboolean yd_point_act_from_name(const char *name, YdPointAct *ret_what);

// Looks at an image of ours: INVALID when it is damaged as far as its header tells.
YdImageInfo *yd_storage_look(YdStorage *storage, const char *image, GError **error);

// Recomputes the checksum of a sealed image.
YdImageInfo *yd_storage_verify(YdStorage *storage, const char *image, YdProgress progress,
                               gpointer data, GError **error);

// Facts of the image and of what it is built on, downwards (of YdImageFacts); reads only the begin
// of each. A file that is missing or damaged ends the list and says so. NOT_FOUND: image itself.
GPtrArray *yd_storage_chain(YdStorage *storage, const char *image, GError **error);

// All images there are, with size, allocated bytes and whether they are sealed (of YdImageFacts).
GPtrArray *yd_storage_usage(YdStorage *storage, GError **error);

// Removes the image (gone: TRUE) and its NVRAM file nvram/<name without .qcow2>.fd. IN_USE while a
// machine writes to it, or when it is the base of another image.
gboolean yd_storage_delete(YdStorage *storage, const char *image, GError **error);

// Names of the images there are (of strings), for the reconciler.
GPtrArray *yd_storage_list(YdStorage *storage, GError **error);

// Bytes in all and free where the images lie.
gboolean yd_storage_space(YdStorage *storage, gint64 *ret_bytes, gint64 *ret_free, GError **error);
