// SPDX-License-Identifier: Apache-2.0
// What deskhost needs beyond storage.h: sources that it opened itself, safely.
#pragma once

#include "storage/storage.h"

// As yd_storage_inspect and yd_storage_import, of the open file fd (stays the caller's); name is
// what messages call it. Only for storages of yd_storage_local().
YdImageInfo *yd_storage_local_inspect(YdStorage *storage, int fd, const char *name, GError **error);
YdImageInfo *
yd_storage_local_import(YdStorage *storage, int fd, const char *name, const char *image,
                        YdProgress progress, gpointer data, GError **error);
