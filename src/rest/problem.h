// SPDX-License-Identifier: Apache-2.0
// What the server says when it refuses: application/problem+json (RFC 9457) with the members that
// our API adds (code, field, advice, request_id).
#pragma once

#include <glib.h>
#include <jansson.h>

typedef struct {
    guint status; // HTTP; 0 when there was no answer
    char *code;   // stable name, see base/error.h; NULL unknown
    char *detail; // one sentence for people
    char *field;  // which member of the input is wrong; NULL none
    char *advice; // what to do; NULL none
    char *request_id;
} YdProblem;

void yd_problem_free(YdProblem *problem);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdProblem, yd_problem_free)

// From an answer's body; body may be NULL or anything at all: then only status and a detail made
// from the status are set. Never NULL; owned by the caller.
YdProblem *yd_problem_parse(guint status, const json_t *body);

// Sets a YD_ERROR with the code that the problem names (else the one its status fits) and the
// message "field: detail" or "detail".
void yd_problem_to_error(const YdProblem *problem, GError **error);
