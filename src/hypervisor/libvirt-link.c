// SPDX-License-Identifier: Apache-2.0
// One connection to libvirt for each hypervisor, with a thread that makes it and makes it again.
//
// Libvirt's event loop runs once for the process in a thread of its own; its callbacks hold a
// reference to the link and find out under its lock whether anybody still listens. libvirt's
// client never reconnects by itself, and nobody tells what happened meanwhile: "connected" tells
// the reconciler to look.
#include "hypervisor/libvirt-private.h"

#include <string.h>

#define KEEPALIVE_SECONDS 5
#define KEEPALIVE_COUNT 3
#define BACKOFF_MAX 30 // seconds

struct _YdLibvirtLink {
    gint refs; // atomic
    GMutex lock;
    GCond changed;
    YdHypervisor *hv; // NULL once closed; all below under lock
    virConnect *conn; // NULL: not connected
    gboolean tried, lost, quit, connecting;
    GThread *thread;
    char *uri;
    int listener; // only of the thread: id of the event callback
};

static gpointer
run_events(gpointer data)
{
    while (virEventRunDefaultImpl() >= 0)
        ;
    return NULL;
}

static void
be_silent(void *data, virError *error)
{
}

static void
start_libvirt(void)
{
    static gsize once;
    if (!g_once_init_enter(&once))
        return;
    virInitialize();
    yd_libvirt_guard();
    virSetErrorFunc(NULL, be_silent); // not to stderr: every error is read where it happens
    virEventRegisterDefaultImpl();
    g_thread_unref(g_thread_new("libvirt-events", run_events, NULL));
    g_once_init_leave(&once, 1);
}

static void
link_unref(void *data)
{
    YdLibvirtLink *link = data;
    if (!g_atomic_int_dec_and_test(&link->refs))
        return;
    g_mutex_clear(&link->lock);
    g_cond_clear(&link->changed);
    g_free(link->uri);
    g_free(link);
}

static YdLibvirtLink *
link_ref(YdLibvirtLink *link)
{
    g_atomic_int_inc(&link->refs);
    return link;
}

static void
on_closed(virConnect *conn, int reason, void *data)
{
    YdLibvirtLink *link = data;
    g_mutex_lock(&link->lock);
    if (link->conn == conn || !link->conn)
        link->lost = TRUE;
    g_cond_broadcast(&link->changed);
    g_mutex_unlock(&link->lock);
}

static const char *
event_name(int event, int detail)
{
    switch (event) {
    case VIR_DOMAIN_EVENT_STARTED:
        return "started";
    case VIR_DOMAIN_EVENT_CRASHED:
        return "crashed";
    case VIR_DOMAIN_EVENT_STOPPED:
        return detail == VIR_DOMAIN_EVENT_STOPPED_CRASHED ||
                       detail == VIR_DOMAIN_EVENT_STOPPED_FAILED
                   ? "crashed"
                   : "stopped";
    default:
        return NULL;
    }
}

// On libvirt's thread, where no call to libvirt may be made: the name alone tells that it may be
// one of ours, and whoever hears of an unknown uuid ignores it.
static int
on_lifecycle(virConnect *conn, virDomain *domain, int event, int detail, void *data)
{
    YdLibvirtLink *link = data;
    char uuid[VIR_UUID_STRING_BUFLEN];
    const char *name = event_name(event, detail);
    if (!name || !g_str_has_prefix(virDomainGetName(domain), "yd-") ||
        virDomainGetUUIDString(domain, uuid) != 0)
        return 0;
    g_mutex_lock(&link->lock);
    if (link->hv)
        yd_hypervisor_emit(link->hv, uuid, name);
    g_mutex_unlock(&link->lock);
    return 0;
}

virConnect *
yd_libvirt_connect(const char *uri, GError **error)
{
    start_libvirt();
    virConnect *conn = virConnectOpen(uri);
    if (!conn) {
        yd_libvirt_fail(error, "cannot connect to '%s'", uri);
        return NULL;
    }
    virConnectSetKeepAlive(conn, KEEPALIVE_SECONDS, KEEPALIVE_COUNT); // the test driver has none
    return conn;
}

static virConnect *
connect_and_listen(YdLibvirtLink *link)
{
    virConnect *conn = yd_libvirt_connect(link->uri, NULL);
    if (!conn)
        return NULL;
    // the test driver in this process takes no such callback, and does not say so
    if (!g_str_has_prefix(link->uri, "test:") &&
        virConnectRegisterCloseCallback(conn, on_closed, link_ref(link), link_unref) < 0)
        link_unref(link);
    link->listener = virConnectDomainEventRegisterAny(conn, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                                      VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle),
                                                      link_ref(link), link_unref);
    if (link->listener < 0) {
        link_unref(link);
        virConnectClose(conn);
        return NULL;
    }
    return conn;
}

// Holds the connection until it is lost. Locked before and after.
static void
hold(YdLibvirtLink *link, virConnect *conn)
{
    link->conn = conn;
    link->tried = TRUE;
    yd_hypervisor_set_alive(link->hv, TRUE);
    g_cond_broadcast(&link->changed);
    while (!link->lost && !link->quit)
        g_cond_wait(&link->changed, &link->lock);
    link->conn = NULL;
    if (link->hv)
        yd_hypervisor_set_alive(link->hv, FALSE);
}

static void
disconnect(YdLibvirtLink *link, virConnect *conn)
{
    virConnectDomainEventDeregisterAny(conn, link->listener);
    if (!g_str_has_prefix(link->uri, "test:"))
        virConnectUnregisterCloseCallback(conn, on_closed);
    virConnectClose(conn); // calls under way may still hold it
}

static gpointer
keep_connected(gpointer data)
{
    YdLibvirtLink *link = data;
    gint64 backoff = 1;
    g_mutex_lock(&link->lock);
    while (!link->quit) {
        link->lost = FALSE;
        link->connecting = TRUE;
        g_mutex_unlock(&link->lock);
        virConnect *conn = connect_and_listen(link);
        g_mutex_lock(&link->lock);
        link->connecting = FALSE;
        if (conn && !link->quit) {
            hold(link, conn);
            backoff = 1;
        }
        if (conn) {
            g_mutex_unlock(&link->lock);
            disconnect(link, conn);
            g_mutex_lock(&link->lock);
        }
        link->tried = TRUE;
        g_cond_broadcast(&link->changed);
        gint64 until = g_get_monotonic_time() + backoff * G_USEC_PER_SEC;
        while (!link->quit && g_cond_wait_until(&link->changed, &link->lock, until))
            ;
        backoff = MIN(backoff * 2, BACKOFF_MAX);
    }
    g_mutex_unlock(&link->lock);
    link_unref(link);
    return NULL;
}

YdLibvirtLink *
yd_libvirt_link_new(YdHypervisor *hv)
{
    YdLibvirtLink *link = g_new0(YdLibvirtLink, 1);
    link->refs = 1;
    g_mutex_init(&link->lock);
    g_cond_init(&link->changed);
    link->hv = hv;
    link->uri = g_strdup(hv->uri);
    start_libvirt();
    link->thread = g_thread_new("libvirt-link", keep_connected, link_ref(link));
    return link;
}

void
yd_libvirt_settle(YdHypervisor *hv, gint64 until)
{
    YdLibvirtLink *link = ((YdLibvirt *)hv)->link;
    g_mutex_lock(&link->lock);
    while (!link->tried && g_cond_wait_until(&link->changed, &link->lock, until))
        ;
    g_mutex_unlock(&link->lock);
}

void
yd_libvirt_link_close(YdLibvirtLink *link)
{
    g_mutex_lock(&link->lock);
    link->quit = TRUE;
    link->hv = NULL;
    g_cond_broadcast(&link->changed);
    gboolean connecting = link->connecting;
    g_mutex_unlock(&link->lock);
    if (connecting) // to a host that is gone, say: two minutes; it ends by itself
        g_thread_unref(link->thread);
    else
        g_thread_join(link->thread);
    link_unref(link);
}

virConnect *
yd_libvirt_conn(YdHypervisor *hv, GError **error)
{
    YdLibvirtLink *link = ((YdLibvirt *)hv)->link;
    g_mutex_lock(&link->lock);
    virConnect *conn = link->conn;
    if (conn)
        virConnectRef(conn);
    g_mutex_unlock(&link->lock);
    if (!conn)
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                    "the host at '%s' does not answer; check that its libvirtd runs", hv->uri);
    return conn;
}

virDomain *
yd_libvirt_domain(YdHypervisor *hv, const char *uuid, GError **error)
{
    g_autoptr(virConnect) conn = yd_libvirt_conn(hv, error);
    if (!conn)
        return NULL;
    virDomain *domain = virDomainLookupByUUIDString(conn, uuid);
    if (!domain)
        yd_libvirt_fail(error, "machine '%s'", uuid);
    return domain;
}
