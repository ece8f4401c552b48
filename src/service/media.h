// SPDX-License-Identifier: Apache-2.0
// The media library: ISO images that workbenches boot from. Listing is yd_service_list with
// YD_RIGHT_TEMPLATES_READ and &yd_media_type; writing is for administrators
// (YD_RIGHT_TEMPLATES_WRITE).
//
// A medium is made with its name and size, which is when quota and free space are checked; then its
// bytes come in any number of pieces, each at the place where the file ends; finishing checks size,
// kind and checksum in a job. What is on the disk counts: a deskd that was killed goes on there.
// Files lie in state/media: <id>.part while they come in, <id>.iso (mode 0444) afterwards.
//
// Rules of the fields: name 1..100 characters, unique, no "/"; size_bytes above 34 KiB, at most
// max_upload; sha256 64 hex digits or none.
#pragma once

#include "service/service.h"

// Fills in the record as stored (state "uploading"). A failed medium of that name is replaced.
// Errors: INVALID, EXISTS, TOO_LARGE (max_upload), LIMIT (setting media_quota_gib), NO_SPACE.
gboolean yd_media_create(YdService *service, const YdActor *actor, YdMedia *record, GError **error);

// As yd_service_get, but received_bytes is what is on the disk now.
YdMedia *
yd_media_get(YdService *service, const YdActor *actor, const char *media_id, GError **error);

// Submits the job media-check (checksum, keep). STATE when bytes are missing.
gboolean yd_media_finish(YdService *service, const YdActor *actor, const char *media_id,
                         YdJob **ret_job, GError **error);

// Removes file and row, also of an upload under way. IN_USE (names by what) while a workbench has
// it, STATE while it is being checked.
gboolean yd_media_delete(YdService *service, const YdActor *actor, const char *media_id,
                         gint64 version, GError **error);

// Where a ready medium lies; owned.
char *yd_media_path(YdService *service, const char *media_id);

// Brings rows and files together: received bytes after a kill, uploads that nobody went on with for
// a day, files without a row. Called by the reconciler.
void yd_media_tidy(YdService *service, gint64 now);

// ---- one piece of an upload ----

// Belongs to one thread at a time.
typedef struct _YdMediaSink YdMediaSink;

// A piece of that many bytes at offset, which must be where the file ends (STATE says where that
// is). A newer piece takes the place of an older one that still hangs.
YdMediaSink *yd_media_sink_open(YdService *service, const YdActor *actor, const char *media_id,
                                gint64 offset, gint64 bytes, GError **error);
// INVALID as soon as the beginning of the file shows that it is no ISO image: the medium is then
// failed. STATE when the medium was deleted or a newer piece has begun.
gboolean yd_media_sink_write(YdMediaSink *sink, const guint8 *data, gsize n, GError **error);
// Syncs, and gives the record back.
YdMedia *yd_media_sink_end(YdMediaSink *sink, GError **error);
void yd_media_sink_free(YdMediaSink *sink); // what came stays
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdMediaSink, yd_media_sink_free)
