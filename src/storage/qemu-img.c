// SPDX-License-Identifier: Apache-2.0
// The qemu-img process: started, watched, cancelled.
#include "storage/qemu-img.h"

#include <errno.h>
#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define TICK_MS 200
#define SAID_MAX 4096
#define MEMORY_MAX ((rlim_t)4 << 30) // a hostile image must not eat the host

struct run {
    GSubprocess *process;
    GString *out, *said; // the unread end of stdout; stderr
    double percent;
};

double
yd_qemu_img_percent(const char *text)
{
    const char *at = strrchr(text, '(');
    char *end;
    if (!at || !strstr(at, "/100%)"))
        return -1;
    double percent = g_ascii_strtod(at + 1, &end);
    return end == at + 1 || *end != '/' ? -1 : CLAMP(percent, 0, 100);
}

// Between fork and exec: only what is async-signal-safe.
static void
limit(gpointer data)
{
    struct rlimit memory = {.rlim_cur = MEMORY_MAX, .rlim_max = MEMORY_MAX};
    struct rlimit core = {0};
    setrlimit(RLIMIT_AS, &memory);
    setrlimit(RLIMIT_CORE, &core);
}

static GSubprocess *
spawn(const char *const *argv, int source_fd, GError **error)
{
    g_autoptr(GSubprocessLauncher) launcher =
        g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
    g_autoptr(GPtrArray) full = g_ptr_array_new();
    const char *environment[] = {"LC_ALL=C", "PATH=/usr/bin:/bin:/usr/local/bin", NULL};
    g_ptr_array_add(full, (gpointer) "qemu-img");
    for (guint i = 0; argv[i]; i++)
        g_ptr_array_add(full, (gpointer)argv[i]);
    g_ptr_array_add(full, NULL);
    g_subprocess_launcher_set_environ(launcher, (char **)environment);
    g_subprocess_launcher_set_child_setup(launcher, limit, NULL, NULL);
    if (source_fd >= 0) {
        int copy = dup(source_fd);
        if (copy < 0) {
            g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "no file descriptor is left: %s",
                        g_strerror(errno));
            return NULL;
        }
        g_subprocess_launcher_take_fd(launcher, copy, 3);
    }
    g_autoptr(GError) why = NULL;
    GSubprocess *process =
        g_subprocess_launcher_spawnv(launcher, (const char *const *)full->pdata, &why);
    if (!process)
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                    "qemu-img cannot be run (%s); install the package qemu-utils", why->message);
    return process;
}

// Reads once; FALSE at the end.
static gboolean
take(int fd, GString *into)
{
    char buffer[1024];
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    if (n > 0 && into->len < SAID_MAX)
        g_string_append_len(into, buffer, n);
    return n > 0;
}

static void
take_percent(struct run *run)
{
    double percent = yd_qemu_img_percent(run->out->str);
    if (percent < 0)
        return;
    run->percent = percent;
    g_string_truncate(run->out, 0);
}

// Reads both pipes to their ends; FALSE when it was cancelled (then the process is killed).
static gboolean
watch(struct run *run, YdProgress progress, gpointer data)
{
    struct pollfd fds[2] = {
        {.fd = g_unix_input_stream_get_fd(
             G_UNIX_INPUT_STREAM(g_subprocess_get_stdout_pipe(run->process))),
         .events = POLLIN},
        {.fd = g_unix_input_stream_get_fd(
             G_UNIX_INPUT_STREAM(g_subprocess_get_stderr_pipe(run->process))),
         .events = POLLIN},
    };
    gint64 told = 0;
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        poll(fds, 2, TICK_MS);
        if (fds[0].fd >= 0 && fds[0].revents && !take(fds[0].fd, run->out))
            fds[0].fd = -1;
        if (fds[1].fd >= 0 && fds[1].revents && !take(fds[1].fd, run->said))
            fds[1].fd = -1;
        take_percent(run);
        gint64 now = g_get_monotonic_time();
        if (!progress || now - told < TICK_MS * 1000 / 2)
            continue;
        told = now;
        if (!progress(run->percent, data)) {
            g_subprocess_force_exit(run->process);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
judge(struct run *run, guint ok_status, const char *what, GError **error)
{
    if (g_subprocess_get_if_exited(run->process)) {
        int status = g_subprocess_get_exit_status(run->process);
        if (status == 0 || (status < 32 && (ok_status & 1u << status)))
            return TRUE;
    }
    char *said = g_strstrip(run->said->str);
    g_autofree char *text = g_utf8_make_valid(*said ? said : "qemu-img was killed", -1);
    YdErrorCode code = YD_ERROR_INVALID;
    if (strstr(text, "No space left on device") || strstr(text, "File too large") ||
        strstr(text, "Disk quota exceeded"))
        code = YD_ERROR_NO_SPACE;
    else if (strstr(text, "Is another process using the image"))
        code = YD_ERROR_IN_USE;
    g_set_error(error, YD_ERROR, code, "%s: %s", what, text);
    return FALSE;
}

gboolean
yd_qemu_img_run(const char *const *argv, int source_fd, guint ok_status, const char *what,
                YdProgress progress, gpointer data, GError **error)
{
    g_autoptr(GSubprocess) process = spawn(argv, source_fd, error);
    if (!process)
        return FALSE;
    struct run run = {.process = process, .out = g_string_new(NULL), .said = g_string_new(NULL)};
    gboolean through = watch(&run, progress, data);
    g_subprocess_wait(process, NULL, NULL);
    // now, not when GLib's thread lets go of the process
    g_input_stream_close(g_subprocess_get_stdout_pipe(process), NULL, NULL);
    g_input_stream_close(g_subprocess_get_stderr_pipe(process), NULL, NULL);
    gboolean ok = through && judge(&run, ok_status, what, error);
    if (!through)
        g_set_error(error, YD_ERROR, YD_ERROR_CANCELLED, "%s: cancelled", what);
    g_string_free(run.out, TRUE);
    g_string_free(run.said, TRUE);
    return ok;
}
