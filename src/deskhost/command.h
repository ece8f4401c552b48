// SPDX-License-Identifier: Apache-2.0
// Runs one of the host's network tools to its end: by name, without a shell, with a clean
// environment. Blocks; any thread.
#pragma once

#include <glib.h>
#include <jansson.h>

// input goes to its standard input (NULL: nothing). ret_output NULL: not wanted; else owned.
// INTERNAL with what the tool said when it fails or is not there.
gboolean yd_command(const char *const *argv, const char *input, char **ret_output, GError **error);

// The array that a tool prints with its option for JSON (an empty one where it prints nothing);
// owned.
json_t *yd_command_json(const char *const *argv, GError **error);
