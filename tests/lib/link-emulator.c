// SPDX-License-Identifier: Apache-2.0
// A network path for tests, where the kernel has no netem: two tun devices, one in the network
// namespace it was started in, one in a namespace of its own, and packets that it delays, drops and
// holds back in between. Real IP packets, so TCP on both sides sees real loss. It changes nothing
// else of either namespace, and all of it goes away with the process.
//
//   link-emulator [NEAR-ADDRESS FAR-ADDRESS [DEVICE]]    10.200.0.1 10.200.0.2 link0
//
// Prints "ready PID": `nsenter -t PID -n COMMAND` runs a command at the far end. Then takes lines
// on its standard input, each answered by "ok …" or "error …"; it ends with its input:
//   [up|down] [delay MS] [jitter MS] [loss PERCENT] [rate KBIT] [queue KIB] …
//       up: from the far end to the near one, for what follows; neither: both ways. What is not
//       named stays. rate 0: as fast as it goes; queue: how much waits for a slow rate before
//       packets are dropped
//   stats    "ok up PACKETS DROPPED down PACKETS DROPPED"
//   seed N   draws the same losses again
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOTS 16384 // packets under way in one direction; more are dropped
#define MTU 1500
#define BATCH 64
#define NS_PER_MS 1000000.0

typedef struct {
    gint64 due; // ns
    guint len;
    char data[MTU + 36];
} Packet;

typedef struct {
    const char *name;
    int from, to; // tun devices
    Packet *ring; // pages are touched only when used
    guint head, count;
    double delay_ms, jitter_ms, loss; // loss: share of packets
    double rate_kbit, queue_kib;      // rate 0: no limit
    gint64 free_at;                   // when the slow part of the path has sent what it has
    gint64 last_due;
    guint64 packets, dropped;
} Direction;

typedef struct {
    Direction ways[2];
    guint64 random;
    GString *input;
} Emulator;

static void
die(const char *what)
{
    fprintf(stderr, "link-emulator: %s: %s\n", what, g_strerror(errno));
    exit(1);
}

static gint64
now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (gint64)t.tv_sec * 1000000000 + t.tv_nsec;
}

// 0 … 1; xorshift64*, so that a seed draws the same again.
static double
draw(Emulator *e)
{
    e->random ^= e->random >> 12;
    e->random ^= e->random << 25;
    e->random ^= e->random >> 27;
    return (double)((e->random * 0x2545f4914f6cdd1dULL) >> 11) / 9007199254740992.0;
}

// ---- devices ----

static void
set_up(int sock, const char *device, int flag_call, const char *address)
{
    struct ifreq request = {0};
    g_strlcpy(request.ifr_name, device, sizeof request.ifr_name);
    struct sockaddr_in *in = (struct sockaddr_in *)&request.ifr_addr;
    in->sin_family = AF_INET;
    if (inet_pton(AF_INET, address, &in->sin_addr) != 1) {
        errno = EINVAL;
        die(address);
    }
    if (ioctl(sock, (unsigned long)flag_call, &request) < 0)
        die(address);
}

static int
open_tun(const char *device, const char *address, const char *peer)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    g_strlcpy(request.ifr_name, device, sizeof request.ifr_name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
        die("/dev/net/tun (needs root)");
    int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    set_up(sock, device, SIOCSIFADDR, address);
    set_up(sock, device, SIOCSIFDSTADDR, peer);
    struct ifreq up = {0};
    g_strlcpy(up.ifr_name, device, sizeof up.ifr_name);
    up.ifr_qlen = SLOTS;
    if (ioctl(sock, SIOCSIFTXQLEN, &up) < 0)
        die("length of the device's queue");
    up.ifr_flags = IFF_UP | IFF_RUNNING;
    if (ioctl(sock, SIOCSIFFLAGS, &up) < 0)
        die("device up");
    close(sock);
    return fd;
}

static void
loopback_up(void)
{
    struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sock < 0 || ioctl(sock, SIOCSIFFLAGS, &up) < 0)
        die("loopback of the far end");
    close(sock);
}

// ---- packets ----

static Packet *
slot(Direction *way, guint index)
{
    return &way->ring[(way->head + index) % SLOTS];
}

// Puts the packet that was read into the next free slot in line, or drops it.
static void
enqueue(Emulator *e, Direction *way, guint len, gint64 now)
{
    gint64 start = MAX(now, way->free_at);
    double waiting_bytes = (double)(start - now) * way->rate_kbit / 8e6;
    way->packets++;
    if ((way->loss > 0 && draw(e) < way->loss) ||
        (way->rate_kbit > 0 && waiting_bytes > way->queue_kib * 1024)) {
        way->dropped++;
        return;
    }
    if (way->rate_kbit > 0)
        way->free_at = start + (gint64)(len * 8e6 / way->rate_kbit);
    gint64 out = way->rate_kbit > 0 ? way->free_at : now;
    double late = way->delay_ms;
    if (way->jitter_ms > 0)
        late += way->jitter_ms * draw(e);
    Packet *packet = slot(way, way->count);
    packet->len = len;
    // Packets keep their order, as on most paths.
    packet->due = way->last_due = MAX(way->last_due, out + (gint64)(late * NS_PER_MS));
    way->count++;
}

static void
take_packets(Emulator *e, Direction *way, gint64 now)
{
    for (guint i = 0; i < BATCH; i++) {
        char spill[MTU + 36];
        gboolean full = way->count == SLOTS;
        char *into = full ? spill : slot(way, way->count)->data;
        gssize n = read(way->from, into, sizeof spill);
        if (n <= 0)
            return;
        if (full) {
            way->packets++;
            way->dropped++;
        } else {
            enqueue(e, way, (guint)n, now);
        }
    }
}

static void
give_packets(Direction *way, gint64 now)
{
    for (guint i = 0; i < BATCH && way->count > 0 && slot(way, 0)->due <= now; i++) {
        Packet *packet = slot(way, 0);
        // A device that is down or full drops it, as a wire would.
        G_GNUC_UNUSED gssize n = write(way->to, packet->data, packet->len);
        way->head = (way->head + 1) % SLOTS;
        way->count--;
    }
}

// ---- the lines ----

static double *
parameter(Direction *way, const char *name)
{
    struct {
        const char *name;
        double *value;
    } all[] = {
        {"delay", &way->delay_ms}, {"jitter", &way->jitter_ms}, {"loss", &way->loss},
        {"rate", &way->rate_kbit}, {"queue", &way->queue_kib},
    };
    for (guint i = 0; i < G_N_ELEMENTS(all); i++)
        if (g_str_equal(all[i].name, name))
            return all[i].value;
    return NULL;
}

// The number in text for a parameter; FALSE when it is none that fits.
static gboolean
read_value(const char *name, const char *text, double *ret_value)
{
    char *end;
    double value = g_ascii_strtod(text, &end);
    if (*text == '\0' || *end != '\0' || !(value >= 0 && value <= 1e9))
        return FALSE;
    if (g_str_equal(name, "loss") && value > 100)
        return FALSE;
    *ret_value = g_str_equal(name, "loss") ? value / 100 : value;
    return TRUE;
}

// Goes through the words, and changes what they say when apply is set; FALSE at what is wrong.
static gboolean
take_words(Emulator *e, char **words, gboolean apply)
{
    gboolean up = TRUE, down = TRUE;
    for (char **w = words; *w != NULL; w++) {
        double value;
        if (g_str_equal(*w, "up") || g_str_equal(*w, "down")) {
            up = g_str_equal(*w, "up");
            down = !up;
            continue;
        }
        if (!parameter(&e->ways[0], w[0]) || !w[1] || !read_value(w[0], w[1], &value)) {
            printf("error \"%s %s\": delay MS, jitter MS, loss PERCENT, rate KBIT or queue KIB\n",
                   w[0], w[1] ? w[1] : "");
            return FALSE;
        }
        if (apply && up)
            *parameter(&e->ways[0], w[0]) = value;
        if (apply && down)
            *parameter(&e->ways[1], w[0]) = value;
        w++;
    }
    return TRUE;
}

static void
change(Emulator *e, char **words)
{
    if (take_words(e, words, FALSE) && take_words(e, words, TRUE))
        printf("ok\n");
}

static void
obey(Emulator *e, const char *line)
{
    g_auto(GStrv) words = g_strsplit_set(line, " \t\r", -1);
    guint n = 0;
    for (guint i = 0; words[i] != NULL; i++) // without the empty ones
        if (*words[i] != '\0')
            words[n++] = words[i];
        else
            g_free(words[i]);
    words[n] = NULL;
    if (n == 0)
        return;
    if (g_str_equal(words[0], "stats")) {
        printf("ok up %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " down %" G_GUINT64_FORMAT
               " %" G_GUINT64_FORMAT "\n",
               e->ways[0].packets, e->ways[0].dropped, e->ways[1].packets, e->ways[1].dropped);
    } else if (g_str_equal(words[0], "seed") && words[1] != NULL) {
        e->random = g_ascii_strtoull(words[1], NULL, 10) * 0x9e3779b97f4a7c15ULL | 1;
        printf("ok\n");
    } else {
        change(e, words);
    }
}

// FALSE at the end of the input.
static gboolean
read_lines(Emulator *e)
{
    char data[4096];
    gssize n = read(STDIN_FILENO, data, sizeof data);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    g_string_append_len(e->input, data, n);
    for (char *end; (end = strchr(e->input->str, '\n')) != NULL;) {
        *end = '\0';
        obey(e, e->input->str);
        g_string_erase(e->input, 0, end - e->input->str + 1);
    }
    fflush(stdout);
    return TRUE;
}

// Until the next packet is due; NULL: nothing is under way.
static struct timespec *
until_next(Emulator *e, struct timespec *time)
{
    gint64 next = G_MAXINT64;
    for (guint i = 0; i < 2; i++)
        if (e->ways[i].count > 0)
            next = MIN(next, slot(&e->ways[i], 0)->due);
    if (next == G_MAXINT64)
        return NULL;
    gint64 left = next - now_ns();
    left = MAX(left, 0);
    *time = (struct timespec){left / 1000000000, left % 1000000000};
    return time;
}

static void
run(Emulator *e)
{
    for (;;) {
        struct timespec time;
        struct pollfd fds[3] = {
            {STDIN_FILENO, POLLIN, 0}, {e->ways[0].from, POLLIN, 0}, {e->ways[1].from, POLLIN, 0}};
        if (ppoll(fds, 3, until_next(e, &time), NULL) < 0 && errno != EINTR)
            die("ppoll");
        gint64 now = now_ns();
        for (guint i = 0; i < 2; i++) {
            if (fds[i + 1].revents != 0)
                take_packets(e, &e->ways[i], now);
            give_packets(&e->ways[i], now);
        }
        if (fds[0].revents != 0 && !read_lines(e))
            return;
    }
}

int
main(int argc, char **argv)
{
    const char *near = argc > 2 ? argv[1] : "10.200.0.1";
    const char *far = argc > 2 ? argv[2] : "10.200.0.2";
    const char *device = argc > 3 ? argv[3] : "link0";
    Emulator e = {.ways = {{.name = "up"}, {.name = "down"}}, .random = 1};
    if (argc == 2 || argc > 4) {
        fprintf(stderr, "usage: link-emulator [NEAR-ADDRESS FAR-ADDRESS [DEVICE]]\n");
        return 2;
    }
    e.input = g_string_new(NULL);
    // Before the namespace changes: ppoll is to be as exact as the kernel can.
    prctl(PR_SET_TIMERSLACK, 1UL);
    // On a busy machine the path must not be slower than it was told to be; ignoring that it may be
    // refused.
    struct sched_param first = {.sched_priority = 1};
    sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &first);
    e.ways[1].from = e.ways[0].to = open_tun(device, near, far);
    if (unshare(CLONE_NEWNET) < 0)
        die("cannot make a network namespace (needs root)");
    loopback_up();
    e.ways[0].from = e.ways[1].to = open_tun(device, far, near);
    for (guint i = 0; i < 2; i++) {
        e.ways[i].ring = g_new(Packet, SLOTS);
        e.ways[i].queue_kib = 256;
    }
    printf("ready %d\n", (int)getpid());
    fflush(stdout);
    run(&e);
    g_string_free(e.input, TRUE);
    for (guint i = 0; i < 2; i++)
        g_free(e.ways[i].ring);
    return 0;
}
