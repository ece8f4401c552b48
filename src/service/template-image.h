// SPDX-License-Identifier: Apache-2.0
// The sealed files of template versions: what they were when they were sealed, whether they still
// are, and which are left over. A file never changes; a version may get another one (flattened),
// and then the former stays as long as a disk is built on it.
#pragma once

#include "service/service.h"
#include "store/store-images.h"

// The facts of a sealed file and of what it is built on (as yd_storage_chain); STATE when one of
// them is damaged. Outside of transactions: it asks deskhost. Owned.
GPtrArray *yd_template_image_look(YdService *service, const char *image, GError **error);

// Notes the file at the top of that chain as the version's present one. checksum NULL: not read
// yet.
gboolean yd_template_image_note(YdStore *store, const YdTemplateVersion *version,
                                const GPtrArray *chain, const char *checksum, GError **error);

// Compares size, begin and time of all sealed files that the disk `image` is built on (when it is
// not there yet: of the version's) with what they were. STATE, with what to do, when one is missing
// or damaged; damage is noted, other disks are not concerned. *ret_there: the disk is there and
// built on a file of that version.
gboolean
yd_template_image_guard(YdService *service, YdStore *store, const char *image,
                        const YdTemplateVersion *version, gboolean *ret_there, GError **error);

// The damage that a look at the file of that row finds now, owned; NULL: none. facts as from
// yd_storage_chain().
char *yd_template_image_damage(const YdSealedImage *row, const YdImageFacts *facts);

// "version 2 of “office”", owned.
char *yd_template_image_title(const YdSealedImage *row);

// Stores the row's damage (NULL: none any more) and tells of it.
gboolean yd_template_image_set_damage(YdStore *store, YdSealedImage *row, const char *damage,
                                      GError **error);

// Looks at all files that versions consist of, for the doctor: what is damaged or missing, one
// sentence each, joined; owned. NULL: all are right, or (with error) they could not be looked at.
// *ret_files: how many there are.
char *
yd_template_images_damaged(YdService *service, YdStore *store, guint *ret_files, GError **error);

// Now and then, by the reconciler: notes files that are not noted yet, removes left-over ones,
// reads how much disk everything takes, and has a version read again when it is due and nothing
// else is to be done.
void yd_template_image_tidy(YdService *service, gint64 now);
