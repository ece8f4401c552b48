// SPDX-License-Identifier: Apache-2.0
// Listeners by port. Who may come is asked three times: by the kernel (source-filter), here at
// accept, and by deskd before a byte is relayed.
#include "gate/fixed-ports.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "gate/source-filter.h"
#include "gate/target.h"

#define BACKLOG 32
#define ACCEPT_BATCH 16

typedef struct {
    YdGateWatch watch; // fd -1: not open, to be tried again
    YdGatePorts *ports;
    guint16 port;
    YdGateTarget address; // with the port
    guint8 *sources;      // of the address's family
    guint n_sources;
    gboolean complained;
} Listener;

struct YdGatePorts {
    const YdGateConfig *config;
    YdGateLoop *loop;
    YdGatePortFunc func;
    gpointer data;
    GPtrArray *listeners; // of Listener
    GPtrArray *dead;      // an event of this round may still point to them
};

static void
close_listener(Listener *l)
{
    if (l->watch.fd < 0)
        return;
    yd_gate_loop_unwatch(l->ports->loop, &l->watch);
    close(g_steal_fd(&l->watch.fd));
}

// ---- accepting ----

static void
refuse(int fd)
{
    const struct linger at_once = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once); // a reset, no farewell
    close(fd);
}

static void
accept_some(YdGateWatch *watch, guint32 events)
{
    Listener *l = watch->owner;
    for (guint i = 0; i < ACCEPT_BATCH && l->watch.fd >= 0; i++) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof peer;
        int fd = accept4(watch->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            close_listener(l); // no descriptor is left, say: tried again at the next tick
        if (fd < 0)
            return;
        yd_source_filter_detach(fd);
        if (yd_source_filter_has(l->address.address.any.sa_family, l->sources, l->n_sources,
                                 (struct sockaddr *)&peer))
            l->ports->func(fd, &peer, l->port, l->ports->data);
        else
            refuse(fd);
    }
}

// ---- opening and closing ----

static gboolean
fail(Listener *l, int fd, const char *what)
{
    if (!l->complained)
        yd_log(G_LOG_LEVEL_MESSAGE, NULL,
               "the fixed port %u cannot be opened, trying again each second: %s: %s", l->port,
               what, g_strerror(errno));
    l->complained = TRUE;
    if (fd >= 0)
        close(fd);
    return FALSE;
}

// The filter is there before the first client can be.
static gboolean
open_listener(Listener *l)
{
    const int one = 1;
    const struct sockaddr *any = &l->address.address.any;
    int fd = socket(any->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(l, fd, "socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (any->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    yd_source_filter_attach(fd, any->sa_family, l->sources, l->n_sources);
    if (bind(fd, any, l->address.len) < 0)
        return fail(l, fd, "bind");
    if (listen(fd, BACKLOG) < 0)
        return fail(l, fd, "listen");
    l->watch = (YdGateWatch){.fd = fd, .ready = accept_some, .owner = l};
    if (!yd_gate_loop_watch(l->ports->loop, &l->watch, EPOLLIN, NULL)) {
        l->watch.fd = -1;
        return fail(l, fd, "epoll");
    }
    l->complained = FALSE;
    return TRUE;
}

static void
listener_free(gpointer data)
{
    Listener *l = data;
    close_listener(l);
    g_free(l->sources);
    g_free(l);
}

static void
set_port(YdGateTarget *address, guint16 port)
{
    if (address->address.any.sa_family == AF_INET)
        ((struct sockaddr_in *)&address->address.storage)->sin_port = htons(port);
    else
        ((struct sockaddr_in6 *)&address->address.storage)->sin6_port = htons(port);
}

static Listener *
find(YdGatePorts *ports, guint16 port, const YdGateTarget *address)
{
    char wanted[YD_GATE_ADDRESS_SIZE], had[YD_GATE_ADDRESS_SIZE];
    guint16 ignored;
    yd_gate_address_format(&address->address.storage, wanted, &ignored);
    for (guint i = 0; i < ports->listeners->len; i++) {
        Listener *l = ports->listeners->pdata[i];
        yd_gate_address_format(&l->address.address.storage, had, &ignored);
        if (l->port == port && g_str_equal(wanted, had))
            return l;
    }
    return NULL;
}

static void
drop(YdGatePorts *ports, Listener *l)
{
    guint at = 0;
    close_listener(l);
    if (g_ptr_array_find(ports->listeners, l, &at))
        g_ptr_array_add(ports->dead, g_ptr_array_steal_index_fast(ports->listeners, at));
}

static void
set_one(YdGatePorts *ports, guint16 port, const YdGateTarget *where, const char *const *sources)
{
    int family = where->address.any.sa_family;
    guint n = 0;
    g_autofree guint8 *bytes = yd_source_filter_bytes(family, sources, &n);
    Listener *l = find(ports, port, where);
    if (n == 0) {
        if (l != NULL)
            drop(ports, l);
        return;
    }
    gboolean is_new = l == NULL;
    if (is_new) {
        l = g_new0(Listener, 1);
        *l = (Listener){.watch = {.fd = -1}, .ports = ports, .port = port, .address = *where};
        set_port(&l->address, port);
        g_ptr_array_add(ports->listeners, l);
    }
    g_free(l->sources);
    l->sources = g_steal_pointer(&bytes);
    l->n_sources = n;
    if (l->watch.fd >= 0)
        yd_source_filter_attach(l->watch.fd, family, l->sources, n);
    else
        open_listener(l);
}

// ---- public ----

YdGatePorts *
yd_gate_ports_new(const YdGateConfig *config, YdGateLoop *loop, YdGatePortFunc func, gpointer data)
{
    YdGatePorts *ports = g_new0(YdGatePorts, 1);
    ports->config = config;
    ports->loop = loop;
    ports->func = func;
    ports->data = data;
    ports->listeners = g_ptr_array_new_with_free_func(listener_free);
    ports->dead = g_ptr_array_new_with_free_func(listener_free);
    return ports;
}

void
yd_gate_ports_free(YdGatePorts *ports)
{
    if (ports == NULL)
        return;
    g_ptr_array_unref(ports->listeners);
    g_ptr_array_unref(ports->dead);
    g_free(ports);
}

void
yd_gate_ports_set(YdGatePorts *ports, guint16 port, const char *const *sources)
{
    char **listen = ports->config->listen;
    for (guint i = 0; listen != NULL && listen[i] != NULL; i++) {
        YdGateTarget where;
        if (yd_gate_address_parse(listen[i], TRUE, &where, NULL))
            set_one(ports, port, &where, sources);
    }
}

void
yd_gate_ports_close_all(YdGatePorts *ports)
{
    while (ports->listeners->len > 0)
        drop(ports, ports->listeners->pdata[ports->listeners->len - 1]);
}

void
yd_gate_ports_tidy(YdGatePorts *ports)
{
    if (ports->dead->len > 0)
        g_ptr_array_set_size(ports->dead, 0);
}

void
yd_gate_ports_tick(YdGatePorts *ports)
{
    for (guint i = 0; i < ports->listeners->len; i++) {
        Listener *l = ports->listeners->pdata[i];
        if (l->watch.fd < 0)
            open_listener(l);
    }
}

gboolean
yd_gate_ports_waiting(const YdGatePorts *ports)
{
    for (guint i = 0; i < ports->listeners->len; i++)
        if (((const Listener *)ports->listeners->pdata[i])->watch.fd < 0)
            return TRUE;
    return FALSE;
}
