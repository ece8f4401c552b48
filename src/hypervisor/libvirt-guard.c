// SPDX-License-Identifier: Apache-2.0
// Mends a fault of libvirt's client from outside (CVE-2024-4418; mended in libvirt 10.4, not in
// Debian 12's 9.0): it waits for an answer with a source on its own main context that refers to its
// stack, and leaves that source behind when another thread interrupts the wait. A later wait calls
// it, with a stack that is long gone: the process dies, or memory is damaged. deskd was seen to die
// of it when a host lost its power.
//
// libvirt attaches the source and runs the loop in the same thread, one after the other. Both calls
// go through this program's symbols first: the loop's end also ends the source that its thread
// attached for it.
#include "hypervisor/libvirt-private.h"

#include <dlfcn.h>

#define MENDED_VERSION 10004000 // libvirt's major * 1000000 + minor * 1000 + release

typedef guint (*AttachFunc)(GSource *source, GMainContext *context);
typedef void (*RunFunc)(GMainLoop *loop);

static gpointer libvirt_base; // atomic; where libvirt is in memory; NULL: it needs no mending
static gint n_ended;          // atomic
static GPrivate attached = G_PRIVATE_INIT((GDestroyNotify)g_source_unref); // libvirt's latest

void
yd_libvirt_guard(void)
{
    unsigned long version = 0;
    Dl_info info;
    if (virGetVersion(&version, NULL, NULL) == 0 && version < MENDED_VERSION &&
        dladdr((gpointer)virGetVersion, &info))
        g_atomic_pointer_set(&libvirt_base, info.dli_fbase);
}

int
yd_libvirt_guard_ended(void)
{
    return g_atomic_pointer_get(&libvirt_base) ? g_atomic_int_get(&n_ended) : -1;
}

static gboolean
is_libvirt(gpointer caller)
{
    gpointer base = g_atomic_pointer_get(&libvirt_base);
    Dl_info info;
    return base && dladdr(caller, &info) && info.dli_fbase == base;
}

static gpointer
glib_has(gpointer name)
{
    gpointer symbol = dlsym(RTLD_NEXT, name);
    if (!symbol)
        g_error("GLib has no %s", (char *)name);
    return symbol;
}

guint
g_source_attach(GSource *source, GMainContext *context)
{
    static GOnce real = G_ONCE_INIT;
    g_once(&real, glib_has, (char *)"g_source_attach");
    if (context && is_libvirt(__builtin_return_address(0)))
        g_private_replace(&attached, g_source_ref(source));
    return ((AttachFunc)real.retval)(source, context);
}

void
g_main_loop_run(GMainLoop *loop)
{
    static GOnce real = G_ONCE_INIT;
    g_once(&real, glib_has, (char *)"g_main_loop_run");
    ((RunFunc)real.retval)(loop);
    GSource *source = g_private_get(&attached);
    if (!source)
        return;
    if (g_source_get_context(source) == g_main_loop_get_context(loop) &&
        !g_source_is_destroyed(source)) {
        g_source_destroy(source);
        g_atomic_int_inc(&n_ended);
    }
    g_private_replace(&attached, NULL);
}
