// SPDX-License-Identifier: Apache-2.0
// Scripts that put one file into a person's home in a running Linux guest, sent through the guest
// agent. For busybox's and Debian's tools. Pure text; who sends them is restore-give-job.c, the
// reasons are in docs/internals/restore-files.md.
#pragma once

#include <glib.h>

typedef struct {
    const char *job;      // id; names the place where the pieces wait
    const char *username; // account that exists in the guest
    GBytes *path; // bytes: below the home, without "/" at its begin; or, absolute, in the guest
    const char *stamp;  // "2026-11-29 18.00"
    const char *sha256; // hex, of the whole file
    guint pieces;
    guint mode;      // permissions
    gint64 modified; // s
} YdGuestGive;

// One piece, written whole or not at all; base64 of it is the script's standard input. It may be
// sent again.
char *yd_guest_give_piece(const char *job, guint number);

// Puts the pieces together and makes the file as the person, beside where it was, under a name that
// nothing has yet; prints that name's path below the home in base64. May run again: then it prints
// the same. With YUNDESK_ROOT in its environment it works below that folder: for tests.
char *yd_guest_give_place(const YdGuestGive *what);

// Takes away what the others left; may always run.
char *yd_guest_give_tidy(const char *job);
