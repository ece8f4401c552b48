// SPDX-License-Identifier: Apache-2.0
// What the files of the media library share: places on the disk, and who writes now.
#pragma once

#include "model/iso-image.h"
#include "service/jobs.h"
#include "service/media.h"

extern const YdJobKind yd_job_kind_media_check;

// Makes the folder where it is missing; owned.
char *yd_media_folder(YdService *service, GError **error);
// state/media/<id><suffix>; owned.
char *yd_media_file(YdService *service, const char *media_id, const char *suffix);
// Bytes of <id>.part, 0 without one.
gint64 yd_media_part_bytes(YdService *service, const char *media_id);
void yd_media_unlink(YdService *service, const char *media_id);

// The row with what change does to it, in one transaction; change may be NULL. FALSE also when the
// row is gone.
typedef void (*YdMediaChange)(YdMedia *media, gpointer data);
gboolean yd_media_change(YdStore *store, const char *media_id, YdMediaChange change, gpointer data,
                         GError **error);

// Ends whoever writes that medium at its next block. STATE while a block is on its way.
gboolean yd_media_stop_writer(YdService *service, const char *media_id, GError **error);

// Looks at the head of the file; label and bootable go into facts.
gboolean yd_media_look(const char *path, gint64 size_bytes, YdIsoFacts *ret_facts, GError **error);
