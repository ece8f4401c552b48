// SPDX-License-Identifier: Apache-2.0
// Use of CPU, memory, disk and network of all our machines by one call (LAB: what costs how much).
#include "hypervisor/libvirt-private.h"
#include "base/id.h"

#include <stdio.h>
#include <string.h>

struct sums {
    guint64 disk_read, disk_written, net_in, net_out, allocated;
    gint64 balloon_available, balloon_unused, balloon_rss;
};

static guint64
number(const virTypedParameter *param)
{
    switch (param->type) {
    case VIR_TYPED_PARAM_INT:
        return (guint64)MAX(param->value.i, 0);
    case VIR_TYPED_PARAM_UINT:
        return param->value.ui;
    case VIR_TYPED_PARAM_LLONG:
        return (guint64)MAX(param->value.l, 0);
    case VIR_TYPED_PARAM_ULLONG:
        return param->value.ul;
    default:
        return 0;
    }
}

static void
take_balloon(const char *field, guint64 value, YdMachineStats *stats, struct sums *sums)
{
    if (strcmp(field, "balloon.current") == 0)
        stats->memory_mib = (gint64)(value / 1024);
    else if (strcmp(field, "balloon.available") == 0)
        sums->balloon_available = (gint64)value;
    else if (strcmp(field, "balloon.usable") == 0 ||
             (strcmp(field, "balloon.unused") == 0 && sums->balloon_unused < 0))
        sums->balloon_unused = (gint64)value;
    else if (strcmp(field, "balloon.rss") == 0)
        sums->balloon_rss = (gint64)value;
}

// "block.0.rd.bytes", "net.1.tx.bytes": which counter it adds to; NULL: none.
static guint64 *
counter(const char *field, struct sums *sums)
{
    const char *end = strrchr(field, '.');
    gboolean block = g_str_has_prefix(field, "block."), net = g_str_has_prefix(field, "net.");
    if (!end || (!block && !net))
        return NULL;
    if (block && g_str_has_suffix(field, ".rd.bytes"))
        return &sums->disk_read;
    if (block && g_str_has_suffix(field, ".wr.bytes"))
        return &sums->disk_written;
    if (block && strcmp(end, ".allocation") == 0)
        return &sums->allocated;
    if (net && g_str_has_suffix(field, ".rx.bytes"))
        return &sums->net_in;
    return net && g_str_has_suffix(field, ".tx.bytes") ? &sums->net_out : NULL;
}

static void
take(const virTypedParameter *param, YdMachineStats *stats, struct sums *sums, int *state)
{
    guint64 value = number(param);
    if (strcmp(param->field, "state.state") == 0)
        *state = (int)value;
    else if (strcmp(param->field, "cpu.time") == 0)
        stats->cpu_ns = value;
    else if (strcmp(param->field, "vcpu.current") == 0)
        stats->vcpus = (gint64)value;
    else if (g_str_has_prefix(param->field, "balloon."))
        take_balloon(param->field, value, stats, sums);
    else {
        guint64 *sum = counter(param->field, sums);
        if (sum)
            *sum += value;
    }
}

// Where the statistics hold none: one call for each machine.
static void
add_info(virDomain *domain, YdMachineStats *stats)
{
    virDomainInfo info;
    if (virDomainGetInfo(domain, &info) != 0)
        return;
    stats->cpu_ns = info.cpuTime;
    stats->vcpus = info.nrVirtCpu;
    stats->memory_mib = (gint64)(info.memory / 1024);
}

static YdMachineStats *
stats_of(const virDomainStatsRecord *record, const char *uuid, gboolean full)
{
    YdMachineStats *stats = g_new0(YdMachineStats, 1);
    struct sums sums = {.balloon_available = -1, .balloon_unused = -1, .balloon_rss = -1};
    int state = VIR_DOMAIN_RUNNING;
    stats->uuid = g_strdup(uuid);
    stats->time = yd_now_ms();
    for (int i = 0; i < record->nparams; i++)
        take(&record->params[i], stats, &sums, &state);
    if (full && stats->vcpus == 0)
        add_info(record->dom, stats);
    stats->state = yd_libvirt_state(state, 0);
    stats->disk_read_bytes = sums.disk_read;
    stats->disk_written_bytes = sums.disk_written;
    stats->net_in_bytes = sums.net_in;
    stats->net_out_bytes = sums.net_out;
    stats->disk_allocated_bytes = (gint64)sums.allocated;
    stats->memory_used_kib = sums.balloon_rss;
    if (sums.balloon_available > 0 && sums.balloon_unused >= 0)
        stats->memory_used_kib = sums.balloon_available - sums.balloon_unused;
    return stats;
}

GPtrArray *
yd_libvirt_stats(YdHypervisor *hv, gboolean full, GError **error)
{
    virDomainStatsRecord **records = NULL;
    guint wanted = VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_INTERFACE;
    guint flags = VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE;
    if (full)
        wanted |= VIR_DOMAIN_STATS_CPU_TOTAL | VIR_DOMAIN_STATS_VCPU | VIR_DOMAIN_STATS_BALLOON |
                  VIR_DOMAIN_STATS_BLOCK;
    // a machine that is busy with another call is told of as far as is known, not waited for
    if (!((YdLibvirt *)hv)->test)
        flags |= VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT;
    else
        wanted = VIR_DOMAIN_STATS_STATE;
    g_autoptr(virConnect) conn = yd_libvirt_conn(hv, error);
    if (!conn)
        return NULL;
    int n = virConnectGetAllDomainStats(conn, wanted, &records, flags);
    if (n < 0) {
        yd_libvirt_fail(error, "cannot read the machines' statistics");
        return NULL;
    }
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)yd_machine_stats_free);
    for (int i = 0; i < n; i++) {
        char uuid[VIR_UUID_STRING_BUFLEN];
        if (virDomainGetUUIDString(records[i]->dom, uuid) == 0 &&
            yd_libvirt_ours(hv, records[i]->dom, uuid))
            g_ptr_array_add(all, stats_of(records[i], uuid, full));
    }
    virDomainStatsRecordListFree(records);
    return all;
}
