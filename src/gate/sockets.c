// SPDX-License-Identifier: Apache-2.0
// Makes, takes over and hands out listening sockets. Sockets of one address are one group: workers
// share them round and round, so their numbers need not be the same.
#include "gate/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "gate/target.h"

#define BACKLOG 1024
#define FIRST_FD 3 // SD_LISTEN_FDS_START

YdGateSockets *
yd_gate_sockets_new(void)
{
    YdGateSockets *sockets = g_new0(YdGateSockets, 1);
    sockets->fds = g_array_new(FALSE, FALSE, sizeof(int));
    return sockets;
}

void
yd_gate_sockets_free(YdGateSockets *sockets)
{
    if (sockets == NULL)
        return;
    for (guint i = 0; i < sockets->fds->len; i++)
        close(g_array_index(sockets->fds, int, i));
    g_array_unref(sockets->fds);
    g_free(sockets);
}

// ---- addresses ----

static gboolean
own_address(int fd, YdGateTarget *ret_address)
{
    ret_address->len = sizeof ret_address->address;
    return getsockname(fd, &ret_address->address.any, &ret_address->len) == 0;
}

static void
format(const YdGateTarget *address, char text[YD_GATE_ADDRESS_SIZE], guint16 *ret_port)
{
    yd_gate_address_format(&address->address.storage, text, ret_port);
}

// Port 0 fits every port.
static gboolean
same_address(const YdGateTarget *a, const YdGateTarget *b)
{
    char text_a[YD_GATE_ADDRESS_SIZE], text_b[YD_GATE_ADDRESS_SIZE];
    guint16 port_a = 0, port_b = 0;
    format(a, text_a, &port_a);
    format(b, text_b, &port_b);
    return a->address.any.sa_family == b->address.any.sa_family && strcmp(text_a, text_b) == 0 &&
           (port_a == port_b || port_a == 0 || port_b == 0);
}

static gboolean
has_address(int fd, const YdGateTarget *address)
{
    YdGateTarget own;
    return own_address(fd, &own) && same_address(&own, address);
}

// ---- handed over by the service manager ----

static gboolean
check_activated(int fd, const char *name, GError **error)
{
    YdGateTarget own;
    int listens = 0;
    socklen_t len = sizeof listens;
    if (g_strcmp0(name, YD_GATE_SOCKET_NAME) != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_INVALID,
                    "the service manager handed over a socket named \"%s\"; deskgate knows only "
                    "FileDescriptorName=" YD_GATE_SOCKET_NAME,
                    name != NULL ? name : "");
        return FALSE;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens &&
        own_address(fd, &own) &&
        (own.address.any.sa_family == AF_INET || own.address.any.sa_family == AF_INET6))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID,
                "descriptor %d, handed over by the service manager, is no listening TCP socket; "
                "write ListenStream= with a port into the socket unit",
                fd);
    return FALSE;
}

YdGateSockets *
yd_gate_sockets_from_environment(GError **error)
{
    g_autoptr(YdGateSockets) sockets = yd_gate_sockets_new();
    g_autofree char *names = g_strdup(g_getenv("LISTEN_FDNAMES"));
    const char *pid = g_getenv("LISTEN_PID"), *count = g_getenv("LISTEN_FDS");
    guint64 n = 0, own = 0;
    gboolean ours = pid != NULL && count != NULL &&
                    g_ascii_string_to_unsigned(pid, 10, 1, G_MAXINT32, &own, NULL) &&
                    own == (guint64)getpid() &&
                    g_ascii_string_to_unsigned(count, 10, 0, YD_GATE_SOCKETS_MAX, &n, NULL);
    g_unsetenv("LISTEN_PID");
    g_unsetenv("LISTEN_FDS");
    g_unsetenv("LISTEN_FDNAMES");
    if (!ours || n == 0)
        return g_steal_pointer(&sockets);
    g_auto(GStrv) parts = g_strsplit(names != NULL ? names : "", ":", -1);
    for (guint i = 0; i < n; i++) {
        int fd = FIRST_FD + (int)i;
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        if (!check_activated(fd, i < g_strv_length(parts) ? parts[i] : NULL, error))
            return NULL;
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        g_array_append_val(sockets->fds, fd);
    }
    sockets->activated = TRUE;
    return g_steal_pointer(&sockets);
}

// ---- bound here ----

static int
bind_fail(const char *text, int fd, GError **error)
{
    const char *hint = errno == EACCES
                           ? "; a port below 1024 needs the capability CAP_NET_BIND_SERVICE, or a "
                             "socket unit of the service manager"
                           : "";
    g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "cannot listen on %s: %s%s", text,
                g_strerror(errno), hint);
    if (fd >= 0)
        close(fd);
    return -1;
}

// A listening socket; the port of address is set when it was 0.
static int
bind_one(const char *text, YdGateTarget *address, GError **error)
{
    const int one = 1;
    struct sockaddr *any = &address->address.any;
    int fd = socket(any->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) < 0)
        return bind_fail(text, fd, error);
    if (any->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(fd, any, address->len) < 0 || listen(fd, BACKLOG) < 0)
        return bind_fail(text, fd, error);
    getsockname(fd, any, &address->len);
    return fd;
}

// SO_REUSEPORT would let a second gate of the same user share the port unnoticed: ask without it
// first.
static gboolean
is_free(const char *text, const YdGateTarget *address, GError **error)
{
    const int one = 1;
    const struct sockaddr *any = &address->address.any;
    int fd = socket(any->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && any->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        bind(fd, any, address->len) < 0) {
        bind_fail(text, fd, error);
        return FALSE;
    }
    close(fd);
    return TRUE;
}

static gboolean
bind_some(GArray *fds, const char *text, YdGateTarget *address, guint n, GError **error)
{
    if (!is_free(text, address, error))
        return FALSE;
    for (guint i = 0; i < n; i++) {
        int fd = bind_one(text, address, error);
        if (fd < 0)
            return FALSE;
        g_array_append_val(fds, fd);
    }
    return TRUE;
}

gboolean
yd_gate_sockets_open(YdGateSockets *sockets, char *const *listen, guint each_times, GError **error)
{
    if (sockets->activated)
        return TRUE;
    g_autoptr(YdGateSockets) wanted = yd_gate_sockets_new();
    for (guint i = 0; listen != NULL && listen[i] != NULL; i++) {
        YdGateTarget address;
        guint before = wanted->fds->len;
        if (!yd_gate_address_parse(listen[i], TRUE, &address, error))
            return FALSE;
        for (guint k = sockets->fds->len; k > 0; k--) {
            int fd = g_array_index(sockets->fds, int, k - 1);
            if (!has_address(fd, &address))
                continue;
            g_array_append_val(wanted->fds, fd);
            g_array_remove_index(sockets->fds, k - 1);
        }
        if (wanted->fds->len == before &&
            !bind_some(wanted->fds, listen[i], &address, each_times, error))
            return FALSE;
    }
    if (wanted->fds->len == 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_INVALID,
                    "[deskgate] listen= names no address; write for example listen=0.0.0.0:443");
        return FALSE;
    }
    // What is left in it is of no address any more, and goes with `wanted`.
    GArray *left = sockets->fds;
    sockets->fds = wanted->fds;
    wanted->fds = left;
    return TRUE;
}

// ---- giving out ----

GArray *
yd_gate_sockets_for_worker(const YdGateSockets *sockets, guint index, guint n_workers)
{
    GArray *mine = g_array_new(FALSE, FALSE, sizeof(int));
    g_autofree gboolean *seen = g_new0(gboolean, sockets->fds->len + 1);
    for (guint first = 0; first < sockets->fds->len; first++) {
        YdGateTarget address;
        g_autoptr(GArray) group = g_array_new(FALSE, FALSE, sizeof(int));
        if (seen[first] || !own_address(g_array_index(sockets->fds, int, first), &address))
            continue;
        for (guint i = first; i < sockets->fds->len; i++) {
            int fd = g_array_index(sockets->fds, int, i);
            if (seen[i] || !has_address(fd, &address))
                continue;
            seen[i] = TRUE;
            g_array_append_val(group, fd);
        }
        for (guint i = index; i < MAX(group->len, n_workers); i += n_workers) {
            int fd = fcntl(g_array_index(group, int, i % group->len), F_DUPFD_CLOEXEC, FIRST_FD);
            if (fd >= 0)
                g_array_append_val(mine, fd);
        }
    }
    return mine;
}

char *
yd_gate_sockets_describe(const YdGateSockets *sockets)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < sockets->fds->len; i++) {
        YdGateTarget address;
        char host[YD_GATE_ADDRESS_SIZE];
        guint16 port = 0;
        if (!own_address(g_array_index(sockets->fds, int, i), &address))
            continue;
        format(&address, host, &port);
        g_autofree char *one = strchr(host, ':') != NULL ? g_strdup_printf("[%s]:%u", host, port)
                                                         : g_strdup_printf("%s:%u", host, port);
        if (!g_ptr_array_find_with_equal_func(texts, one, g_str_equal, NULL))
            g_ptr_array_add(texts, g_steal_pointer(&one));
    }
    g_ptr_array_add(texts, NULL);
    return g_strjoinv(", ", (char **)texts->pdata);
}

guint16
yd_gate_sockets_port(const YdGateSockets *sockets)
{
    char host[YD_GATE_ADDRESS_SIZE];
    YdGateTarget address;
    guint16 port = 0;
    if (sockets->fds->len > 0 && own_address(g_array_index(sockets->fds, int, 0), &address))
        format(&address, host, &port);
    return port;
}
