// SPDX-License-Identifier: Apache-2.0
// What the gate's RDP relay costs, beside haproxy and no proxy at all, in one run over loopback:
// CPU-seconds of the proxy per GB for several numbers of streams, round trip of 64 bytes, memory
// per idle connection. One worker each, congestion control reno (bbr's pacing distorts loopback).
// Run: build/bench/bench-gate [GB]
#include <arpa/inet.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fake-deskd.h"
#include "gate-client.h"

#define TICKET "BenchBenchBenchBenchBenchBenchBenchBenchBen"
#define TRIPS 10000
#define HALF (TRIPS / 2)
#define MOST (TRIPS * 99 / 100)
#define ROUNDS 3 // of each measurement; the best one counts
#define IDLE 500
#define PIECE (64 * 1024)

enum { MODE_ECHO, MODE_SEND };

typedef struct {
    const char *name;
    guint16 port;
    pid_t pid; // 0: no proxy
    gboolean ticket;
} Proxy;

static const guint stream_counts[] = {1, 50, 300};

// ---- sockets ----

static void
tune(int fd)
{
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
}

// ---- one thread that fills all streams, one that empties them: so few wake-ups are charged to the
// proxy ----

typedef struct {
    int fd;
    guint64 left; // bytes to send
    gboolean done;
} Job;

static int source_epoll;
static GMutex source_lock;
static GCond source_done;

static void
feed(Job *job)
{
    static guint8 piece[PIECE];
    gssize n = send(job->fd, piece, MIN(job->left, sizeof piece), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN)
        return;
    job->left = n <= 0 ? 0 : job->left - (guint64)n;
    if (job->left > 0)
        return;
    epoll_ctl(source_epoll, EPOLL_CTL_DEL, job->fd, NULL);
    g_mutex_lock(&source_lock);
    job->done = TRUE;
    g_cond_broadcast(&source_done);
    g_mutex_unlock(&source_lock);
}

static gpointer
run_source(gpointer data)
{
    struct epoll_event events[64];
    for (;;) {
        int n = epoll_wait(source_epoll, events, G_N_ELEMENTS(events), -1);
        for (int i = 0; i < n; i++)
            feed(events[i].data.ptr);
    }
    return NULL;
}

static void
send_all(int fd, guint64 bytes)
{
    Job job = {.fd = fd, .left = bytes};
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = &job};
    epoll_ctl(source_epoll, EPOLL_CTL_ADD, fd, &event);
    g_mutex_lock(&source_lock);
    while (!job.done)
        g_cond_wait(&source_done, &source_lock);
    g_mutex_unlock(&source_lock);
}

// Reads all n streams to their ends and closes them.
static void
drain(const int *fds, guint n)
{
    struct epoll_event events[64];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (guint i = 0; i < n; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event);
    }
    while (n > 0) {
        int m = epoll_wait(epoll, events, G_N_ELEMENTS(events), -1);
        for (int i = 0; i < m; i++) {
            // MSG_TRUNC: the bytes are not even copied to us.
            gssize got = recv(events[i].data.fd, NULL, 1 << 20, MSG_TRUNC | MSG_DONTWAIT);
            if (got > 0 || (got < 0 && errno == EAGAIN))
                continue;
            close(events[i].data.fd);
            n--;
        }
    }
    close(epoll);
}

// The target. The client's X.224 request says in its protocols field what it wants: a mode and, for
// MODE_SEND, how many pieces.
static void
serve(int fd, gpointer data)
{
    guint8 request[19];
    guint32 word;
    tune(fd);
    if (!fake_read(fd, request, sizeof request))
        return;
    memcpy(&word, request + 15, sizeof word);
    if ((word & 1) == MODE_ECHO)
        fake_echo(fd, NULL);
    else if (fake_write(fd, request, 1) && fake_read(fd, request, 1)) // ready? go!
        send_all(fd, (guint64)(word >> 1) * PIECE);
}

static int
open_stream(const Proxy *proxy, guint32 word)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons(proxy->port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    static const char cookie[] = "Cookie: msts=" TICKET "\r\n";
    gsize extra = proxy->ticket ? strlen(cookie) : 0, n = 19 + extra;
    guint8 request[128] = {3, 0, 0, (guint8)n, (guint8)(n - 5), 0xe0};
    const guint8 negotiation[4] = {1, 0, 8, 0};
    memcpy(request + 11, cookie, extra);
    memcpy(request + 11 + extra, negotiation, 4);
    memcpy(request + 15 + extra, &word, 4);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    tune(fd);
    if (connect(fd, (struct sockaddr *)&in, sizeof in) != 0 || !fake_write(fd, request, n))
        g_error("%s: cannot connect", proxy->name);
    return fd;
}

// ---- what a process has used ----

static double
cpu_seconds(const Proxy *proxy)
{
    clockid_t clock;
    struct timespec t = {0};
    if (proxy->pid == 0 || clock_getcpuclockid(proxy->pid, &clock) != 0)
        return 0;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
rss_kib(const Proxy *proxy)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/statm", proxy->pid);
    g_autofree char *text = NULL;
    long size = 0, rss = 0;
    if (proxy->pid == 0 || !g_file_get_contents(path, &text, NULL, NULL))
        return 0;
    sscanf(text, "%ld %ld", &size, &rss);
    return (double)rss * (double)sysconf(_SC_PAGESIZE) / 1024;
}

// ---- measurements ----

typedef struct {
    double cpu;  // seconds per GB
    double rate; // GB per second
} Bulk;

static Bulk
bulk(const Proxy *proxy, guint streams, double gb)
{
    guint32 pieces = (guint32)(gb * 1e9 / PIECE / streams);
    g_autofree int *fds = g_new(int, streams);
    char c;
    // Only the bytes are measured, not the making of the streams.
    for (guint i = 0; i < streams; i++) {
        fds[i] = open_stream(proxy, pieces << 1 | MODE_SEND);
        if (!fake_read(fds[i], &c, 1))
            g_error("%s: a stream ended", proxy->name);
    }
    double cpu = cpu_seconds(proxy);
    gint64 start = g_get_monotonic_time();
    for (guint i = 0; i < streams; i++)
        fake_write(fds[i], &c, 1);
    drain(fds, streams);
    double wall = (double)(g_get_monotonic_time() - start) / 1e6;
    double moved = (double)pieces * PIECE * streams / 1e9;
    return (Bulk){(cpu_seconds(proxy) - cpu) / moved, moved / wall};
}

// The best of some rounds: other work on the machine only ever adds.
static void
best_bulk(const Proxy *proxy, guint streams, double gb)
{
    Bulk best = {G_MAXDOUBLE, 0};
    for (guint i = 0; i < ROUNDS; i++) {
        Bulk one = bulk(proxy, streams, gb);
        best.cpu = MIN(best.cpu, one.cpu);
        best.rate = MAX(best.rate, one.rate);
    }
    if (proxy->pid == 0)
        printf("      -/%4.2f", best.rate);
    else
        printf("  %5.3f/%4.2f", best.cpu, best.rate);
    fflush(stdout);
}

static int
compare(const void *a, const void *b)
{
    gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;
    return (x > y) - (x < y);
}

static gint64
now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * G_GINT64_CONSTANT(1000000000) + t.tv_nsec;
}

// Sets *ret_p50 and *ret_p99 to microseconds.
static void
round_trips(const Proxy *proxy, double *ret_p50, double *ret_p99)
{
    static gint64 times[TRIPS];
    char message[64] = "x";
    int fd = open_stream(proxy, MODE_ECHO);
    for (guint i = 0; i < TRIPS; i++) {
        gint64 start = now_ns();
        if (!fake_write(fd, message, sizeof message) || !fake_read(fd, message, sizeof message))
            g_error("%s: the echo ended", proxy->name);
        times[i] = now_ns() - start;
    }
    close(fd);
    qsort(times, TRIPS, sizeof times[0], compare);
    *ret_p50 = (double)times[HALF] / 1e3;
    *ret_p99 = (double)times[MOST] / 1e3;
}

static void
best_round_trips(const Proxy *proxy)
{
    double p50 = G_MAXDOUBLE, p99 = G_MAXDOUBLE;
    for (guint i = 0; i < ROUNDS; i++) {
        double a = 0, b = 0;
        round_trips(proxy, &a, &b);
        p50 = MIN(p50, a);
        p99 = MIN(p99, b);
    }
    printf("  %6.1f  %6.1f\n", p50, p99);
}

static void
idle_memory(const Proxy *proxy)
{
    int fds[IDLE];
    char c = 'x';
    double before = rss_kib(proxy);
    for (guint i = 0; i < IDLE; i++) {
        fds[i] = open_stream(proxy, MODE_ECHO);
        if (!fake_write(fds[i], &c, 1) || !fake_read(fds[i], &c, 1))
            g_error("%s: the echo ended", proxy->name);
    }
    double each = (rss_kib(proxy) - before) / IDLE;
    for (guint i = 0; i < IDLE; i++)
        close(fds[i]);
    if (proxy->pid == 0)
        printf("       -");
    else
        printf("  %6.2f", each);
}

static void
measure(const Proxy *proxy, double gb)
{
    printf("%-16s", proxy->name);
    idle_memory(proxy); // first: memory that is kept for reuse would hide it
    for (guint i = 0; i < G_N_ELEMENTS(stream_counts); i++)
        best_bulk(proxy, stream_counts[i], gb);
    best_round_trips(proxy);
}

// ---- the proxies ----

static guint16
free_port(void)
{
    g_autoptr(FakeServer) server = fake_server_tcp(serve, NULL);
    return fake_server_port(server);
}

static pid_t
start(const char *const *argv, const char *log)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    if (freopen(log, "w", stderr) == NULL || freopen("/dev/null", "w", stdout) == NULL)
        _exit(126);
    execvp(argv[0], (char **)argv);
    _exit(127);
}

static void
wait_for_port(guint16 port)
{
    struct sockaddr_in in = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    for (guint i = 0; i < 1000; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        gboolean there = connect(fd, (struct sockaddr *)&in, sizeof in) == 0;
        close(fd);
        if (there)
            return;
        g_usleep(10000);
    }
    g_error("nothing listens on port %u", port);
}

static void
end(const Proxy *proxy)
{
    kill(proxy->pid, SIGTERM);
    waitpid(proxy->pid, NULL, 0);
}

static void
run_gate(const char *dir, const char *program, double gb)
{
    Proxy proxy = {.name = "deskgate", .port = free_port(), .ticket = TRUE};
    g_autofree char *config = g_build_filename(dir, "yundesk.conf", NULL);
    g_autofree char *log = g_build_filename(dir, "log", NULL);
    g_autofree char *text = g_strdup_printf(
        "[paths]\nstate=%s\nrun=%s\n[deskgate]\nlisten=127.0.0.1:%u\nworkers=1\ncongestion=reno\n"
        "opened_burst=1000000\nopened_per_second=1000000\nmax_unauthenticated_per_address=1000\n"
        "certificate=%s/gate.pem\nkey=%s/gate.key\n",
        dir, dir, proxy.port, dir, dir);
    g_file_set_contents(config, text, -1, NULL);
    const char *argv[] = {program, "--config", config, NULL};
    proxy.pid = start(argv, log);
    wait_for_port(proxy.port);
    measure(&proxy, gb);
    end(&proxy);
}

static void
run_haproxy(const char *dir, guint16 target, gboolean splice, double gb)
{
    Proxy proxy = {.name = splice ? "haproxy, splice" : "haproxy", .port = free_port()};
    g_autofree char *program = g_find_program_in_path("haproxy");
    g_autofree char *sbin = g_strdup("/usr/sbin/haproxy");
    if (program == NULL && g_file_test(sbin, G_FILE_TEST_IS_EXECUTABLE))
        program = g_steal_pointer(&sbin);
    if (program == NULL) {
        printf("%-16s  skipped: haproxy is not installed\n", proxy.name);
        return;
    }
    g_autofree char *config = g_build_filename(dir, "haproxy.cfg", NULL);
    g_autofree char *log = g_build_filename(dir, "log", NULL);
    g_autofree char *text = g_strdup_printf(
        "global\n nbthread 1\n maxconn 4000\ndefaults\n mode tcp\n timeout connect 5s\n"
        " timeout client 60s\n timeout server 60s\n%s"
        "listen l\n bind 127.0.0.1:%u\n server s 127.0.0.1:%u\n",
        splice ? " option splice-request\n option splice-response\n" : "", proxy.port, target);
    g_file_set_contents(config, text, -1, NULL);
    const char *argv[] = {program, "-db", "-f", config, NULL};
    proxy.pid = start(argv, log);
    wait_for_port(proxy.port);
    measure(&proxy, gb);
    end(&proxy);
}

static void
clean(const char *dir)
{
    const char *name;
    g_autoptr(GDir) open = g_dir_open(dir, 0, NULL);
    while ((name = g_dir_read_name(open)) != NULL) {
        g_autofree char *path = g_build_filename(dir, name, NULL);
        g_unlink(path);
    }
    g_rmdir(dir);
}

int
main(int argc, char **argv)
{
    double gb = argc > 1 ? g_ascii_strtod(argv[1], NULL) : 2;
    g_autofree char *here = g_path_get_dirname(argv[0]);
    g_autofree char *program = g_build_filename(here, "..", "src", "deskgate", "deskgate", NULL);
    g_autofree char *dir = g_dir_make_tmp("bench-gate-XXXXXX", NULL);
    g_autofree char *certificate = g_build_filename(dir, "gate.pem", NULL);
    g_autofree char *key = g_build_filename(dir, "gate.key", NULL);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    if (gb <= 0 || !g_file_test(program, G_FILE_TEST_IS_EXECUTABLE)) {
        fprintf(stderr, "usage: build/bench/bench-gate [GB]   (needs %s)\n", program);
        return 2;
    }
    gate_client_make_certificate(certificate, key);
    source_epoll = epoll_create1(EPOLL_CLOEXEC);
    g_thread_unref(g_thread_new("source", run_source, NULL));
    g_autoptr(FakeServer) target = fake_server_tcp(serve, NULL);
    g_autoptr(FakeDeskd) deskd = fake_deskd_new(dir);
    g_autofree char *where = fake_server_target(target);
    fake_deskd_ticket(deskd, TICKET, "rdp", "con-bench", where);
    printf("%.1f GB a cell, best of %d rounds; one proxy thread; reno; %u processors\n", gb, ROUNDS,
           g_get_num_processors());
    printf("%-16s  KiB per  CPU-s per GB / GB per s, streams    64 bytes, us\n", "");
    printf("%-16s    idle", "");
    for (guint i = 0; i < G_N_ELEMENTS(stream_counts); i++)
        printf("  %10u", stream_counts[i]);
    printf("  %6s  %6s\n", "p50", "p99");
    run_gate(dir, program, gb);
    run_haproxy(dir, fake_server_port(target), FALSE, gb);
    run_haproxy(dir, fake_server_port(target), TRUE, gb);
    const Proxy direct = {.name = "no proxy", .port = fake_server_port(target)};
    measure(&direct, gb);
    g_clear_pointer(&deskd, fake_deskd_free);
    clean(dir);
    return 0;
}
