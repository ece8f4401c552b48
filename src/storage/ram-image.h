// SPDX-License-Identifier: Apache-2.0
// RAM images: the memory of a template's machine that has booted, frozen in a file that its clones
// map privately. One consists of ram/NAME.ram (the pages), ram/NAME.stream (the devices' state),
// ram/NAME.json (what it was made with) beside the images, and the overlay NAME.qcow2: the disk at
// the same moment. Life: begin, a machine runs on it and is saved to ram/NAME.save, seal, clones,
// delete. NAME: [a-z0-9][a-z0-9-]{0,73}.
//
// QEMU 7.2 opens a file for memory for writing even where it maps it privately, so its group may
// write. Whoever did would change what siblings see; `look` tells by size and times that only the
// kernel sets, and the image is not used again.
//
// Threads and errors: as storage.h.
#pragma once

#include <jansson.h>

#include "storage/storage.h"

// The RAM block's name in QEMU.
#define YD_RAM_BLOCK "yd-ram"

// Absolute path of ram/NAME.SUFFIX, owned; NULL as yd_storage_path.
char *yd_ram_image_path(YdStorage *storage, const char *name, const char *suffix);

// Makes the overlay NAME.qcow2 on the sealed image `base`, and the file of that many bytes. Again:
// TRUE.
gboolean yd_ram_image_begin(YdStorage *storage, const char *base, const char *name, gint64 bytes,
                            GError **error);

// Takes the saved machine apart and makes all parts read-only. facts: an object that look gives
// back. Sealed already: TRUE. INVALID when the saved machine cannot be used, IN_USE while a machine
// writes to the overlay.
gboolean
yd_ram_image_seal(YdStorage *storage, const char *name, const json_t *facts, GError **error);

// {"facts": …, "machine": "pc-q35-7.2", "xml": "…", "bytes": of memory, "stream_bytes"}; a new
// object. NOT_FOUND, or STATE when it is damaged or somebody wrote to it.
json_t *yd_ram_image_look(YdStorage *storage, const char *name, GError **error);

// Writes ram/IMAGE.save, for the machine with that XML, whose disk is `image` ("….qcow2"); gives
// its absolute path (owned). drop removes it once the machine runs; gone: TRUE.
char *yd_ram_image_clone(YdStorage *storage, const char *name, const char *image, const char *xml,
                         GError **error);
gboolean yd_ram_image_drop(YdStorage *storage, const char *image, GError **error);

// Removes it; its overlay and pages stay while the overlay is the base of a desktop's disk (a later
// call takes them).
// Gone: TRUE. Machines that run on it go on.
gboolean yd_ram_image_delete(YdStorage *storage, const char *name, GError **error);

// What all of the above are made of, for deskhost: verb "ram-begin" … with its arguments; a new
// object.
json_t *
yd_ram_image_call(YdStorage *storage, const char *verb, const json_t *arguments, GError **error);
