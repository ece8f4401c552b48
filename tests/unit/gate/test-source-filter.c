// SPDX-License-Identifier: Apache-2.0
// The kernel's filter on a listening socket, with real packets on loopback.
#include "gate/source-filter.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static void
test_bytes(void)
{
    const char *const texts[] = {"192.0.2.7", "2001:db8::1", "nonsense", "", "10.0.0.1", NULL};
    static const guint8 v4[] = {192, 0, 2, 7, 10, 0, 0, 1};
    guint n = 0;
    g_autofree guint8 *four = yd_source_filter_bytes(AF_INET, texts, &n);
    g_assert_cmpmem(four, n * 4, v4, sizeof v4);
    g_autofree guint8 *six = yd_source_filter_bytes(AF_INET6, texts, &n);
    g_assert_cmpuint(n, ==, 1);
    g_assert_cmpuint(six[0], ==, 0x20);
    g_autofree guint8 *none = yd_source_filter_bytes(AF_INET, NULL, &n);
    g_assert_cmpuint(n, ==, 0);
}

static void
test_has(void)
{
    const char *const texts[] = {"192.0.2.7", "10.0.0.1", NULL};
    guint n = 0;
    g_autofree guint8 *bytes = yd_source_filter_bytes(AF_INET, texts, &n);
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    inet_pton(AF_INET, "10.0.0.1", &in.sin_addr);
    g_assert_true(yd_source_filter_has(AF_INET, bytes, n, (struct sockaddr *)&in));
    g_assert_false(yd_source_filter_has(AF_INET, bytes, 1, (struct sockaddr *)&in));
    g_assert_false(yd_source_filter_has(AF_INET, bytes, n, (struct sockaddr *)&in6));
    g_assert_false(yd_source_filter_has(AF_INET, bytes, 0, (struct sockaddr *)&in));
}

static int
listener(int family, struct sockaddr_storage *where, socklen_t *len)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    memset(where, 0, sizeof *where);
    where->ss_family = (sa_family_t)family;
    if (family == AF_INET6)
        ((struct sockaddr_in6 *)where)->sin6_addr = in6addr_loopback;
    else
        ((struct sockaddr_in *)where)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *len = family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (fd < 0 || bind(fd, (struct sockaddr *)where, *len) < 0 || listen(fd, 4) < 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    getsockname(fd, (struct sockaddr *)where, len);
    return fd;
}

// Whether a client gets through within that time; source NULL: as the kernel chooses.
static gboolean
reaches(const struct sockaddr_storage *where, socklen_t len, const char *source, guint ms)
{
    const struct timeval limit = {.tv_usec = ms * 1000};
    struct sockaddr_in from = {.sin_family = AF_INET};
    int fd = socket(where->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (source != NULL) {
        inet_pton(AF_INET, source, &from.sin_addr);
        g_assert_cmpint(bind(fd, (struct sockaddr *)&from, sizeof from), ==, 0);
    }
    gboolean there = connect(fd, (const struct sockaddr *)where, len) == 0;
    close(fd);
    return there;
}

static void
test_v4(void)
{
    const char *const first[] = {"127.0.0.9", "127.0.0.2", NULL}, *const other[] = {"127.0.0.3",
                                                                                    NULL};
    struct sockaddr_storage where;
    socklen_t len;
    guint n = 0;
    int fd = listener(AF_INET, &where, &len);
    g_autofree guint8 *a = yd_source_filter_bytes(AF_INET, first, &n);
    g_assert_true(yd_source_filter_attach(fd, AF_INET, a, n));
    g_assert_true(reaches(&where, len, "127.0.0.2", 900));
    g_assert_true(reaches(&where, len, "127.0.0.9", 900));
    g_assert_false(reaches(&where, len, "127.0.0.3", 200));
    g_autofree guint8 *b = yd_source_filter_bytes(AF_INET, other, &n);
    g_assert_true(yd_source_filter_attach(fd, AF_INET, b, n));
    g_assert_true(reaches(&where, len, "127.0.0.3", 900));
    g_assert_false(reaches(&where, len, "127.0.0.2", 200));
    yd_source_filter_detach(fd);
    g_assert_true(reaches(&where, len, "127.0.0.2", 900));
    close(fd);
}

static void
test_v6(void)
{
    // They differ in the last word only.
    const char *const me[] = {"::2", "::1", NULL}, *const other[] = {"::2", NULL};
    struct sockaddr_storage where;
    socklen_t len;
    guint n = 0;
    int fd = listener(AF_INET6, &where, &len);
    if (fd < 0) {
        g_test_skip("no IPv6 here");
        return;
    }
    g_autofree guint8 *a = yd_source_filter_bytes(AF_INET6, me, &n);
    g_assert_true(yd_source_filter_attach(fd, AF_INET6, a, n));
    g_assert_true(reaches(&where, len, NULL, 900));
    g_autofree guint8 *b = yd_source_filter_bytes(AF_INET6, other, &n);
    g_assert_true(yd_source_filter_attach(fd, AF_INET6, b, n));
    g_assert_false(reaches(&where, len, NULL, 200));
    close(fd);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/source-filter/bytes", test_bytes);
    g_test_add_func("/source-filter/has", test_has);
    g_test_add_func("/source-filter/v4", test_v4);
    g_test_add_func("/source-filter/v6", test_v6);
    return g_test_run();
}
