// SPDX-License-Identifier: Apache-2.0
// The table that deskctl is made of: nouns, their commands, options and columns. Parsing, help, the
// manual page and the shells' completion are all read from it.
#pragma once

#include <glib.h>

typedef struct _Ctl Ctl;
typedef struct _CtlNoun CtlNoun;
typedef struct _CtlCommand CtlCommand;

// A command line that can't be right: exit code 2.
#define CTL_USAGE (ctl_usage_quark())
GQuark ctl_usage_quark(void);

typedef enum {
    CTL_TEXT,
    CTL_INT,
    CTL_NUMBER,  // with a fraction
    CTL_MIB,     // memory: 2048, 2048M, 2G
    CTL_GIB,     // disk: 30, 30G, 1T
    CTL_FLAG,    // no value
    CTL_CHOICE,  // one of the words in arg, "a|b|c"; of "on|off" a boolean
    CTL_REF,     // name or id of an object of `noun`; "none" is null
    CTL_VERSION, // TEMPLATE or TEMPLATE:NUMBER
    CTL_PAIR,    // KEY=VALUE, repeated; together one object
} CtlKind;

typedef struct {
    const char *name; // without the dashes
    CtlKind kind;
    const char *arg;     // what the usage calls the value
    const char *field;   // member of the request's body; NULL: the command looks at it itself
    const CtlNoun *noun; // of a CTL_REF
    const char *help;
    gboolean many;         // may be given more than once
    char letter;           // short form, 0 none
    const char *otherwise; // what counts when it is not given, as after fitting; NULL: nothing
} CtlOption;

typedef enum {
    CTL_CELL_TEXT,
    CTL_CELL_INT,
    CTL_CELL_TIME,    // RFC 3339 → local time
    CTL_CELL_BYTES,   // → 1.5 GiB
    CTL_CELL_MIB,     // → 2 GiB
    CTL_CELL_GIB,     // → 30 GiB, 0 is "-"
    CTL_CELL_PORT,    // 0 → -
    CTL_CELL_BOOL,    // → yes, no
    CTL_CELL_PERCENT, // → 45 %
    CTL_CELL_MICRO,   // µs → 1.2 ms
    CTL_CELL_MILLI,   // ms → 12 ms, 0 is "-"
    CTL_CELL_PPM,     // of a million → 1.2 %
    CTL_CELL_SCORE,   // 0..100, below is "-"
} CtlCell;

typedef struct {
    const char *name;  // member of the JSON object, "a.b" goes deeper
    const char *title; // heading
    CtlCell cell;
} CtlColumn;

// What a command does. FALSE with an error, or TRUE; failures of single objects of several are
// told by ctl_report().
typedef gboolean (*CtlRun)(Ctl *ctl, GError **error);

typedef enum {
    CTL_ASKS = 1 << 0,     // destructive: asks, or wants --yes
    CTL_LISTS = 1 << 1,    // takes --filter, --sort, …
    CTL_WAITS = 1 << 2,    // may start a job: takes --wait, --no-wait
    CTL_LOCAL = 1 << 3,    // needs no server
    CTL_COLUMNS = 1 << 4,  // prints a table: takes --columns
    CTL_NO_LOGIN = 1 << 5, // needs a server but no log-in
} CtlFlags;

struct _CtlCommand {
    const char *verb;
    const char *args; // "USER…", "" for none
    const char *help; // one line
    CtlRun run;
    guint min, max; // how many words
    guint flags;
    const CtlOption *options; // ended by {0}; NULL: none
    const char *act;          // for ctl_run_act(): last part of the path
    const CtlColumn *columns; // ended by {0}; NULL: the noun's
};

struct _CtlNoun {
    const char *name;    // "user"; "" holds the commands without a noun
    const char *plural;  // of the API: "users"
    const char *prefix;  // of ids: "usr"
    const char *keys[4]; // members that name it, the first is the usual one
    const char *help;
    const CtlColumn *columns;   // ended by {0}
    const CtlCommand *commands; // ended by {0}
    const char *sort;           // of lists without --sort; NULL: the server's
};

#define CTL_MANY G_MAXUINT

// All nouns, NULL-terminated; the first one holds the commands without a noun.
extern const CtlNoun *const ctl_nouns[];

// The noun with that name or plural; the command with that verb; NULL.
const CtlNoun *ctl_noun_find(const char *name);
const CtlCommand *ctl_command_find(const CtlNoun *noun, const char *verb);

// Options that every command takes, and those that belong to flags. Ended by {0}.
extern const CtlOption ctl_options_common[], ctl_options_list[], ctl_options_columns[],
    ctl_options_wait[], ctl_options_ask[];

// Calls func for each option that the command takes; stops and returns the option for which func
// returned TRUE, else NULL.
typedef gboolean (*CtlOptionFunc)(const CtlOption *option, gpointer user_data);
const CtlOption *
ctl_options_each(const CtlCommand *command, CtlOptionFunc func, gpointer user_data);

// The candidate (NULL-terminated) that was probably meant by word, or NULL.
const char *ctl_nearest(const char *word, const char *const *candidates);
