// SPDX-License-Identifier: Apache-2.0
// One run: parse, connect, call the command's function, turn errors into words and an exit code.
#include "deskctl/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"
#include "deskctl/help.h"
#include "deskctl/text-width.h"

int
ctl_exit_code(const GError *error)
{
    if (error->domain == CTL_USAGE)
        return 2;
    if (error->domain != YD_ERROR)
        return 1;
    switch (error->code) {
    case YD_ERROR_NOT_FOUND:
        return 3;
    case YD_ERROR_UNAUTHENTICATED:
    case YD_ERROR_PASSWORD_CHANGE:
    case YD_ERROR_FORBIDDEN:
    case YD_ERROR_NOT_ENTITLED:
        return 4;
    case YD_ERROR_UNAVAILABLE:
    case YD_ERROR_TIMEOUT:
    case YD_ERROR_THROTTLED:
    case YD_ERROR_NO_ROOM:
        return 5;
    default:
        return 1;
    }
}

// What to do about it: from the server, or what only this side knows.
static const char *
advice(Ctl *ctl, const GError *error)
{
    // What the server says is meant for programs where the two differ.
    if (g_error_matches(error, YD_ERROR, YD_ERROR_PASSWORD_CHANGE))
        return "choose a new one: deskctl password";
    if (g_error_matches(error, YD_ERROR, YD_ERROR_UNAUTHENTICATED) && ctl->profile)
        return "log in again: deskctl login";
    if (ctl->rest && yd_rest_refused(ctl->rest, NULL))
        return "log in again with --ca FILE (the server's CA) or --fingerprint HEX";
    const YdProblem *problem = ctl->rest ? yd_rest_problem(ctl->rest) : NULL;
    return problem ? problem->advice : NULL;
}

static void
tell(Ctl *ctl, const char *what, const GError *error)
{
    g_autofree char *text = ctl_clean(error->message);
    g_printerr("deskctl: %s%s%s\n", what ? what : "", what ? ": " : "", text);
    const char *hint = advice(ctl, error);
    g_autofree char *clean = hint ? ctl_clean(hint) : NULL;
    if (clean)
        g_printerr("  → %s\n", clean);
}

void
ctl_report(Ctl *ctl, const char *what, const GError *error)
{
    tell(ctl, what, error);
    if (!ctl->exit_code)
        ctl->exit_code = ctl_exit_code(error);
}

void
ctl_note(Ctl *ctl, const char *format, ...)
{
    if (ctl->quiet)
        return;
    va_list list;
    va_start(list, format);
    g_autofree char *text = g_strdup_vprintf(format, list);
    va_end(list);
    g_printerr("%s\n", text);
}

YdRest *
ctl_rest(const CtlProfile *profile, GError **error)
{
    g_autoptr(YdRest) rest = yd_rest_new(profile->url, error);
    if (!rest || (profile->ca && !yd_rest_set_ca(rest, profile->ca, error)) ||
        (profile->fingerprint && !yd_rest_set_fingerprint(rest, profile->fingerprint, error)))
        return NULL;
    yd_rest_set_token(rest, profile->token);
    return g_steal_pointer(&rest);
}

gboolean
ctl_connect(Ctl *ctl, GError **error)
{
    ctl->profile = ctl_profile_load(ctl_args_get(ctl->args, "profile"), error);
    if (!ctl->profile)
        return FALSE;
    if (!ctl->profile->token && !(ctl->args->command->flags & CTL_NO_LOGIN)) {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAUTHENTICATED,
                    "profile '%s' is logged out: deskctl login", ctl->profile->name);
        return FALSE;
    }
    ctl->rest = ctl_rest(ctl->profile, error);
    return ctl->rest != NULL;
}

static gboolean
run(Ctl *ctl, GError **error)
{
    const CtlArgs *args = ctl->args;
    if (args->version) {
        g_print("deskctl " YD_VERSION "\n");
        return TRUE;
    }
    if (args->help || !args->command) {
        g_autofree char *text = ctl_help(args->noun, args->command);
        g_print("%s", text);
        return TRUE;
    }
    if (!(args->command->flags & CTL_LOCAL) && !ctl_connect(ctl, error))
        return FALSE;
    return args->command->run(ctl, error);
}

// Output is UTF-8 whatever the locale says: a script run by cron gets the same names as a person.
static void
put_out(const char *text)
{
    fputs(text, stdout);
}

static void
put_err(const char *text)
{
    fflush(stdout);
    fputs(text, stderr);
}

int
ctl_main(const char *const *argv)
{
    g_set_print_handler(put_out);
    g_set_printerr_handler(put_err);
    Ctl ctl = {0};
    g_autoptr(GError) error = NULL;
    struct winsize size;
    ctl.in_tty = isatty(STDIN_FILENO);
    ctl.out_tty = isatty(STDOUT_FILENO);
    ctl.err_tty = isatty(STDERR_FILENO);
    if (ctl.out_tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        ctl.width = size.ws_col;
    ctl.args = ctl_args_parse(argv, &error);
    if (ctl.args) {
        ctl.json = ctl_args_has(ctl.args, "json");
        ctl.quiet = ctl_args_has(ctl.args, "quiet");
        run(&ctl, &error);
    }
    if (error)
        ctl_report(&ctl, NULL, error);
    ctl_args_free(ctl.args);
    ctl_profile_free(ctl.profile);
    yd_rest_free(ctl.rest);
    return ctl.exit_code;
}
