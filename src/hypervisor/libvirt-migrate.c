// SPDX-License-Identifier: Apache-2.0
// Moves a running machine to another host: libvirt's peer-to-peer migration, in which the source's
// libvirtd talks to the target's by itself, so that a manager who dies meanwhile changes nothing.
//
// "Unsafe" to libvirt is any disk cache but none on anything but a cluster's file system. The disks
// lie where both hosts see them (the caller's business), and QEMU drops what its host's page cache
// holds of an image when it takes the image over (block/file-posix.c, since 2.10).
#include "hypervisor/libvirt-private.h"

#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 250
#define PAUSE_MAX_MS 500 // how long the guest may stand still at the end

typedef struct {
    virDomain *domain;
    char *uri, *address;
    gboolean tls, live;
    GMutex lock;
    GCond ended;
    gboolean over, good; // lock
    GError *error;       // lock
} Migration;

// The target as another host reaches it: without what is only for this process (pkipath).
static gboolean
find_target(YdHypervisor *to, Migration *migration, GError **error)
{
    g_autoptr(GUri) uri = g_uri_parse(to->uri, G_URI_FLAGS_NONE, error);
    const char *host = uri ? g_uri_get_host(uri) : NULL;
    if (!uri)
        return FALSE;
    if (!host || !*host) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "other hosts cannot reach the one at '%s': give it a URI with its address "
                    "(qemu+tls://ADDRESS/system)",
                    to->uri);
        return FALSE;
    }
    migration->uri = g_strndup(to->uri, strcspn(to->uri, "?"));
    migration->address =
        strchr(host, ':') ? g_strdup_printf("tcp:[%s]", host) : g_strdup_printf("tcp:%s", host);
    migration->tls = g_str_has_prefix(to->uri, "qemu+tls:");
    return TRUE;
}

static gboolean
run(Migration *migration, GError **error)
{
    virTypedParameter *params = NULL;
    int n = 0, max = 0;
    unsigned int flags = VIR_MIGRATE_PEER2PEER | VIR_MIGRATE_PERSIST_DEST |
                         VIR_MIGRATE_UNDEFINE_SOURCE | VIR_MIGRATE_UNSAFE |
                         VIR_MIGRATE_ABORT_ON_ERROR;
    if (migration->live)
        flags |= VIR_MIGRATE_LIVE | VIR_MIGRATE_AUTO_CONVERGE;
    if (migration->tls)
        flags |= VIR_MIGRATE_TLS;
    virTypedParamsAddString(&params, &n, &max, VIR_MIGRATE_PARAM_URI, migration->address);
    int result =
        virDomainMigrateToURI3(migration->domain, migration->uri, params, (unsigned)n, flags);
    if (result != 0)
        yd_libvirt_fail(error, "the machine could not be moved");
    virTypedParamsFree(params, n);
    return result == 0;
}

static gpointer
migrate_thread(gpointer data)
{
    Migration *migration = data;
    g_autoptr(GError) error = NULL;
    gboolean good = run(migration, &error);
    g_mutex_lock(&migration->lock);
    migration->good = good;
    migration->error = g_steal_pointer(&error);
    migration->over = TRUE;
    g_cond_signal(&migration->ended);
    g_mutex_unlock(&migration->lock);
    return NULL;
}

// How far the memory is, 0..99.
static double
percent_of(virDomain *domain)
{
    virDomainJobInfo info;
    if (virDomainGetJobInfo(domain, &info) != 0 || info.memTotal == 0)
        return 0;
    return MIN(99.0, 100.0 * (double)info.memProcessed / (double)info.memTotal);
}

// Tells how far it is until it is over; cancels it when the caller wants no more.
static void
watch(Migration *migration, YdMigrateProgress progress, gpointer data)
{
    gboolean aborted = FALSE;
    g_mutex_lock(&migration->lock);
    while (!migration->over) {
        gint64 until = g_get_monotonic_time() + LOOK_MS * 1000;
        if (g_cond_wait_until(&migration->ended, &migration->lock, until) || aborted || !progress)
            continue;
        g_mutex_unlock(&migration->lock);
        if (!progress(percent_of(migration->domain), data))
            aborted = virDomainAbortJob(migration->domain) == 0;
        g_mutex_lock(&migration->lock);
    }
    g_mutex_unlock(&migration->lock);
}

// How long the guest stood still, as the target measured; -1: it does not tell.
static gint64
pause_of(YdHypervisor *to, const char *uuid)
{
    g_autoptr(virDomain) domain = yd_libvirt_domain(to, uuid, NULL);
    virTypedParameter *params = NULL;
    unsigned long long ms = 0;
    int type = 0, n = 0;
    gint64 result = -1;
    if (domain &&
        virDomainGetJobStats(domain, &type, &params, &n, VIR_DOMAIN_JOB_STATS_COMPLETED) == 0 &&
        virTypedParamsGetULLong(params, n, VIR_DOMAIN_JOB_DOWNTIME, &ms) == 1)
        result = (gint64)ms;
    virTypedParamsFree(params, n);
    return result;
}

gboolean
yd_libvirt_migrate(YdHypervisor *hv, YdHypervisor *to, const char *uuid, gboolean live,
                   YdMigrateProgress progress, gpointer data, gint64 *ret_pause_ms, GError **error)
{
    g_autoptr(virDomain) domain = yd_libvirt_domain(hv, uuid, error);
    Migration migration = {.domain = domain, .live = live};
    if (!domain || !find_target(to, &migration, error))
        return FALSE;
    virDomainMigrateSetMaxDowntime(domain, PAUSE_MAX_MS, 0);
    g_mutex_init(&migration.lock);
    g_cond_init(&migration.ended);
    GThread *thread = g_thread_new("migrate", migrate_thread, &migration);
    watch(&migration, progress, data);
    g_thread_join(thread);
    g_mutex_clear(&migration.lock);
    g_cond_clear(&migration.ended);
    g_free(migration.uri);
    g_free(migration.address);
    if (!migration.good) {
        g_propagate_error(error, migration.error);
        return FALSE;
    }
    if (ret_pause_ms)
        *ret_pause_ms = pause_of(to, uuid);
    return TRUE;
}
