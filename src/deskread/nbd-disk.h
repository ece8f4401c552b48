// SPDX-License-Identifier: Apache-2.0
// A restore point's disk over NBD: qemu-nbd knows qcow2 and gives out the bytes of one snapshot,
// also of an image that a running machine writes to; this side only asks for bytes.
#pragma once

#include <sys/types.h>

#include "deskread/blocks.h"

// Starts qemu-nbd on that snapshot of the image (absolute path), read-only, for one client.
// *ret_client is that client's socket, *ret_said the end of a pipe with what it has to say about
// failures; both and the process are the caller's.
gboolean yd_nbd_serve(const char *image, const char *point, pid_t *ret_process, int *ret_client,
                      int *ret_said, GError **error);

typedef struct _YdNbdDisk YdNbdDisk;

// The client's side; takes the socket. UNAVAILABLE when nobody answers.
YdNbdDisk *yd_nbd_disk_new(int client, GError **error);
void yd_nbd_disk_free(YdNbdDisk *disk);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdNbdDisk, yd_nbd_disk_free)

const YdBlocks *yd_nbd_disk_blocks(YdNbdDisk *disk);
