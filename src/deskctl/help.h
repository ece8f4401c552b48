// SPDX-License-Identifier: Apache-2.0
// Help texts, the manual page and the shells' completion, all from the table. Pure.
#pragma once

#include "deskctl/command.h"

// Help of a command, of a noun (command NULL) or of everything (both NULL, or the first noun);
// owned.
char *ctl_help(const CtlNoun *noun, const CtlCommand *command);

// The source of deskctl(1); owned.
char *ctl_manual(void);

// A completion script for "bash" or "zsh"; NULL for another shell. Owned.
char *ctl_completion(const char *shell);
