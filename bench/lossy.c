// SPDX-License-Identifier: Apache-2.0
// How fast bytes come through the gate over a line that loses packets, beside rinetd: a client at
// the far end of tests/lib/link-emulator reads for some seconds. The gate uses bbr, rinetd
// reno: the usual cubic cannot be set for a network namespace alone. Needs root.
// Run: build/bench/bench-lossy [SECONDS]
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake-deskd.h"
#include "gate-client.h"
#include "gate-measure.h"
#include "gate-peers.h"

#define NEAR "10.200.0.1"
#define FAR "10.200.0.2"
#define ROUNDS 3
#define DELAY_MS 20    // each way
#define MANY (1 << 16) // pieces: more than anybody reads

typedef struct {
    FILE *in, *out; // of the emulator
    pid_t pid;
    int far; // network namespace
} Line;

static void
hear(const Line *line, const char *format, int *ret_number)
{
    char text[256];
    if (fgets(text, sizeof text, line->out) == NULL || !g_str_has_prefix(text, format))
        g_error("the link emulator does not answer \"%s\"", format);
    if (ret_number != NULL)
        *ret_number = atoi(text + strlen(format));
}

static void
set(const Line *line, const char *text)
{
    fprintf(line->in, "%s\n", text);
    fflush(line->in);
    hear(line, "ok", NULL);
}

static Line
start_line(const char *program)
{
    int in[2], out[2], pid = 0;
    Line line = {0};
    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
        g_error("no pipes");
    line.pid = fork();
    if (line.pid == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        execl(program, program, NEAR, FAR, "link0", (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    line.in = fdopen(in[1], "w");
    line.out = fdopen(out[0], "r");
    hear(&line, "ready ", &pid);
    g_autofree char *path = g_strdup_printf("/proc/%d/ns/net", pid);
    line.far = open(path, O_RDONLY | O_CLOEXEC);
    if (line.far < 0)
        g_error("%s: %s", path, g_strerror(errno));
    return line;
}

// A thread's sockets are of the network namespace in which it made them.
typedef struct {
    const Line *line;
    const Peer *peer;
    guint seconds;
    double mbit; // a second
} Visit;

static gpointer
visit(gpointer data)
{
    Visit *v = data;
    guint64 got = 0;
    if (setns(v->line->far, CLONE_NEWNET) < 0)
        g_error("cannot go to the far end: %s", g_strerror(errno));
    int fd = load_open(v->peer, 0, LOAD_SEND, MANY);
    load_write(fd, "g", 1);
    gint64 start = load_now_ns(), end = start + v->seconds * G_GINT64_CONSTANT(1000000000);
    for (gssize n = 1; n > 0 && load_now_ns() < end; got += (guint64)MAX(n, 0))
        n = recv(fd, NULL, 1 << 20, MSG_TRUNC);
    v->mbit = (double)got * 8 / 1e6 / ((double)(load_now_ns() - start) / 1e9);
    close(fd);
    return NULL;
}

static void
measure(const Line *line, GArray *peers, guint loss, guint seconds)
{
    g_autofree char *text = g_strdup_printf("loss %u", loss);
    g_autofree GArray **speeds = g_new(GArray *, peers->len);
    set(line, text);
    for (guint i = 0; i < peers->len; i++)
        speeds[i] = g_array_new(FALSE, FALSE, sizeof(double));
    for (guint round = 0; round < ROUNDS; round++)
        for (guint i = 0; i < peers->len; i++) {
            Visit v = {line, &g_array_index(peers, Peer, i), seconds, 0};
            if (v.peer->way != LOAD_TICKET && v.peer->way != LOAD_PLAIN)
                continue;
            g_thread_join(g_thread_new("far", visit, &v));
            g_array_append_val(speeds[i], v.mbit);
        }
    for (guint i = 0; i < peers->len; i++) {
        if (speeds[i]->len > 0)
            printf("%u %% loss  %-10s %8.2f Mbit/s\n", loss, g_array_index(peers, Peer, i).name,
                   quantile(speeds[i], 0.5));
        g_array_unref(speeds[i]);
    }
}

static void
isolate(void)
{
    static const char reno[] = "reno";
    if (unshare(CLONE_NEWNET) < 0 || system("ip link set lo up") != 0)
        g_error("needs root: %s", g_strerror(errno));
    int fd = open("/proc/sys/net/ipv4/tcp_congestion_control", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, reno, sizeof reno - 1) < 0)
        printf("(rinetd has this machine's congestion control)\n");
    close(fd);
}

int
main(int argc, char **argv)
{
    guint seconds = argc > 1 ? (guint)atoi(argv[1]) : 5;
    g_autofree char *build = g_path_get_dirname(argv[0]);
    g_autofree char *program = g_build_filename(build, "../src/deskgate/deskgate", NULL);
    g_autofree char *emulator = g_build_filename(build, "../tests/lib/link-emulator", NULL);
    g_autofree char *dir = g_dir_make_tmp("bench-lossy-XXXXXX", NULL);
    g_autofree char *certificate = g_build_filename(dir, "gate.pem", NULL);
    g_autofree char *key = g_build_filename(dir, "gate.key", NULL);
    signal(SIGPIPE, SIG_IGN);
    isolate();
    Line line = start_line(emulator);
    g_autofree char *delay = g_strdup_printf("delay %u", DELAY_MS);
    set(&line, delay);
    gate_client_make_certificate(certificate, key);
    const PeerSetting setting = {dir, program, load_target_start(), NEAR, "bbr"};
    g_autoptr(FakeDeskd) deskd = fake_deskd_new(dir);
    g_autofree char *where = g_strdup_printf("tcp:127.0.0.1:%u", setting.target);
    g_autofree char *ticket = load_ticket(0);
    fake_deskd_set_source(deskd, FAR);
    fake_deskd_ticket(deskd, ticket, "rdp", "con-lossy", where);
    g_autoptr(GArray) peers = g_array_new(FALSE, TRUE, sizeof(Peer));
    peers_add_gate(peers, &setting);
    peers_add_rinetd(peers, &setting);
    printf("%u ms round trip, median of %d times %u s\n", 2 * DELAY_MS, ROUNDS, seconds);
    measure(&line, peers, 1, seconds);
    measure(&line, peers, 3, seconds);
    peers_end(peers);
    fclose(line.in);
    waitpid(line.pid, NULL, 0);
    g_clear_pointer(&deskd, fake_deskd_free);
    g_autofree char *clean = g_strdup_printf("rm -r %s", dir);
    return system(clean) == 0 ? 0 : 1;
}
