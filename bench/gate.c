// SPDX-License-Identifier: Apache-2.0
// What the gate costs, beside other proxies and no proxy at all, in one run over loopback. Each
// proxy is one thread. All are measured in turn, again and again, and medians are told: so the load
// of other work hits all alike. As root it runs in a network namespace of its own with reno,
// because bbr paces loopback and packet filters cost time there. Run: build/bench/bench-gate [GB
// [PART…]], GB for each cell; parts: memory bulk latency office web
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake-deskd.h"
#include "gate-client.h"
#include "gate-measure.h"
#include "gate-peers.h"

#define ROUNDS 5
#define TRIPS 2000      // in each round
#define FIRST_BYTES 100 // likewise
#define ADMISSIONS 640  // likewise
#define IDLE 5000
#define SEATS 1000
#define OFFICE_SECONDS 3

static const guint stream_counts[] = {1, 50, 500};

#define N_COUNTS G_N_ELEMENTS(stream_counts)

typedef struct {
    GArray *bulk[N_COUNTS]; // of double, as all of these
    GArray *trips, *first, *admit_cpu, *admit_rate;
    GArray *office_core, *office_rate, *office_p50, *office_p99;
    Memory memory;
} Row;

static GArray *
values_new(void)
{
    return g_array_new(FALSE, FALSE, sizeof(double));
}

static void
add(GArray *values, double value)
{
    g_array_append_val(values, value);
}

static Row
row_new(void)
{
    Row row = {.memory = {NAN, NAN}};
    for (guint i = 0; i < N_COUNTS; i++)
        row.bulk[i] = values_new();
    row.trips = values_new();
    row.first = values_new();
    row.admit_cpu = values_new();
    row.admit_rate = values_new();
    row.office_core = values_new();
    row.office_rate = values_new();
    row.office_p50 = values_new();
    row.office_p99 = values_new();
    return row;
}

static gboolean
is_web(const Peer *peer)
{
    return peer->way != LOAD_PLAIN && peer->way != LOAD_TICKET;
}

static void
say(const char *what)
{
    fprintf(stderr, "%s …\n", what);
}

// ---- the parts ----

static void
run_memory(const GArray *peers, Row *rows)
{
    say("memory");
    for (guint i = 0; i < peers->len; i++) {
        const Peer *peer = &g_array_index(peers, Peer, i);
        if (!is_web(peer))
            rows[i].memory = measure_memory(peer, IDLE);
    }
}

static void
run_bulk(const GArray *peers, Row *rows, double gb, gboolean web)
{
    say(web ? "bulk, TLS and WebSocket" : "bulk");
    for (guint round = 0; round < ROUNDS; round++)
        for (guint c = 0; c < N_COUNTS; c++)
            for (guint i = 0; i < peers->len; i++) {
                const Peer *peer = &g_array_index(peers, Peer, i);
                if (is_web(peer) == web && (peer->most == 0 || peer->most >= stream_counts[c]))
                    add(rows[i].bulk[c], measure_bulk(peer, stream_counts[c], gb));
            }
}

static void
run_latency(const GArray *peers, Row *rows)
{
    say("latency, new connections");
    for (guint round = 0; round < ROUNDS * 4; round++)
        for (guint i = 0; i < peers->len; i++) {
            const Peer *peer = &g_array_index(peers, Peer, i);
            if (is_web(peer))
                continue;
            measure_trips(peer, TRIPS / 4, rows[i].trips);
            measure_first_byte(peer, FIRST_BYTES / 4, rows[i].first);
            if (round % 4 != 0)
                continue;
            Admissions a = measure_admissions(peer, ADMISSIONS);
            add(rows[i].admit_cpu, a.cpu);
            add(rows[i].admit_rate, a.rate);
        }
}

static void
run_office(const GArray *peers, Row *rows)
{
    say("office");
    for (guint round = 0; round < 3; round++)
        for (guint i = 0; i < peers->len; i++) {
            const Peer *peer = &g_array_index(peers, Peer, i);
            if (is_web(peer))
                continue;
            Office office = measure_office(peer, SEATS, OFFICE_SECONDS);
            add(rows[i].office_core, office.core * 100);
            add(rows[i].office_rate, office.messages);
            add(rows[i].office_p50, office.p50);
            add(rows[i].office_p99, office.p99);
        }
}

// ---- the table ----

// A number in so many columns, or a dash.
static void
cell(int width, int digits, double value)
{
    if (isnan(value))
        printf(" %*s", width, "-");
    else
        printf(" %*.*f", width, digits, value);
}

static void
print_plain(const GArray *peers, Row *rows)
{
    printf("%-17s %-20s %-14s %-8s %-13s %-14s %s\n", "", "CPU-s per GB", "64 bytes, us",
           "1st byte", "new", "KiB idle", "office");
    printf("%-17s %6u %6u %6u %6s %7s %8s %6s %6s %6s %7s %6s %6s %7s %8s\n", "", 1, 50, 500, "p50",
           "p99", "us", "us CPU", "a sec", "own", "kernel", "core %", "msg/s", "p50", "p99");
    for (guint i = 0; i < peers->len; i++) {
        const Peer *peer = &g_array_index(peers, Peer, i);
        Row *row = &rows[i];
        if (is_web(peer))
            continue;
        printf("%-17s", peer->name);
        for (guint c = 0; c < N_COUNTS; c++)
            cell(6, 3, peer->pid == 0 ? NAN : quantile(row->bulk[c], 0.5));
        cell(6, 1, quantile(row->trips, 0.5));
        cell(7, 1, quantile(row->trips, 0.99));
        cell(8, 0, quantile(row->first, 0.5));
        cell(6, 0, peer->pid == 0 ? NAN : quantile(row->admit_cpu, 0.5));
        cell(6, 0, quantile(row->admit_rate, 0.5));
        cell(6, 2, row->memory.user);
        cell(7, 2, row->memory.kernel);
        cell(6, 1, peer->pid == 0 ? NAN : quantile(row->office_core, 0.5));
        cell(6, 0, quantile(row->office_rate, 0.5));
        cell(7, 0, quantile(row->office_p50, 0.5));
        cell(8, 0, quantile(row->office_p99, 0.5));
        printf("\n");
    }
}

static void
print_web(const GArray *peers, Row *rows)
{
    printf("\n%-24s CPU-s per GB\n%-24s %6u %6u %6u\n", "", "", 1, 50, 500);
    for (guint i = 0; i < peers->len; i++) {
        const Peer *peer = &g_array_index(peers, Peer, i);
        if (!is_web(peer))
            continue;
        printf("%-24s", peer->name);
        for (guint c = 0; c < N_COUNTS; c++)
            cell(6, 3, quantile(rows[i].bulk[c], 0.5));
        printf("\n");
    }
}

// ---- the surroundings ----

static gboolean
write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    gboolean written = fd >= 0 && write(fd, text, strlen(text)) > 0;
    if (fd >= 0)
        close(fd);
    return written;
}

static void
isolate(void)
{
    struct ifreq lo = {.ifr_name = "lo"};
    if (unshare(CLONE_NEWNET) < 0) {
        printf("(not root: this machine's own loopback and congestion control)\n");
        return;
    }
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    lo.ifr_flags = IFF_UP | IFF_RUNNING;
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0 ||
        !write_text("/proc/sys/net/ipv4/tcp_congestion_control", "reno"))
        g_error("cannot set up a network namespace: %s", g_strerror(errno));
    close(fd);
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

static FakeDeskd *
start_deskd(const char *dir, guint16 target)
{
    FakeDeskd *deskd = fake_deskd_new(dir);
    g_autofree char *where = g_strdup_printf("tcp:127.0.0.1:%u", target);
    g_autofree char *screen = g_strdup("Bench00000000000000000000000000000000000000");
    for (guint i = 0; i < IDLE; i++) {
        g_autofree char *ticket = load_ticket(i);
        g_autofree char *session = g_strdup_printf("con-%08u", i);
        fake_deskd_ticket(deskd, ticket, "rdp", session, where);
    }
    screen[0] = 'W';
    fake_deskd_ticket(deskd, screen, "console", "con-screen", where);
    return deskd;
}

static GArray *
start_peers(const PeerSetting *setting, gboolean web)
{
    GArray *peers = g_array_new(FALSE, TRUE, sizeof(Peer));
    const Peer direct = {.name = "no proxy", .port = setting->target};
    peers_add_gate(peers, setting);
    peers_add_haproxy(peers, setting, FALSE);
    peers_add_haproxy(peers, setting, TRUE);
    peers_add_nginx(peers, setting);
    peers_add_rinetd(peers, setting);
    if (web) {
        peers_add_websockify(peers, setting, TRUE);
        peers_add_websockify(peers, setting, FALSE);
    }
    g_array_append_val(peers, direct);
    return peers;
}

static void
run(const PeerSetting *setting, double gb, const char *const *parts)
{
    gboolean all = parts[0] == NULL;
    gboolean web = all || g_strv_contains(parts, "web");
    g_autoptr(GArray) peers = start_peers(setting, web);
    g_autofree Row *rows = g_new(Row, peers->len);
    for (guint i = 0; i < peers->len; i++)
        rows[i] = row_new();
    if (all || g_strv_contains(parts, "memory")) // first: memory kept for reuse would hide it
        run_memory(peers, rows);
    if (all || g_strv_contains(parts, "bulk"))
        run_bulk(peers, rows, gb, FALSE);
    if (all || g_strv_contains(parts, "latency"))
        run_latency(peers, rows);
    if (all || g_strv_contains(parts, "office"))
        run_office(peers, rows);
    double loads[3] = {0};
    getloadavg(loads, 3);
    printf("%.2f GB a cell, medians of %d rounds; load %.1f on %u processors\n", gb, ROUNDS,
           loads[1], g_get_num_processors());
    print_plain(peers, rows);
    fflush(stdout);
    if (web) {
        run_bulk(peers, rows, gb, TRUE);
        print_web(peers, rows);
    }
    peers_end(peers);
}

int
main(int argc, char **argv)
{
    double gb = argc > 1 ? g_ascii_strtod(argv[1], NULL) : 0.5;
    g_autofree char *here = g_path_get_dirname(argv[0]);
    g_autofree char *program = g_build_filename(here, "..", "src", "deskgate", "deskgate", NULL);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    if (gb <= 0 || !g_file_test(program, G_FILE_TEST_IS_EXECUTABLE)) {
        fprintf(stderr, "usage: build/bench/bench-gate [GB [PART...]]   (needs %s)\n", program);
        return 2;
    }
    isolate();
    g_autofree char *dir = g_dir_make_tmp("bench-gate-XXXXXX", NULL);
    g_autofree char *certificate = g_build_filename(dir, "gate.pem", NULL);
    g_autofree char *key = g_build_filename(dir, "gate.key", NULL);
    gate_client_make_certificate(certificate, key);
    const PeerSetting setting = {.dir = dir, .deskgate = program, .target = load_target_start()};
    g_autoptr(FakeDeskd) deskd = start_deskd(dir, setting.target);
    const char *none[] = {NULL};
    run(&setting, gb, argc > 2 ? (const char *const *)argv + 2 : none);
    g_clear_pointer(&deskd, fake_deskd_free);
    clean(dir);
    return 0;
}
