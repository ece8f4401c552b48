// SPDX-License-Identifier: Apache-2.0
// Filters, then the lowest memory use; see placement.h.
#include "model/placement.h"

#include <string.h>

#include "base/json-util.h"

// What is left for new desktops: the host's own free memory and what is not promised yet, whichever
// is less (machines that start have been promised memory that they do not use yet).
static gint64
memory_have(const YdPlacementHost *host)
{
    return MIN(host->memory_free_mib, host->memory_mib - host->memory_promised_mib) -
           host->reserve_mib;
}

gint64
yd_placement_use(const YdPlacementHost *host)
{
    gint64 used = MAX(host->memory_mib - host->memory_free_mib, host->memory_promised_mib);
    return host->memory_mib > 0 ? used * 10000 / host->memory_mib : 10000;
}

static json_t *
reject(const YdPlacementHost *host, const char *filter, gint64 need, gint64 have, const char *text)
{
    return json_pack("{s:s?,s:s?,s:s,s:I,s:I,s:s}", "host", host->id, "name", host->name, "filter",
                     filter, "need", (json_int_t)need, "have", (json_int_t)have, "text", text);
}

// Why the host can't take it, or NULL.
static json_t *
filter_host(const YdPlacementHost *host, const YdPlacementRequest *request)
{
    g_autofree char *text = NULL;
    if (g_strcmp0(host->state, "up") != 0) {
        text = g_strdup_printf("the host is %s", host->state ? host->state : "unknown");
        gboolean maintenance = g_strcmp0(host->state, "maintenance") == 0;
        return reject(host, maintenance ? "maintenance" : "state", 1, 0, text);
    }
    gint64 have = memory_have(host);
    if (request->memory_mib > have) {
        text = g_strdup_printf("needs %" G_GINT64_FORMAT " MiB of memory, %" G_GINT64_FORMAT
                               " MiB are free after the reserve",
                               request->memory_mib, have);
        return reject(host, "memory", request->memory_mib, have, text);
    }
    have = (gint64)((double)host->cpus * host->vcpu_ratio) - host->vcpus_promised;
    if (host->vcpu_ratio > 0 && request->vcpus > have) {
        text = g_strdup_printf("needs %" G_GINT64_FORMAT " vCPUs, %" G_GINT64_FORMAT
                               " may still be promised",
                               request->vcpus, have);
        return reject(host, "vcpus", request->vcpus, have, text);
    }
    if (request->storage_bytes > host->storage_free_bytes) {
        text = g_strdup_printf("needs %" G_GINT64_FORMAT " bytes of storage, %" G_GINT64_FORMAT
                               " are free",
                               request->storage_bytes, host->storage_free_bytes);
        return reject(host, "storage", request->storage_bytes, host->storage_free_bytes, text);
    }
    if (!host->has_network)
        return reject(host, "network", 1, 0, "the network is not on the host");
    if (!host->has_template)
        return reject(host, "template", 1, 0, "the template's image is not on the host");
    return NULL;
}

gboolean
yd_placement_fits(const YdPlacementHost *host, const YdPlacementRequest *request)
{
    g_autoptr(json_t) why = filter_host(host, request);
    return why == NULL;
}

static gboolean
better(const YdPlacementHost *a, const YdPlacementHost *b)
{
    if (yd_placement_use(a) != yd_placement_use(b))
        return yd_placement_use(a) < yd_placement_use(b);
    if (a->same_department != b->same_department)
        return a->same_department < b->same_department;
    return g_strcmp0(a->name, b->name) < 0;
}

int
yd_placement_choose(const YdPlacementHost *hosts, gsize n_hosts, const YdPlacementRequest *request,
                    char **ret_explanation)
{
    int chosen = -1;
    g_autoptr(json_t) rejected = json_array();
    for (gsize i = 0; i < n_hosts; i++) {
        json_t *why = filter_host(&hosts[i], request);
        if (why)
            json_array_append_new(rejected, why);
        else if (chosen < 0 || better(&hosts[i], &hosts[chosen]))
            chosen = (int)i;
    }
    const char *none = n_hosts ? "no-room" : "no-host";
    gint64 use = chosen < 0 ? 0 : yd_placement_use(&hosts[chosen]) / 100;
    gsize fitting = n_hosts - json_array_size(rejected);
    g_autofree char *reason =
        chosen < 0 ? g_strdup(n_hosts ? "no host can take it" : "there is no host")
                   : g_strdup_printf("lowest memory use, %" G_GINT64_FORMAT " %%, of %d that can "
                                     "take it",
                                     use, (int)fitting);
    g_autoptr(json_t) explanation =
        json_pack("{s:s?,s:s?,s:s,s:s,s:I,s:I,s:O}", "chosen", chosen < 0 ? NULL : hosts[chosen].id,
                  "name", chosen < 0 ? NULL : hosts[chosen].name, "reason", reason, "code",
                  chosen < 0 ? none : "lowest-memory-use", "use_percent", (json_int_t)use,
                  "fitting", (json_int_t)fitting, "hosts", rejected);
    *ret_explanation = yd_json_text(explanation);
    return chosen;
}
