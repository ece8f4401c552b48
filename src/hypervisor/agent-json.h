// SPDX-License-Identifier: Apache-2.0
// The words of QEMU's guest agent (qemu-ga protocol reference): commands built, answers read. Pure.
#pragma once

#include "base/error.h"

#include <jansson.h>

// {"execute":…,"arguments":…} as text; takes arguments (NULL: none); owned.
char *yd_agent_command(const char *execute, json_t *arguments);

// The member "return" of an answer; NULL with error; owned (json_decref).
json_t *yd_agent_return(const char *text, GError **error);

json_t *yd_agent_password_arguments(const char *user, const char *password, gboolean crypted);
json_t *yd_agent_exec_arguments(const char *const *argv, const char *input);

// TRUE when the process of a guest-exec-status has ended; status is 128 + the signal when one
// killed it. Output: stdout, then stderr, valid UTF-8, cut at 64 KiB; owned.
gboolean yd_agent_exec_ended(const json_t *status, int *ret_status, char **ret_output);

// First IPv4 address of guest-network-get-interfaces that is neither loopback nor link-local;
// NULL: none; owned.
char *yd_agent_first_address(const json_t *interfaces);

// Names of guest-get-users, each once; of strings.
GPtrArray *yd_agent_user_names(const json_t *users);
