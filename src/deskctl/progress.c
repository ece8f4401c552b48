// SPDX-License-Identifier: Apache-2.0
// Progress goes to stderr, so that results stay clean.
#include "deskctl/progress.h"

#include <string.h>

#include "deskctl/text-width.h"
#include "rest/job.h"

#define BAR 20

typedef struct {
    Ctl *ctl;
    char *step; // shown last
} Shown;

static gint64
int_of(const json_t *job, const char *name)
{
    return json_integer_value(json_object_get(job, name));
}

static const char *
text_of(const json_t *job, const char *name)
{
    const char *text = json_string_value(json_object_get(job, name));
    return text ? text : "";
}

static void
fill(GString *out, gint64 percent)
{
    gint64 full = CLAMP(percent, 0, 100) * BAR / 100;
    g_string_append_c(out, '[');
    for (gint64 i = 0; i < BAR; i++)
        g_string_append_c(out, i < full ? '#' : '.');
    g_string_append_printf(out, "] %3d %% ", (int)CLAMP(percent, 0, 100));
}

char *
ctl_bar(const json_t *job, guint width)
{
    g_autoptr(GString) out = g_string_new(NULL);
    fill(out, int_of(job, "progress"));
    if (int_of(job, "steps") > 0)
        g_string_append_printf(out, "%d/%d ", (int)int_of(job, "step_number"),
                               (int)int_of(job, "steps"));
    const char *step = text_of(job, "step");
    g_autofree char *clean = ctl_clean(*step ? step : text_of(job, "state"));
    g_string_append(out, clean);
    return ctl_cut(out->str, width);
}

static gboolean
on_look(const json_t *job, gpointer user_data)
{
    Shown *shown = user_data;
    if (shown->ctl->quiet)
        return TRUE;
    if (shown->ctl->err_tty) {
        g_autofree char *bar = ctl_bar(job, shown->ctl->width ? shown->ctl->width - 1 : 79);
        g_printerr("\r\033[K%s", bar);
        return TRUE;
    }
    g_autofree char *line = g_strdup_printf("%s %s %s", text_of(job, "kind"),
                                            text_of(job, "object_name"), text_of(job, "step"));
    if (g_strcmp0(line, shown->step) != 0 && *text_of(job, "step")) {
        g_autofree char *clean = ctl_clean(line);
        g_printerr("%s\n", clean);
        g_free(shown->step);
        shown->step = g_steal_pointer(&line);
    }
    return TRUE;
}

json_t *
ctl_follow(Ctl *ctl, const char *id, GError **error)
{
    Shown shown = {ctl, NULL};
    guint limit = (guint)ctl_args_int(ctl->args, "timeout", 0);
    g_autoptr(json_t) job = yd_job_follow(ctl->rest, id, limit, on_look, &shown, error);
    g_free(shown.step);
    if (ctl->err_tty && !ctl->quiet)
        g_printerr("\r\033[K");
    if (!job || !yd_job_check(job, error))
        return NULL;
    return g_steal_pointer(&job);
}

json_t *
ctl_wait(Ctl *ctl, const json_t *answer, GError **error)
{
    const json_t *job = yd_answer_job(answer);
    if (!job)
        return NULL;
    if (ctl_args_has(ctl->args, "no-wait"))
        return json_incref((json_t *)job);
    return ctl_follow(ctl, text_of(job, "id"), error);
}

gboolean
ctl_tell_job(Ctl *ctl, const json_t *answer, const char *noun, const char *name, const char *done,
             GError **error)
{
    g_autoptr(json_t) job = answer ? ctl_wait(ctl, answer, error) : NULL;
    if (!job)
        return FALSE;
    if (ctl->json)
        ctl_print_json(job);
    else if (ctl_args_has(ctl->args, "no-wait"))
        g_print("%s %s: job %s\n", noun, name, json_string_value(json_object_get(job, "id")));
    else
        g_print("%s %s: %s\n", noun, name, done);
    return TRUE;
}

void
ctl_bytes_bar(Ctl *ctl, const char *what, goffset done, goffset total)
{
    if (ctl->quiet || !ctl->err_tty || total <= 0)
        return;
    g_autoptr(GString) out = g_string_new(NULL);
    fill(out, done * 100 / total);
    g_string_append(out, what);
    g_autofree char *cut = ctl_cut(out->str, ctl->width ? ctl->width - 1 : 79);
    g_printerr("\r\033[K%s%s", cut, done >= total ? "\r\033[K" : "");
}
