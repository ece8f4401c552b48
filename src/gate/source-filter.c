// SPDX-License-Identifier: Apache-2.0
// A classic BPF program: loads the packet's source address relative to the network header, compares
// it with each of a few addresses, and takes or drops the packet.
#include "gate/source-filter.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <string.h>

#define TAKE 0xffffffffU
#define SOURCE_V4 12 // offset in the header, RFC 791 3.1
#define SOURCE_V6 8  // RFC 8200 3
#define WORDS_V6 4

static guint
size_of(int family)
{
    return family == AF_INET ? 4 : 16;
}

guint8 *
yd_source_filter_bytes(int family, const char *const *texts, guint *ret_n)
{
    guint size = size_of(family);
    GByteArray *bytes = g_byte_array_new();
    for (gsize i = 0; texts != NULL && texts[i] != NULL; i++) {
        guint8 address[16];
        if (inet_pton(family, texts[i], address) == 1)
            g_byte_array_append(bytes, address, size);
    }
    *ret_n = bytes->len / size;
    return g_byte_array_free(bytes, FALSE);
}

static guint32
word(const guint8 *bytes)
{
    guint32 value;
    memcpy(&value, bytes, sizeof value);
    return ntohl(value);
}

static void
add(GArray *program, guint16 code, guint8 otherwise, guint32 value)
{
    const struct sock_filter one = {.code = code, .jf = otherwise, .k = value};
    g_array_append_val(program, one);
}

// Load and compare word by word; the first that differs leads to the next address.
static void
add_address(GArray *program, int family, const guint8 *address)
{
    guint words = family == AF_INET ? 1 : WORDS_V6;
    guint32 offset = family == AF_INET ? SOURCE_V4 : SOURCE_V6;
    for (guint i = 0; i < words; i++) {
        add(program, BPF_LD | BPF_W | BPF_ABS, 0, (guint32)SKF_NET_OFF + offset + 4 * i);
        add(program, BPF_JMP | BPF_JEQ | BPF_K, (guint8)(2 * (words - i) - 1),
            word(address + 4 * i));
    }
    add(program, BPF_RET | BPF_K, 0, TAKE);
}

gboolean
yd_source_filter_attach(int fd, int family, const guint8 *addresses, guint n)
{
    g_autoptr(GArray) program = g_array_new(FALSE, FALSE, sizeof(struct sock_filter));
    for (guint i = 0; i < n; i++)
        add_address(program, family, addresses + (gsize)i * size_of(family));
    add(program, BPF_RET | BPF_K, 0, 0);
    const struct sock_fprog filter = {.len = (unsigned short)program->len,
                                      .filter = (struct sock_filter *)(void *)program->data};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0;
}

void
yd_source_filter_detach(int fd)
{
    const int none = 0;
    setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none);
}

gboolean
yd_source_filter_has(int family, const guint8 *addresses, guint n, const struct sockaddr *peer)
{
    guint size = size_of(family);
    const guint8 *address;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    if (peer->sa_family != family)
        return FALSE;
    if (family == AF_INET) {
        memcpy(&in, peer, sizeof in);
        address = (const guint8 *)&in.sin_addr;
    } else {
        memcpy(&in6, peer, sizeof in6);
        address = (const guint8 *)&in6.sin6_addr;
    }
    for (guint i = 0; i < n; i++)
        if (memcmp(addresses + (gsize)i * size, address, size) == 0)
            return TRUE;
    return FALSE;
}
