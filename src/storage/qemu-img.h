// SPDX-License-Identifier: Apache-2.0
// Runs qemu-img: fixed arguments without a shell, a clean environment, limits on its memory, its
// progress read as it goes, its words translated into our errors. Private to this room.
#pragma once

#include "storage/storage.h"

// Runs `qemu-img argv…` (argv[0] is the subcommand; NULL-terminated) and waits. source_fd, unless
// -1, is its /dev/fd/3. "(12.50/100%)" on its stdout is told to progress, which is asked at least
// every 200 ms whether to go on. ok_status: bits of further exit codes that are no failure (1 << 3:
// leaks). Errors: CANCELLED, NO_SPACE, IN_USE, INVALID (exits otherwise; what: begin of the
// message), UNAVAILABLE (it cannot be run).
gboolean yd_qemu_img_run(const char *const *argv, int source_fd, guint ok_status, const char *what,
                         YdProgress progress, gpointer data, GError **error);

// How yd_qemu_img_run reads progress; the last percentage in text, -1: none. For tests.
double yd_qemu_img_percent(const char *text);
