// SPDX-License-Identifier: Apache-2.0
// How many columns of a terminal a text takes, and texts made fit for one. Pure.
#pragma once

#include <glib.h>

// Columns of UTF-8 text: East Asian wide characters count two, combining ones none.
guint ctl_width(const char *text);

// The text with everything that could steer the terminal or turn the direction of writing replaced
// by U+FFFD, line ends by a space; owned. Names come from other people.
char *ctl_clean(const char *text);

// The text cut to at most that many columns, with "…" where something is missing; owned.
char *ctl_cut(const char *text, guint columns);
