// SPDX-License-Identifier: Apache-2.0
// Records who speaks with whom on a network device, for tests that show what does not: an AF_PACKET
// socket sees every packet that comes or goes there, whatever filters and routes say.
//
//   packet-watch DEVICE [PCAP-FILE]
//
// Prints "ready", then, at the end of its standard input, a line for each flow of IPv4 and IPv6:
//   {"protocol":"tcp","from":"10.0.0.1","port":443,"to":"10.0.0.2","to_port":50112,"packets":7,
//    "bytes":1234,"opened":1}
// bytes: payload of TCP and UDP, as the packets' own lengths say; opened: packets with SYN and ACK,
// by which a TCP port says that it is there. "lost" on the last line counts what the kernel dropped
// before it was read. The file gets the packets as tcpdump would write them (libpcap's format).
#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SNAP 65535
#define RECEIVE_BUFFER (64 * 1024 * 1024)

typedef struct {
    guint64 packets, bytes, opened;
} Flow;

typedef struct {
    int fd;
    FILE *file; // NULL: none
    GHashTable *flows;
    guint8 data[SNAP];
} Watch;

// What of a packet names its flow; offsets are checked against len.
typedef struct {
    guint8 protocol;
    char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
    const guint8 *rest; // behind the IP header
    gsize len;          // of the rest
} Packet;

static gboolean
read_ip(const guint8 *data, gsize len, Packet *packet)
{
    if (len < sizeof(struct ether_header) + sizeof(struct iphdr))
        return FALSE;
    guint16 type = (guint16)(data[12] << 8 | data[13]);
    data += sizeof(struct ether_header);
    len -= sizeof(struct ether_header);
    if (type == ETHERTYPE_IP) {
        gsize header = (gsize)(data[0] & 15) * 4, total = (gsize)(data[2] << 8 | data[3]);
        // Segments that the kernel has yet to cut may be longer than the field can say.
        total = total == 0 ? len : MIN(total, len);
        if (total < header)
            return FALSE;
        packet->protocol = data[9];
        inet_ntop(AF_INET, data + 12, packet->from, sizeof packet->from);
        inet_ntop(AF_INET, data + 16, packet->to, sizeof packet->to);
        packet->rest = data + header;
        packet->len = total - header;
        return TRUE;
    }
    if (type != ETHERTYPE_IPV6 || len < sizeof(struct ip6_hdr))
        return FALSE;
    packet->protocol = data[6];
    inet_ntop(AF_INET6, data + 8, packet->from, sizeof packet->from);
    inet_ntop(AF_INET6, data + 24, packet->to, sizeof packet->to);
    packet->rest = data + sizeof(struct ip6_hdr);
    packet->len = len - sizeof(struct ip6_hdr);
    return TRUE;
}

static const char *
protocol_name(guint8 protocol)
{
    return protocol == IPPROTO_TCP      ? "tcp"
           : protocol == IPPROTO_UDP    ? "udp"
           : protocol == IPPROTO_ICMP   ? "icmp"
           : protocol == IPPROTO_ICMPV6 ? "icmpv6"
                                        : "other";
}

static void
count(Watch *watch, const Packet *packet)
{
    guint from = 0, to = 0;
    gsize header = packet->len;
    gboolean opened = FALSE;
    if (packet->protocol == IPPROTO_TCP && packet->len >= sizeof(struct tcphdr)) {
        header = MIN((gsize)(packet->rest[12] >> 4) * 4, packet->len);
        opened = (packet->rest[13] & (TH_SYN | TH_ACK)) == (TH_SYN | TH_ACK);
    } else if (packet->protocol == IPPROTO_UDP && packet->len >= 8) {
        header = 8;
    }
    if (header < packet->len || opened || packet->protocol == IPPROTO_TCP ||
        packet->protocol == IPPROTO_UDP) {
        from = packet->len >= 4 ? (guint)(packet->rest[0] << 8 | packet->rest[1]) : 0;
        to = packet->len >= 4 ? (guint)(packet->rest[2] << 8 | packet->rest[3]) : 0;
    }
    g_autofree char *key = g_strdup_printf(
        "\"protocol\":\"%s\",\"from\":\"%s\",\"port\":%u,\"to\":\"%s\",\"to_port\":%u",
        protocol_name(packet->protocol), packet->from, from, packet->to, to);
    Flow *flow = g_hash_table_lookup(watch->flows, key);
    if (flow == NULL) {
        flow = g_new0(Flow, 1);
        g_hash_table_insert(watch->flows, g_steal_pointer(&key), flow);
    }
    flow->packets++;
    flow->bytes += packet->len - header;
    flow->opened += opened;
}

// libpcap's format: a header once, a header for each packet (linktype 1, Ethernet).
static void
keep(const Watch *watch, gsize len)
{
    gint64 now = g_get_real_time();
    guint32 head[4] = {(guint32)(now / G_USEC_PER_SEC), (guint32)(now % G_USEC_PER_SEC),
                       (guint32)len, (guint32)len};
    fwrite(head, sizeof head, 1, watch->file);
    fwrite(watch->data, len, 1, watch->file);
}

static void
take_all(Watch *watch)
{
    for (;;) {
        gssize n = recv(watch->fd, watch->data, sizeof watch->data, MSG_DONTWAIT);
        Packet packet = {0};
        if (n < 0 && errno != EINTR)
            return;
        if (n > 0 && watch->file != NULL)
            keep(watch, (gsize)n);
        if (n > 0 && read_ip(watch->data, (gsize)n, &packet))
            count(watch, &packet);
    }
}

static void
tell(const Watch *watch)
{
    GHashTableIter iter;
    gpointer key, value;
    struct tpacket_stats lost = {0};
    socklen_t len = sizeof lost;
    getsockopt(watch->fd, SOL_PACKET, PACKET_STATISTICS, &lost, &len);
    g_hash_table_iter_init(&iter, watch->flows);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        const Flow *flow = value;
        printf("{%s,\"packets\":%" G_GUINT64_FORMAT ",\"bytes\":%" G_GUINT64_FORMAT
               ",\"opened\":%" G_GUINT64_FORMAT "}\n",
               (const char *)key, flow->packets, flow->bytes, flow->opened);
    }
    printf("{\"lost\":%u}\n", lost.tp_drops);
}

static int
open_device(const char *name)
{
    const int buffer = RECEIVE_BUFFER;
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    address.sll_ifindex = (int)if_nametoindex(name);
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    if (fd < 0 || address.sll_ifindex == 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        fprintf(stderr, "packet-watch: %s: %s\n", name, strerror(errno));
        exit(1);
    }
    return fd;
}

static FILE *
open_file(const char *path)
{
    const guint32 head[6] = {0xa1b2c3d4, 0x00040002, 0, 0, SNAP, 1};
    FILE *file = fopen(path, "we");
    if (file == NULL || fwrite(head, sizeof head, 1, file) != 1) {
        fprintf(stderr, "packet-watch: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    return file;
}

int
main(int argc, char **argv)
{
    static Watch watch;
    char ignored[256];
    if (argc < 2) {
        fprintf(stderr, "usage: packet-watch DEVICE [PCAP-FILE]\n");
        return 2;
    }
    watch.fd = open_device(argv[1]);
    watch.file = argc > 2 ? open_file(argv[2]) : NULL;
    watch.flows = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    puts("ready");
    fflush(stdout);
    struct pollfd polled[] = {{watch.fd, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    for (;;) {
        if (poll(polled, G_N_ELEMENTS(polled), -1) < 0 && errno != EINTR)
            return 1;
        take_all(&watch);
        if (polled[1].revents != 0 && read(STDIN_FILENO, ignored, sizeof ignored) <= 0)
            break;
    }
    tell(&watch);
    if (watch.file != NULL)
        fclose(watch.file);
    g_hash_table_unref(watch.flows);
    close(watch.fd);
    return 0;
}
