// SPDX-License-Identifier: Apache-2.0
// deskctl job, session and audit: what goes on and what went on.
#include "deskctl/nouns.h"
#include "deskctl/progress.h"
#include "deskctl/verbs.h"

static const CtlColumn job_columns[] = {
    {"id", "ID"},
    {"kind", "KIND"},
    {"object_name", "OBJECT"},
    {"state", "STATE"},
    {"progress", "PROGRESS", CTL_CELL_PERCENT},
    {"step", "STEP"},
    {"username", "BY"},
    {"created", "MADE", CTL_CELL_TIME},
    {"error", "ERROR"},
    {0},
};

static gboolean
follow(Ctl *ctl, GError **error)
{
    for (guint i = 0; i < ctl->args->words->len; i++) {
        g_autoptr(GError) why = NULL;
        g_autoptr(json_t) job = ctl_follow(ctl, ctl_args_word(ctl->args, i), &why);
        if (!job)
            ctl_report(ctl, NULL, why);
        else if (ctl->json)
            ctl_print_json(job);
        else
            g_print("job %s: done\n", ctl_args_word(ctl->args, i));
    }
    return TRUE;
}

static const CtlOption follow_options[] = {
    {"timeout", CTL_INT, "SECONDS", .help = "wait at most so long; the job goes on"}, {0}};

static gboolean
cancel_one(Ctl *ctl, const json_t *job, const char *name, GError **error)
{
    g_autofree char *path = g_strdup_printf("/jobs/%s/cancel", name);
    g_autoptr(json_t) answer = yd_rest_post(ctl->rest, path, NULL, error);
    if (answer)
        g_print("job %s: cancelling\n", name);
    return answer != NULL;
}

static gboolean
run_cancel(Ctl *ctl, GError **error)
{
    return ctl_each(ctl, cancel_one, error);
}

static const CtlCommand job_commands[] = {
    {"list", "", "list jobs, the newest first", ctl_run_list, 0, 0, CTL_LISTS | CTL_COLUMNS},
    {"show", "JOB…", "show all about jobs", ctl_run_show, 1, CTL_MANY},
    {"follow", "JOB…", "wait for jobs and show how they go", follow, 1, CTL_MANY, 0,
     follow_options},
    {"cancel", "JOB…", "stop jobs and undo what they did", run_cancel, 1, CTL_MANY, CTL_ASKS},
    {0},
};

const CtlNoun ctl_noun_job = {
    "job", "jobs", "job", {NULL}, "work that takes time", job_columns, job_commands, "-created",
};

static const CtlColumn session_columns[] = {
    {"id", "ID"},
    {"username", "USER"},
    {"desktop_name", "DESKTOP"},
    {"protocol", "PROTOCOL"},
    {"state", "STATE"},
    {"client_address", "FROM"},
    {"created", "SINCE", CTL_CELL_TIME},
    {"bytes_up", "UP", CTL_CELL_BYTES},
    {"bytes_down", "DOWN", CTL_CELL_BYTES},
    {"rtt_us", "DELAY", CTL_CELL_MICRO},
    {"score", "SCORE", CTL_CELL_SCORE},
    {"score_reason", "BECAUSE"},
    {"redeems", "RECONNECTS", CTL_CELL_INT},
    {"log_in", "LOG-IN"},
    {"reason", "ENDED BY"},
    {0},
};

// What list has no room for.
static const CtlColumn session_details[] = {
    {"id", "ID"},
    {"username", "USER"},
    {"desktop_name", "DESKTOP"},
    {"protocol", "PROTOCOL"},
    {"state", "STATE"},
    {"client_address", "FROM"},
    {"gate", "GATE"},
    {"created", "SINCE", CTL_CELL_TIME},
    {"score", "SCORE", CTL_CELL_SCORE},
    {"score_reason", "BECAUSE"},
    {"rtt_us", "DELAY", CTL_CELL_MICRO},
    {"min_rtt_us", "LEAST DELAY", CTL_CELL_MICRO},
    {"jitter_us", "JITTER", CTL_CELL_MICRO},
    {"loss_ppm", "LOSS", CTL_CELL_PPM},
    {"lost", "SENT AGAIN", CTL_CELL_INT},
    {"queue_us", "QUEUE", CTL_CELL_MICRO},
    {"rate", "RATE PER SECOND", CTL_CELL_BYTES},
    {"server_us", "DELAY OF THE DESKTOP", CTL_CELL_MICRO},
    {"first_byte_ms", "FIRST BYTE", CTL_CELL_MILLI},
    {"first_picture_ms", "FIRST PICTURE", CTL_CELL_MILLI},
    {"redeems", "RECONNECTS", CTL_CELL_INT},
    {"bytes_up", "UP", CTL_CELL_BYTES},
    {"bytes_down", "DOWN", CTL_CELL_BYTES},
    {"log_in", "LOG-IN"},
    {"reason", "ENDED BY"},
    {0},
};

static const CtlCommand session_commands[] = {
    {"list", "", "list connections of people to desktops", ctl_run_list, 0, 0,
     CTL_LISTS | CTL_COLUMNS, ctl_list_options},
    {"show", "SESSION…", "show all about connections", ctl_run_show, 1, CTL_MANY,
     .columns = session_details},
    {"disconnect", "SESSION…", "cut connections at once", ctl_run_delete, 1, CTL_MANY, CTL_ASKS},
    {0},
};

const CtlNoun ctl_noun_session = {
    "session",       "connections",    "con",      {NULL}, "connections of people to desktops",
    session_columns, session_commands, "-created",
};

static const CtlColumn audit_columns[] = {
    {"time", "TIME", CTL_CELL_TIME},
    {"username", "WHO"},
    {"address", "FROM"},
    {"act", "ACT"},
    {"object_name", "OBJECT"},
    {"outcome", "OUTCOME"},
    {0},
};

static const CtlCommand audit_commands[] = {
    {"list", "", "list who did what, the newest first", ctl_run_list, 0, 0,
     CTL_LISTS | CTL_COLUMNS},
    {0},
};

const CtlNoun ctl_noun_audit = {
    "audit",       "audit",        "aud",   {NULL}, "the log of who did what",
    audit_columns, audit_commands, "-time",
};
