// SPDX-License-Identifier: Apache-2.0
// Templates and their immutable versions. Reading and listing is yd_service_get/_list with
// YD_RIGHT_TEMPLATES_READ and &yd_template_type / &yd_template_version_type; writing is for
// administrators (YD_RIGHT_TEMPLATES_WRITE).
//
// Rules of the fields: name 1..64 characters, unique; os "linux", "windows" or "other"; firmware
// "bios" or "uefi"; access "rdp" or "spice"; description up to 2000, notes up to 2000 characters.
// os, firmware and access are fixed once there is a version.
#pragma once

#include "service/service.h"

// Fills in the record as stored. Defaults: os "linux", firmware "bios", access "rdp".
gboolean
yd_template_create(YdService *service, const YdActor *actor, YdTemplate *record, GError **error);
// As yd_user_update.
gboolean yd_template_update(YdService *service, const YdActor *actor, YdTemplate *record,
                            gint64 version, GError **error);
// Refused (IN_USE) while it has versions.
gboolean yd_template_delete(YdService *service, const YdActor *actor, const char *template_id,
                            gint64 version, GError **error);

// Takes a file as the next version: makes the row in state "importing" and submits the job
// template-import (inspect, copy, seal). source: an absolute path of a regular file below one of
// the configured import_dirs (symbolic links are resolved first), or the token of an upload, which
// the job removes when it ends. ret_version and ret_job (may be NULL) are owned. Errors: INVALID
// (path), NOT_FOUND (template, file, upload), FORBIDDEN.
gboolean yd_template_import(YdService *service, const YdActor *actor, const char *template_id,
                            const char *source, const char *notes, YdTemplateVersion **ret_version,
                            YdJob **ret_job, GError **error);

// Submits the job template-version-delete. Refused (IN_USE, names who uses it) while something is
// made of it; STATE while it is being imported or checked (cancel the job first). A file that
// another version is built on stays until nothing is.
gboolean
yd_template_version_delete(YdService *service, const YdActor *actor, const char *version_id,
                           gint64 version, YdJob **ret_job, GError **error);

// Only the notes of a version may change. As yd_user_update.
gboolean yd_template_version_update(YdService *service, const YdActor *actor,
                                    YdTemplateVersion *record, gint64 version, GError **error);

// Uploads, for the API: begin gives a token ("upl-…") and the path to write to (both owned); done
// makes it usable; drop removes it (also of an upload that broke off). Files lie in
// state/uploads; what is older than a day goes away by yd_upload_prune. Errors of begin: TOO_LARGE
// (over max_upload), NO_SPACE, LIMIT (20 uploads waiting), FORBIDDEN.
gboolean yd_upload_begin(YdService *service, const YdActor *actor, gint64 bytes, char **ret_token,
                         char **ret_path, GError **error);
gboolean
yd_upload_done(YdService *service, const YdActor *actor, const char *token, GError **error);
void yd_upload_drop(YdService *service, const char *token);
void yd_upload_prune(YdService *service, gint64 now);
