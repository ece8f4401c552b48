// SPDX-License-Identifier: Apache-2.0
// Facts of a host, and whether its machines get KVM or TCG.
#include "hypervisor/libvirt-private.h"
#include "hypervisor/xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A value of a "KEY : VALUE" file of /proc; NULL: not there; owned.
static char *
proc_value(const char *path, const char *key)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return NULL;
    g_auto(GStrv) lines = g_strsplit(text, "\n", 200);
    for (guint i = 0; lines[i]; i++) {
        char *colon = strchr(lines[i], ':');
        if (!colon || !g_str_has_prefix(lines[i], key))
            continue;
        *colon = '\0';
        if (strcmp(g_strchomp(lines[i]), key) == 0)
            return g_strdup(g_strstrip(colon + 1));
    }
    return NULL;
}

static gboolean
has_word(const char *text, const char *word)
{
    g_autofree char *padded = g_strdup_printf(" %s ", text ? text : "");
    g_autofree char *wanted = g_strdup_printf(" %s ", word);
    return strstr(padded, wanted) != NULL;
}

// Whether libvirt offers KVM for x86_64 there.
static gboolean
offers_kvm(virConnect *conn)
{
    char *caps = virConnectGetDomainCapabilities(conn, NULL, "x86_64", NULL, "kvm", 0);
    free(caps);
    return caps != NULL;
}

// vmx or svm: of this machine from /proc/cpuinfo, of another one from its capabilities.
static gboolean
cpu_virtualises(const YdLibvirt *self, virConnect *conn)
{
    if (self->local) {
        g_autofree char *flags = proc_value("/proc/cpuinfo", "flags");
        return has_word(flags, "vmx") || has_word(flags, "svm");
    }
    char *caps = virConnectGetCapabilities(conn);
    gboolean found =
        caps && (strstr(caps, "<feature name='vmx'/>") || strstr(caps, "<feature name='svm'/>") ||
                 strstr(caps, "<model>Opteron_G") || strstr(caps, "<model>EPYC"));
    free(caps);
    return found;
}

// A KVM that opens but runs on a CPU without vmx or svm lets guests hang for ever (LAB 1).
YdAccel
yd_libvirt_accel(YdHypervisor *hv, virConnect *conn, char **ret_reason)
{
    const YdLibvirt *self = (const YdLibvirt *)hv;
    const char *reason = "KVM: usable, and the CPU shows vmx or svm";
    YdAccel accel = YD_ACCEL_TCG;
    if (self->test)
        reason = "TCG: libvirt's test driver runs nothing";
    else if (self->accel == YD_ACCEL_TCG)
        reason = "TCG: set in the configuration (accel = tcg)";
    else if (self->accel == YD_ACCEL_KVM)
        accel = YD_ACCEL_KVM, reason = "KVM: set in the configuration (accel = kvm)";
    else if (!cpu_virtualises(self, conn))
        reason = "TCG: the CPU shows neither vmx nor svm";
    else if (!offers_kvm(conn))
        reason = "TCG: libvirt cannot use /dev/kvm";
    else
        accel = YD_ACCEL_KVM;
    if (ret_reason)
        *ret_reason = g_strdup(reason);
    return accel;
}

// Of /proc/meminfo; 0: not there.
static gint64
meminfo_mib(const char *key)
{
    g_autofree char *text = proc_value("/proc/meminfo", key);
    return text ? g_ascii_strtoll(text, NULL, 10) / 1024 : 0;
}

static gint64
memory_free_mib(virConnect *conn)
{
    int n = 0;
    gint64 kib = 0;
    if (virNodeGetMemoryStats(conn, VIR_NODE_MEMORY_STATS_ALL_CELLS, NULL, &n, 0) != 0 || n <= 0)
        return (gint64)(virNodeGetFreeMemory(conn) >> 20);
    g_autofree virNodeMemoryStats *stats = g_new0(virNodeMemoryStats, n);
    if (virNodeGetMemoryStats(conn, VIR_NODE_MEMORY_STATS_ALL_CELLS, stats, &n, 0) != 0)
        return 0;
    for (int i = 0; i < n; i++)
        if (strcmp(stats[i].field, VIR_NODE_MEMORY_STATS_TOTAL) != 0)
            kib += (gint64)stats[i].value; // free, buffers, cached
    return kib / 1024;
}

static guint64
cpu_time(virConnect *conn, guint64 *ret_idle)
{
    int n = 0;
    guint64 total = 0;
    *ret_idle = 0;
    if (virNodeGetCPUStats(conn, VIR_NODE_CPU_STATS_ALL_CPUS, NULL, &n, 0) != 0 || n <= 0)
        return 0;
    g_autofree virNodeCPUStats *stats = g_new0(virNodeCPUStats, n);
    if (virNodeGetCPUStats(conn, VIR_NODE_CPU_STATS_ALL_CPUS, stats, &n, 0) != 0)
        return 0;
    for (int i = 0; i < n; i++) {
        total += stats[i].value;
        if (strcmp(stats[i].field, VIR_NODE_CPU_STATS_IDLE) == 0)
            *ret_idle = stats[i].value;
    }
    return total;
}

// Load of this machine as the kernel tells it; of another one the CPUs that were busy for a moment.
static double
load_of(const YdLibvirt *self, virConnect *conn, gint64 cpus)
{
    double load[1];
    guint64 idle, idle_later;
    if (self->local && getloadavg(load, 1) == 1)
        return load[0];
    guint64 total = cpu_time(conn, &idle);
    if (total == 0)
        return 0;
    g_usleep(100 * 1000);
    guint64 later = cpu_time(conn, &idle_later);
    if (later <= total || idle_later < idle)
        return 0;
    return (double)cpus * (1.0 - (double)(idle_later - idle) / (double)(later - total));
}

static char *
cpu_model(const YdLibvirt *self, virConnect *conn, const virNodeInfo *node)
{
    char *model = self->local ? proc_value("/proc/cpuinfo", "model name") : NULL;
    if (model)
        return model;
    char *caps = virConnectGetCapabilities(conn);
    xmlDoc *doc = caps ? yd_xml_parse(caps) : NULL;
    xmlNode *host = yd_xml_child(doc ? xmlDocGetRootElement(doc) : NULL, "host");
    xmlNode *name = yd_xml_child(yd_xml_child(host, "cpu"), "model");
    xmlChar *text = name ? xmlNodeGetContent(name) : NULL;
    model = g_strdup(text ? (const char *)text : node->model);
    xmlFree(text);
    xmlFreeDoc(doc);
    free(caps);
    return model;
}

static char *
version(gulong number)
{
    return g_strdup_printf("%lu.%lu.%lu", number / 1000000, number / 1000 % 1000, number % 1000);
}

YdHostFacts *
yd_libvirt_facts(YdHypervisor *hv, GError **error)
{
    const YdLibvirt *self = (const YdLibvirt *)hv;
    virNodeInfo node;
    gulong qemu = 0, lib = 0;
    g_autoptr(virConnect) conn = yd_libvirt_conn(hv, error);
    if (!conn)
        return NULL;
    if (virNodeGetInfo(conn, &node) != 0) {
        yd_libvirt_fail(error, "cannot read the facts of '%s'", hv->uri);
        return NULL;
    }
    virConnectGetVersion(conn, &qemu);
    virConnectGetLibVersion(conn, &lib);
    char *name = virConnectGetHostname(conn);
    YdHostFacts *facts = g_new0(YdHostFacts, 1);
    facts->hostname = g_strdup(name ? name : "");
    free(name);
    facts->cpu_model = cpu_model(self, conn, &node);
    facts->qemu_version = version(qemu);
    facts->libvirt_version = version(lib);
    facts->cpus = node.cpus;
    // where there are containers libvirt's total may be less than what is free
    facts->memory_mib = self->local && !self->test ? meminfo_mib("MemTotal") : 0;
    if (facts->memory_mib == 0)
        facts->memory_mib = (gint64)(node.memory / 1024);
    facts->memory_free_mib = self->test    ? facts->memory_mib
                             : self->local ? meminfo_mib("MemAvailable")
                                           : memory_free_mib(conn);
    facts->memory_free_mib = MIN(facts->memory_free_mib, facts->memory_mib);
    facts->load = self->test ? 0 : load_of(self, conn, facts->cpus);
    facts->accel = yd_libvirt_accel(hv, conn, &facts->accel_reason);
    return facts;
}
