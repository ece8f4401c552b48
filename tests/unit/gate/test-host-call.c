// SPDX-License-Identifier: Apache-2.0
// Requests that a gate brings to a deskhost, and what comes back: in order, one answer each, also
// when there is no deskhost, or one that hangs up or talks nonsense.
#include "gate/host-call.h"

#include <glib/gstdio.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct {
    char *dir, *path;
    int listener;
    GThread *thread;
    YdHostCall *call;
} Fixture;

// "close": hangs up; "noise": lines that are none, then the answer; else progress and the request.
static void
serve_one(int fd)
{
    char line[512] = "";
    gsize got = 0;
    gssize n;
    while (!strchr(line, '\n') && (n = recv(fd, line + got, sizeof line - 1 - got, 0)) > 0)
        got += (gsize)n;
    if (strstr(line, "close"))
        return;
    const char *before = strstr(line, "noise") ? "}{\n[1]\n" : "{\"progress\":1}\n";
    *strchrnul(line, '\n') = '\0';
    g_autofree char *text = g_strdup_printf("%s{\"ok\":true,\"was\":%s}\n", before, line);
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
        g_test_message("whoever asked is gone");
}

static gpointer
serve(gpointer data)
{
    Fixture *f = data;
    int fd;
    while ((fd = accept(f->listener, NULL, NULL)) >= 0) {
        serve_one(fd);
        close(fd);
    }
    return NULL;
}

static void
set_up(Fixture *f, gconstpointer data)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    f->dir = g_dir_make_tmp("yd-host-call-XXXXXX", NULL);
    f->path = g_build_filename(f->dir, "deskhost.sock", NULL);
    f->call = yd_host_call_new(f->path);
    f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_strlcpy(address.sun_path, f->path, sizeof address.sun_path);
    if (data)
        return; // nobody is there
    g_assert_cmpint(bind(f->listener, (struct sockaddr *)&address, sizeof address), ==, 0);
    g_assert_cmpint(listen(f->listener, 8), ==, 0);
    f->thread = g_thread_new("deskhost", serve, f);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    yd_host_call_free(f->call);
    shutdown(f->listener, SHUT_RDWR);
    if (f->thread)
        g_thread_join(f->thread);
    close(f->listener);
    g_unlink(f->path);
    g_rmdir(f->dir);
    g_free(f->path);
    g_free(f->dir);
}

// As the ticket client's loop does.
static char *
next_answer(Fixture *f)
{
    gint64 deadline = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;
    for (;;) {
        struct pollfd fd;
        gint64 now = g_get_monotonic_time(), until;
        g_assert_cmpint(now, <, deadline);
        yd_host_call_prepare(f->call, now, &fd, &until);
        g_assert_cmpint(until, <, G_MAXINT64);
        poll(&fd, 1, (int)(CLAMP(until - now, 0, G_USEC_PER_SEC) / 1000) + 1);
        char *line = yd_host_call_step(f->call, g_get_monotonic_time());
        if (line)
            return line;
    }
}

static void
test_answers(Fixture *f, gconstpointer data)
{
    static const struct {
        const char *request, *answer;
    } cases[] = {
        {"{\"verb\":\"a\"}", "\"was\":{\"verb\":\"a\"}"},
        {"{\"verb\":\"close\"}", "it closed the connection"},
        {"{\"verb\":\"noise\"}", "\"was\":{\"verb\":\"noise\"}"},
        {"{\"verb\":\"b\"}", "\"was\":{\"verb\":\"b\"}"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        yd_host_call_push(f->call, i, cases[i].request);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *line = next_answer(f);
        g_autofree char *id = g_strdup_printf("{\"op\":\"host\",\"id\":%u,", i);
        g_assert_true(g_str_has_prefix(line, id));
        g_assert_true(g_str_has_suffix(line, "}\n"));
        g_assert_nonnull(strstr(line, cases[i].answer));
    }
    struct pollfd fd;
    gint64 until;
    yd_host_call_prepare(f->call, 1, &fd, &until);
    g_assert_cmpint(fd.fd, ==, -1);
    g_assert_cmpint(until, ==, G_MAXINT64);
}

static void
test_nobody(Fixture *f, gconstpointer data)
{
    yd_host_call_push(f->call, 9, "{}");
    g_autofree char *line = next_answer(f);
    g_assert_nonnull(strstr(line, "\"id\":9"));
    g_assert_nonnull(strstr(line, "\"code\":\"unavailable\""));
    g_assert_nonnull(strstr(line, f->path));
}

// Who asked is gone: no answer goes to whoever comes next.
static void
test_reset(Fixture *f, gconstpointer data)
{
    yd_host_call_push(f->call, 1, "{\"verb\":\"old\"}");
    g_free(yd_host_call_step(f->call, g_get_monotonic_time())); // maybe it was quick
    yd_host_call_push(f->call, 2, "{\"verb\":\"old\"}");
    yd_host_call_reset(f->call);
    g_assert_null(yd_host_call_step(f->call, g_get_monotonic_time()));
    yd_host_call_push(f->call, 3, "{\"verb\":\"new\"}");
    g_autofree char *line = next_answer(f);
    g_assert_nonnull(strstr(line, "\"id\":3"));
    g_assert_nonnull(strstr(line, "new"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/host-call/answers", Fixture, NULL, set_up, test_answers, tear_down);
    g_test_add("/host-call/nobody", Fixture, "nobody", set_up, test_nobody, tear_down);
    g_test_add("/host-call/reset", Fixture, NULL, set_up, test_reset, tear_down);
    return g_test_run();
}
