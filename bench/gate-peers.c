// SPDX-License-Identifier: Apache-2.0
// Each proxy is one process with one thread, so that seconds are seconds of one core.
#include "gate-peers.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fake-server.h"

#define CGROUPS "/sys/fs/cgroup/memory"
#define SCREEN_TICKET "Wench00000000000000000000000000000000000000"

static guint16
free_port(void)
{
    g_autoptr(FakeServer) server = fake_server_tcp(fake_echo, NULL);
    return fake_server_port(server);
}

// A memory cgroup of its own tells what the kernel keeps for a process; NULL where there is none.
static char *
make_group(const char *name)
{
    g_autofree char *path = g_strdup_printf(CGROUPS "/yundesk-bench-%d-%s", getpid(), name);
    return mkdir(path, 0755) == 0 ? g_steal_pointer(&path) : NULL;
}

static void
join_group(const char *group)
{
    char path[512];
    if (group == NULL)
        return;
    g_snprintf(path, sizeof path, "%s/cgroup.procs", group);
    int fd = open(path, O_WRONLY);
    if (fd < 0 || write(fd, "0", 1) < 0)
        _exit(125);
    close(fd);
}

static pid_t
start(const char *const *argv, const char *dir, const char *group)
{
    g_autofree char *log = g_build_filename(dir, "log", NULL);
    fflush(NULL);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    join_group(group);
    if (freopen(log, "a", stderr) == NULL || freopen("/dev/null", "w", stdout) == NULL)
        _exit(126);
    execv(argv[0], (char **)argv);
    _exit(127);
}

static void
wait_for_port(const Peer *peer)
{
    for (guint i = 0; i < 3000; i++) {
        g_autofree char *text = NULL;
        g_autofree char *listens = g_strdup_printf(":%04X 00000000:0000 0A", peer->port);
        if (g_file_get_contents("/proc/self/net/tcp", &text, NULL, NULL) &&
            strstr(text, listens) != NULL)
            return;
        if (waitpid(peer->pid, NULL, WNOHANG) != 0)
            g_error("%s ended at once", peer->name);
        g_usleep(10000);
    }
    g_error("%s does not listen on port %u", peer->name, peer->port);
}

static char *
find(const char *program)
{
    g_autofree char *sbin = g_build_filename("/usr/sbin", program, NULL);
    char *path = g_find_program_in_path(program);
    if (path == NULL && g_file_test(sbin, G_FILE_TEST_IS_EXECUTABLE))
        path = g_steal_pointer(&sbin);
    if (path == NULL)
        printf("(%s is not installed: left out)\n", program);
    return path;
}

static char *
write_file(const char *dir, const char *name, const char *text)
{
    char *path = g_build_filename(dir, name, NULL);
    g_autoptr(GError) error = NULL;
    if (!g_file_set_contents(path, text, -1, &error))
        g_error("%s", error->message);
    return path;
}

static void
launch(Peer *peer, const char *dir, const char *group, const char *const *argv)
{
    peer->group = make_group(group);
    peer->pid = start(argv, dir, peer->group);
    wait_for_port(peer);
}

void
peers_add_gate(GArray *peers, const PeerSetting *s)
{
    Peer rdp = {.name = "deskgate", .host = s->host, .port = free_port(), .way = LOAD_TICKET};
    g_autofree char *text = g_strdup_printf(
        "[paths]\nstate=%s\nrun=%s\n[deskgate]\nlisten=%s:%u\nworkers=1\nuser=root\ncongestion=%s\n"
        "certificate=%s/gate.pem\nkey=%s/gate.key\nmax_sockets=12000\n"
        "max_sockets_per_address=12000\nmax_sockets_per_session=12000\nopened_burst=1000000\n"
        "opened_per_second=1000000\nmax_unauthenticated_per_address=12000\n"
        "trusted_proxies=127.0.0.1\n",
        s->dir, s->dir, s->host != NULL ? s->host : "127.0.0.1", rdp.port,
        s->congestion != NULL ? s->congestion : "reno", s->dir, s->dir);
    g_autofree char *config = write_file(s->dir, "yundesk.conf", text);
    launch(&rdp, s->dir, "deskgate", (const char *const[]){s->deskgate, "--config", config, NULL});
    Peer web = rdp;
    web.name = "deskgate, TLS+WebSocket";
    web.way = LOAD_TLS_WEBSOCKET;
    web.path = "/connect/console?ticket=" SCREEN_TICKET;
    web.group = NULL;
    g_array_append_val(peers, rdp);
    g_array_append_val(peers, web);
    web.name = "deskgate, WebSocket";
    web.way = LOAD_WEBSOCKET;
    web.tls_before = TRUE;
    g_array_append_val(peers, web);
}

void
peers_add_haproxy(GArray *peers, const PeerSetting *s, gboolean splice)
{
    Peer peer = {.name = splice ? "haproxy, splice" : "haproxy", .port = free_port()};
    g_autofree char *program = find("haproxy");
    if (program == NULL)
        return;
    g_autofree char *text = g_strdup_printf(
        "global\n nbthread 1\n maxconn 7000\ndefaults\n mode tcp\n timeout connect 5s\n"
        " timeout client 600s\n timeout server 600s\n%s"
        "listen l\n bind 127.0.0.1:%u\n server s 127.0.0.1:%u\n",
        splice ? " option splice-request\n option splice-response\n" : "", peer.port, s->target);
    g_autofree char *config = write_file(s->dir, splice ? "splice.cfg" : "haproxy.cfg", text);
    launch(&peer, s->dir, splice ? "splice" : "haproxy",
           (const char *const[]){program, "-db", "-f", config, NULL});
    g_array_append_val(peers, peer);
}

void
peers_add_nginx(GArray *peers, const PeerSetting *s)
{
    static const char *const module = "/usr/lib/nginx/modules/ngx_stream_module.so";
    Peer peer = {.name = "nginx stream", .port = free_port()};
    Peer tls = {.name = "nginx stream, TLS", .port = free_port(), .way = LOAD_TLS};
    g_autofree char *program = find("nginx");
    if (program == NULL)
        return;
    if (!g_file_test(module, G_FILE_TEST_EXISTS)) {
        printf("(nginx has no stream module: left out)\n");
        return;
    }
    g_autofree char *text =
        g_strdup_printf("load_module %s;\ndaemon off;\nmaster_process off;\npid %s/nginx.pid;\n"
                        "error_log stderr crit;\nevents { worker_connections 16000; }\nstream {\n"
                        " proxy_buffer_size 64k;\n proxy_timeout 600s;\n"
                        " server { listen 127.0.0.1:%u backlog=4096; proxy_pass 127.0.0.1:%u; }\n"
                        " server { listen 127.0.0.1:%u ssl backlog=4096; proxy_pass 127.0.0.1:%u;\n"
                        "  ssl_certificate %s/gate.pem; ssl_certificate_key %s/gate.key;\n"
                        "  ssl_protocols TLSv1.2 TLSv1.3; }\n}\n",
                        module, s->dir, peer.port, s->target, tls.port, s->target, s->dir, s->dir);
    g_autofree char *config = write_file(s->dir, "nginx.conf", text);
    launch(&peer, s->dir, "nginx",
           (const char *const[]){program, "-e", "stderr", "-c", config, NULL});
    tls.pid = peer.pid;
    g_array_append_val(peers, peer);
    g_array_append_val(peers, tls);
}

void
peers_add_rinetd(GArray *peers, const PeerSetting *s)
{
    Peer peer = {.name = "rinetd", .host = s->host, .port = free_port()};
    g_autofree char *program = find("rinetd");
    if (program == NULL)
        return;
    g_autofree char *text = g_strdup_printf(
        "%s %u 127.0.0.1 %u\n", s->host != NULL ? s->host : "127.0.0.1", peer.port, s->target);
    g_autofree char *config = write_file(s->dir, "rinetd.conf", text);
    launch(&peer, s->dir, "rinetd", (const char *const[]){program, "-f", "-c", config, NULL});
    g_array_append_val(peers, peer);
}

void
peers_add_websockify(GArray *peers, const PeerSetting *s, gboolean tls)
{
    Peer peer = {.name = tls ? "websockify, TLS" : "websockify, no TLS",
                 .port = free_port(),
                 .way = tls ? LOAD_TLS_WEBSOCKET : LOAD_WEBSOCKET,
                 .path = "/",
                 .most = 50};
    g_autofree char *program = find("websockify");
    if (program == NULL)
        return;
    g_autofree char *from = g_strdup_printf("127.0.0.1:%u", peer.port);
    g_autofree char *to = g_strdup_printf("127.0.0.1:%u", s->target);
    g_autofree char *cert = g_strdup_printf("--cert=%s/gate.pem", s->dir);
    g_autofree char *key = g_strdup_printf("--key=%s/gate.key", s->dir);
    if (tls)
        launch(&peer, s->dir, "websockify-tls",
               (const char *const[]){program, cert, key, "--ssl-only", from, to, NULL});
    else
        launch(&peer, s->dir, "websockify", (const char *const[]){program, from, to, NULL});
    g_array_append_val(peers, peer);
}

void
peers_end(GArray *peers)
{
    for (guint i = 0; i < peers->len; i++) {
        Peer *peer = &g_array_index(peers, Peer, i);
        // Two ports of one process end once.
        if (peer->pid == 0 || waitpid(peer->pid, NULL, WNOHANG) != 0)
            continue;
        kill(peer->pid, SIGTERM);
        waitpid(peer->pid, NULL, 0);
        if (peer->group != NULL)
            g_rmdir(peer->group);
        g_clear_pointer(&peer->group, g_free);
    }
}

// ---- what they have used ----

static double
clock_of(pid_t pid)
{
    clockid_t clock;
    struct timespec t = {0};
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return 0;
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// Of children that have ended (proc(5), stat, fields 16 and 17).
static double
ended_children(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);
    g_autofree char *text = NULL;
    unsigned long user = 0, kernel = 0;
    if (!g_file_get_contents(path, &text, NULL, NULL) || strrchr(text, ')') == NULL)
        return 0;
    sscanf(strrchr(text, ')'), ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %lu %lu",
           &user, &kernel);
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

double
peer_cpu(const Peer *peer)
{
    if (peer->pid == 0)
        return 0;
    double sum = clock_of(peer->pid) + ended_children(peer->pid);
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/children", peer->pid, peer->pid);
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return sum;
    g_auto(GStrv) children = g_strsplit(g_strstrip(text), " ", -1);
    for (guint i = 0; children[i] != NULL; i++)
        if (children[i][0] != '\0')
            sum += clock_of(atoi(children[i]));
    return sum;
}

double
peer_user_kib(const Peer *peer)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", peer->pid);
    g_autofree char *text = NULL;
    const char *line = NULL;
    if (peer->pid != 0 && g_file_get_contents(path, &text, NULL, NULL))
        line = strstr(text, "RssAnon:");
    return line == NULL ? NAN : g_ascii_strtod(line + strlen("RssAnon:"), NULL);
}

double
peer_kernel_kib(const Peer *peer)
{
    g_autofree char *path = g_strdup_printf("%s/memory.kmem.usage_in_bytes", peer->group);
    g_autofree char *text = NULL;
    if (peer->group == NULL || !g_file_get_contents(path, &text, NULL, NULL))
        return NAN;
    return g_ascii_strtod(text, NULL) / 1024;
}
