// SPDX-License-Identifier: Apache-2.0
// What one run of deskctl has at hand: the parsed line, the profile, the connection; and how it
// talks to the person. Results go to stdout, everything else to stderr.
#pragma once

#include <jansson.h>

#include "base/json-util.h"
#include "deskctl/args.h"
#include "deskctl/profile.h"
#include "rest/rest.h"

struct _Ctl {
    CtlArgs *args;
    CtlProfile *profile; // NULL until ctl_connect()
    YdRest *rest;
    gboolean json, quiet;
    gboolean out_tty, err_tty, in_tty;
    guint width; // of the terminal on stdout, 0: none
    int exit_code;
};

// Runs one command line (without the program's name) and returns the exit code: 0 ok, 1 failed, 2
// usage, 3 not found, 4 denied or not logged in, 5 unavailable.
int ctl_main(const char *const *argv);

// Loads the profile and makes the connection.
gboolean ctl_connect(Ctl *ctl, GError **error);

// Makes the connection that a profile describes.
YdRest *ctl_rest(const CtlProfile *profile, GError **error);

// The exit code of an error.
int ctl_exit_code(const GError *error);

// Tells an error of one of several objects and goes on; the exit code remembers the first one.
void ctl_report(Ctl *ctl, const char *what, const GError *error);

// A line on stderr, left out with --quiet.
void ctl_note(Ctl *ctl, const char *format, ...) G_GNUC_PRINTF(2, 3);

// JSON on stdout, indented.
void ctl_print_json(const json_t *json);

// One object: JSON, or its members line by line.
void ctl_print_object(Ctl *ctl, const json_t *object);

// A list: JSON, or a table with the command's columns (or --columns).
gboolean ctl_print_items(Ctl *ctl, const json_t *items, const CtlColumn *columns, GError **error);

// TRUE when the person says yes, or said --yes. Without a terminal: CTL_USAGE that says --yes.
gboolean ctl_ask(Ctl *ctl, const char *question, GError **error);

// A line from stdin without its end; with a terminal prompt is shown, and nothing of what is typed
// when it is secret. Owned; NULL with CTL_USAGE at the end of the input.
char *ctl_read_line(Ctl *ctl, const char *prompt, gboolean secret, GError **error);

// Writes a file that only its owner may read; "-" is stdout.
gboolean ctl_write_file(const char *path, const char *data, gsize n, GError **error);
