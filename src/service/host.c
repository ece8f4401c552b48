// SPDX-License-Identifier: Apache-2.0
// Hosts as people manage them. Their load is the monitor's, their machines are the reconciler's.

#include "service/host.h"
#include "service/change.h"
#include "service/check.h"
#include "model/host-state.h"
#include <string.h>

#define DEFAULT_VCPU_RATIO 8.0

// Parameters of a libvirt URI that only say how to reach the host. Others (command, netcat) would
// run programs of the writer's choice here.
static gboolean
check_uri_parameters(const char *uri, GError **error)
{
    static const char *const known[] = {"pkipath", "no_verify",   "no_tty", "keyfile",
                                        "sshauth", "known_hosts", "socket", NULL};
    const char *query = strchr(uri, '?');
    g_auto(GStrv) parameters = g_strsplit_set(query ? query + 1 : "", "&;", -1);

    for (char **parameter = parameters; *parameter; parameter++) {
        g_autofree char *name = g_strndup(*parameter, strcspn(*parameter, "="));
        g_autofree char *quoted = yd_check_quote(name);
        if (!g_strv_contains(known, name))
            return yd_error_invalid(error, "uri", "the parameter %s is not allowed", quoted);
    }
    return TRUE;
}

static gboolean
check_uri(const char *uri, GError **error)
{
    static const char *const kinds[] = {
        "qemu:///system", "qemu+tls://", "qemu+ssh://", "qemu+unix://",
        "test:///",       "test+tcp://", "fake:",
    };
    g_autofree char *quoted = yd_check_quote(uri);

    if (!uri)
        return yd_error_invalid(error, "uri", "is missing");
    for (const char *p = uri; *p; p++) {
        if (!g_ascii_isgraph(*p))
            return yd_error_invalid(error, "uri", "%s holds a space or a control character",
                                    quoted);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_has_prefix(uri, kinds[i]) && strlen(uri) <= 250)
            return check_uri_parameters(uri, error);
    }
    return yd_error_invalid(
        error, "uri", "%s is no host that can be used: qemu:///system, qemu+tls://HOST/system",
        quoted);
}

static gboolean
check_host(YdStore *store, YdHost *host, GError **error)
{
    if (!yd_check_name("name", host->name, YD_CHECK_LOWER YD_CHECK_DIGITS, ".-", 63,
                       "a-z, 0-9, “.” and “-”", error) ||
        !check_uri(host->uri, error) ||
        !yd_check_int("reserve_mib", host->reserve_mib, 0, 1048576, error))
        return FALSE;
    if (host->vcpu_ratio == 0)
        host->vcpu_ratio = DEFAULT_VCPU_RATIO;
    if (!(host->vcpu_ratio >= 0.1 && host->vcpu_ratio <= 64))
        return yd_error_invalid(error, "vcpu_ratio", "%g is outside of 0.1 to 64",
                                host->vcpu_ratio);
    return yd_check_unique(store, &yd_host_type, "name", host->name, host->id, error) &&
           yd_check_unique(store, &yd_host_type, "uri", host->uri, host->id, error);
}

void
yd_host_set_facts(YdHost *host, const YdHostFacts *facts, YdStorage *storage, gint64 now)
{
    gint64 bytes = 0, free_bytes = 0;

    yd_set_string(&host->cpu_model, facts->cpu_model);
    yd_set_string(&host->accel, facts->accel == YD_ACCEL_KVM ? "kvm" : "tcg");
    yd_set_string(&host->accel_reason, facts->accel_reason);
    yd_set_string(&host->error, NULL);
    host->cpus = facts->cpus;
    host->memory_mib = facts->memory_mib;
    host->memory_free_mib = facts->memory_free_mib;
    host->load = facts->load;
    host->seen = now;
    if (storage && yd_storage_space(storage, &bytes, &free_bytes, NULL)) {
        host->storage_bytes = bytes;
        host->storage_free_bytes = free_bytes;
    }
}

gboolean
yd_host_is_away(const YdHost *host)
{
    return strcmp(host->state, YD_HOST_DOWN) == 0 || strcmp(host->state, YD_HOST_FENCED) == 0;
}

// Asks the host for its facts and stores them, or why there are none.
static gboolean
host_refresh(YdService *service, const char *host_id, GError **error)
{
    YdHypervisor *hv = yd_service_hypervisor(service, host_id, NULL);
    g_autoptr(GError) why = NULL;
    gint64 stored = 0;

    if (!hv) // could not be opened: yd_service_open_hosts has written why
        return TRUE;
    YdHostFacts *facts = yd_hypervisor_facts(hv, &why);
    gboolean good = yd_host_seen(service, host_id, facts, why, &stored, error);
    yd_host_facts_free(facts);
    return good;
}

gboolean
yd_host_add(YdService *service, const YdActor *actor, YdHost *host, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdHost) made = yd_change_given(&yd_host_type, host);
    g_autofree char *details = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    yd_set_string(&made->state, YD_HOST_JOINING); // until it answers
    yd_set_string(&made->wanted, YD_HOST_UP);
    made->since = yd_now_ms();
    if (!store || !yd_service_allowed(actor, YD_RIGHT_HOSTS_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) || !check_host(store, made, error) ||
        !yd_store_insert(store, &yd_host_type, made, error))
        return FALSE;
    details = yd_change_made(&yd_host_type, made);
    if (!yd_service_audit(service, actor, "host.add", "host", made->id, made->name, details,
                          error) ||
        !yd_store_tx_commit(&tx, error) || !yd_service_open_hosts(service, error) ||
        !host_refresh(service, made->id, error) ||
        !yd_change_reload(store, &yd_host_type, made, error))
        return FALSE;
    yd_change_assign(&yd_host_type, host, made);
    return TRUE;
}

// People say "maintenance" or "up"; one that answers is in that state at once.
static gboolean
check_state(const YdHost *before, YdHost *after, GError **error)
{
    static const char *const states[] = {YD_HOST_UP, YD_HOST_MAINTENANCE, NULL};

    if (g_strcmp0(before->state, after->state) == 0)
        return TRUE;
    if (!yd_check_choice("state", after->state, states, error))
        return FALSE;
    yd_set_string(&after->wanted, after->state);
    if (!g_strv_contains(states, before->state))
        yd_set_string(&after->state, before->state);
    else
        after->since = yd_now_ms();
    return TRUE;
}

gboolean
yd_host_update(YdService *service, const YdActor *actor, YdHost *host, gint64 version,
               GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdHost) before = NULL;
    g_autoptr(YdHost) after = NULL;
    g_autofree char *details = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_HOSTS_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(before = yd_store_get(store, &yd_host_type, host->id, error)))
        return FALSE;
    // The monitor writes to hosts all the time: only a version that somebody names counts.
    if (version && !yd_change_check_version(&yd_host_type, before, host, version, error))
        return FALSE;
    after = yd_host_copy(before);
    details = yd_change_apply(&yd_host_type, after, host);
    if (!check_state(before, after, error) || !check_host(store, after, error))
        return FALSE;
    if (details && (!yd_store_update(store, &yd_host_type, after, error) ||
                    !yd_service_audit(service, actor, "host.change", "host", after->id, after->name,
                                      details, error)))
        return FALSE;
    if (!yd_store_tx_commit(&tx, error))
        return FALSE;
    if (!yd_change_reload(store, &yd_host_type, after, error))
        return FALSE;
    yd_change_assign(&yd_host_type, host, after);
    return TRUE;
}

gboolean
yd_host_remove(YdService *service, const YdActor *actor, const char *host_id, gint64 version,
               GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdHost) host = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_HOSTS_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(host = yd_store_get(store, &yd_host_type, host_id, error)) ||
        !yd_change_check_version(&yd_host_type, host, host, version, error))
        return FALSE;
    if (host->desktops > 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_IN_USE,
                    "host “%s” still has %" G_GINT64_FORMAT
                    " desktop(s); move or delete them first",
                    host->name, host->desktops);
        return FALSE;
    }
    if (!yd_store_delete(store, &yd_host_type, host_id, 0, error) ||
        !yd_service_audit(service, actor, "host.remove", "host", host_id, host->name, NULL,
                          error) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    yd_service_forget_host(service, host_id);
    return TRUE;
}
