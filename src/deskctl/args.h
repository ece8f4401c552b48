// SPDX-License-Identifier: Apache-2.0
// Turns argv into a command, its words and its options; checks all of it against the table.
#pragma once

#include "deskctl/command.h"

typedef struct {
    const CtlNoun *noun;
    const CtlCommand *command; // NULL: only the noun was named, with --help
    GPtrArray *words;
    GHashTable *values; // name of the option → GPtrArray of texts
    gboolean version, help;
} CtlArgs;

// argv without the program's name. Errors are CTL_USAGE, name the wrong word and suggest the
// nearest right one.
CtlArgs *ctl_args_parse(const char *const *argv, GError **error);
void ctl_args_free(CtlArgs *args);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CtlArgs, ctl_args_free)

gboolean ctl_args_has(const CtlArgs *args, const char *option);
const char *ctl_args_get(const CtlArgs *args, const char *option);      // the last one; NULL
const GPtrArray *ctl_args_all(const CtlArgs *args, const char *option); // NULL: none
const char *ctl_args_word(const CtlArgs *args, guint n);                // NULL: not so many

// The number of a CTL_INT, CTL_MIB or CTL_GIB option; otherwise when it is not given.
gint64 ctl_args_int(const CtlArgs *args, const char *option, gint64 otherwise);

// "2G" as MiB (unit 1 << 20) or "1T" as GiB (unit 1 << 30); FALSE when it is not a whole number of
// them. A bare number counts units.
gboolean ctl_size_parse(const char *text, gint64 unit, gint64 *ret_size);

// "deskctl user add USERNAME [options]"; owned.
char *ctl_synopsis(const CtlNoun *noun, const CtlCommand *command);
