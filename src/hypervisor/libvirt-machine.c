// SPDX-License-Identifier: Apache-2.0
// Machines: define, start, stop, remove, resize, list.
#include "hypervisor/libvirt-private.h"
#include "hypervisor/xml.h"

#include <stdlib.h>
#include <string.h>

#define KIB_PER_MIB 1024

YdMachineState
yd_libvirt_state(int state, int reason)
{
    switch (state) {
    case VIR_DOMAIN_RUNNING:
    case VIR_DOMAIN_BLOCKED:
        return YD_MACHINE_RUNNING;
    case VIR_DOMAIN_PAUSED:
    case VIR_DOMAIN_PMSUSPENDED:
        return YD_MACHINE_PAUSED;
    case VIR_DOMAIN_SHUTDOWN:
        return YD_MACHINE_SHUTTING_DOWN;
    case VIR_DOMAIN_CRASHED:
        return YD_MACHINE_CRASHED;
    default:
        return reason == VIR_DOMAIN_SHUTOFF_CRASHED || reason == VIR_DOMAIN_SHUTOFF_FAILED
                   ? YD_MACHINE_CRASHED
                   : YD_MACHINE_OFF;
    }
}

// The desktop's id, NULL when the machine is not ours; owned. libvirt hands our element out without
// its namespace. ret_sure: libvirt answered.
static char *
desktop_of(virDomain *domain, gboolean *ret_sure)
{
    char *xml = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, YD_XML_MACHINE_NS, 0);
    *ret_sure = xml || virGetLastErrorCode() == VIR_ERR_NO_DOMAIN_METADATA;
    xmlDoc *doc = xml ? yd_xml_parse(xml) : NULL;
    char *id = doc ? yd_xml_get(xmlDocGetRootElement(doc), "desktop") : NULL;
    xmlFreeDoc(doc);
    free(xml);
    return id;
}

// As desktop_of, remembered; owned.
static char *
known_desktop_of(YdHypervisor *hv, virDomain *domain, const char *uuid)
{
    YdLibvirt *self = (YdLibvirt *)hv;
    if (!g_str_has_prefix(virDomainGetName(domain), "yd-"))
        return NULL;
    g_mutex_lock(&self->lock);
    char *id = g_strdup(g_hash_table_lookup(self->ours, uuid));
    g_mutex_unlock(&self->lock);
    gboolean sure = FALSE;
    if (!id)
        id = desktop_of(domain, &sure);
    if (sure) {
        g_mutex_lock(&self->lock);
        g_hash_table_insert(self->ours, g_strdup(uuid), g_strdup(id ? id : ""));
        g_mutex_unlock(&self->lock);
    }
    if (id && !*id)
        g_clear_pointer(&id, g_free);
    return id;
}

gboolean
yd_libvirt_ours(YdHypervisor *hv, virDomain *domain, const char *uuid)
{
    g_autofree char *id = known_desktop_of(hv, domain, uuid);
    return id != NULL;
}

static void
forget(YdHypervisor *hv, const char *uuid)
{
    YdLibvirt *self = (YdLibvirt *)hv;
    g_mutex_lock(&self->lock);
    g_hash_table_remove(self->ours, uuid);
    g_mutex_unlock(&self->lock);
}

// NULL when it is not ours.
static YdMachineInfo *
info_of(YdHypervisor *hv, const virDomainStatsRecord *record)
{
    char uuid[VIR_UUID_STRING_BUFLEN];
    int state, reason;
    if (virDomainGetUUIDString(record->dom, uuid) != 0 ||
        virTypedParamsGetInt(record->params, record->nparams, "state.state", &state) != 1 ||
        virTypedParamsGetInt(record->params, record->nparams, "state.reason", &reason) != 1)
        return NULL;
    char *id = known_desktop_of(hv, record->dom, uuid);
    if (!id)
        return NULL;
    YdMachineInfo *info = g_new0(YdMachineInfo, 1);
    info->uuid = g_strdup(uuid);
    info->name = g_strdup(virDomainGetName(record->dom));
    info->desktop_id = id;
    info->state = yd_libvirt_state(state, reason);
    return info;
}

// One call for all their states, on which libvirt does not ask QEMU.
GPtrArray *
yd_libvirt_machines(YdHypervisor *hv, GError **error)
{
    g_autoptr(virConnect) conn = yd_libvirt_conn(hv, error);
    virDomainStatsRecord **records = NULL;
    if (!conn)
        return NULL;
    int n = virConnectGetAllDomainStats(conn, VIR_DOMAIN_STATS_STATE, &records, 0);
    if (n < 0) {
        yd_libvirt_fail(error, "cannot list the machines");
        return NULL;
    }
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)yd_machine_info_free);
    for (int i = 0; i < n; i++) {
        YdMachineInfo *info = info_of(hv, records[i]);
        if (info)
            g_ptr_array_add(all, info);
    }
    virDomainStatsRecordListFree(records);
    return all;
}

gboolean
yd_libvirt_machine_state(YdHypervisor *hv, const char *uuid, YdMachineState *ret_state,
                         GError **error)
{
    int state, reason;
    g_autoptr(virDomain) domain = yd_libvirt_domain(hv, uuid, error);
    if (!domain)
        return FALSE;
    if (virDomainGetState(domain, &state, &reason, 0) != 0)
        return yd_libvirt_fail(error, "cannot read the state of machine '%s'", uuid);
    *ret_state = yd_libvirt_state(state, reason);
    return TRUE;
}

// After a call that failed: TRUE all the same when the machine is (1) or is not (0) active, as it
// should become; else the call's error.
static gboolean
unless(virDomain *domain, int active, GError **error, const char *what, const char *name)
{
    g_autoptr(GError) why = NULL;
    yd_libvirt_fail(&why, "cannot %s machine '%s'", what, name); // before the next call forgets it
    if (virDomainIsActive(domain) == active)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&why));
    return FALSE;
}

static gboolean
already_runs(virConnect *conn, const YdMachineSpec *spec, gboolean *ret_done, GError **error)
{
    int state = VIR_DOMAIN_NOSTATE;
    g_autoptr(virDomain) domain = virDomainLookupByUUIDString(conn, spec->uuid);
    *ret_done = FALSE;
    if (!domain)
        return yd_libvirt_is(VIR_ERR_NO_DOMAIN) ||
               yd_libvirt_fail(error, "cannot look for machine '%s'", spec->name);
    if (virDomainGetState(domain, &state, NULL, 0) != 0)
        return yd_libvirt_fail(error, "cannot read the state of machine '%s'", spec->name);
    if (state == VIR_DOMAIN_PAUSED && virDomainResume(domain) == 0)
        state = VIR_DOMAIN_RUNNING;
    *ret_done = state == VIR_DOMAIN_RUNNING || state == VIR_DOMAIN_BLOCKED;
    if (state == VIR_DOMAIN_SHUTDOWN)
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "machine '%s' is shutting down", spec->name);
    return state != VIR_DOMAIN_SHUTDOWN;
}

static char *
xml_of(YdHypervisor *hv, virConnect *conn, const YdMachineSpec *spec)
{
    if (((YdLibvirt *)hv)->test)
        return yd_domain_xml_test(spec);
    YdAccel accel = spec->accel;
    if (accel == YD_ACCEL_AUTO)
        accel = yd_libvirt_accel(hv, conn, NULL);
    return yd_domain_xml(spec, accel == YD_ACCEL_KVM);
}

virDomain *
yd_libvirt_define(YdHypervisor *hv, const YdMachineSpec *spec, gboolean *ret_runs, GError **error)
{
    *ret_runs = FALSE;
    g_autoptr(virConnect) conn = yd_libvirt_conn(hv, error);
    if (!conn || !already_runs(conn, spec, ret_runs, error) || *ret_runs)
        return NULL;
    g_autofree char *xml = xml_of(hv, conn, spec);
    forget(hv, spec->uuid);
    virDomain *domain = virDomainDefineXML(conn, xml);
    if (!domain)
        yd_libvirt_fail(error, "cannot define machine '%s'", spec->name);
    return domain;
}

gboolean
yd_libvirt_start(YdHypervisor *hv, const YdMachineSpec *spec, GError **error)
{
    gboolean runs;
    g_autoptr(virDomain) domain = yd_libvirt_define(hv, spec, &runs, error);
    if (!domain)
        return runs;
    // a saved image is of another time: a start is a cold one
    if (!yd_libvirt_forget_saved(domain, spec->name, error))
        return FALSE;
    if (virDomainCreate(domain) == 0)
        return TRUE;
    return unless(domain, 1, error, "start", spec->name);
}

gboolean
yd_libvirt_shutdown(YdHypervisor *hv, const char *uuid, gboolean by_agent, GError **error)
{
    if (by_agent)
        return yd_libvirt_agent_shutdown(hv, uuid, error);
    g_autoptr(virDomain) domain = yd_libvirt_domain(hv, uuid, error);
    if (!domain)
        return FALSE;
    gboolean test = ((YdLibvirt *)hv)->test;
    int result = test ? virDomainShutdown(domain)
                      : virDomainShutdownFlags(domain, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN);
    return result == 0 || yd_libvirt_fail(error, "cannot shut machine '%s' down", uuid);
}

gboolean
yd_libvirt_reboot(YdHypervisor *hv, const char *uuid, GError **error)
{
    g_autoptr(virDomain) domain = yd_libvirt_domain(hv, uuid, error);
    if (!domain)
        return FALSE;
    // not by the agent: libvirt would wait for the guest a whole minute
    guint flags = ((YdLibvirt *)hv)->test ? 0 : VIR_DOMAIN_REBOOT_ACPI_POWER_BTN;
    return virDomainReboot(domain, flags) == 0 ||
           yd_libvirt_fail(error, "cannot reboot machine '%s'", uuid);
}

static gboolean
destroy(virDomain *domain, const char *uuid, GError **error)
{
    if (virDomainDestroy(domain) == 0 || yd_libvirt_is(VIR_ERR_NO_DOMAIN))
        return TRUE;
    return unless(domain, 0, error, "power off", uuid);
}

// The machine; NULL without error when it is gone.
static virDomain *
find(YdHypervisor *hv, const char *uuid, GError **error)
{
    g_autoptr(GError) why = NULL;
    virDomain *domain = yd_libvirt_domain(hv, uuid, &why);
    if (!domain && !g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND))
        g_propagate_error(error, g_steal_pointer(&why));
    return domain;
}

// After find() gave NULL: TRUE when there was no error.
static gboolean
is_gone(GError **why, GError **error)
{
    if (!*why)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(why));
    return FALSE;
}

gboolean
yd_libvirt_power_off(YdHypervisor *hv, const char *uuid, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(virDomain) domain = find(hv, uuid, &why);
    if (domain)
        return destroy(domain, uuid, error);
    return is_gone(&why, error);
}

gboolean
yd_libvirt_remove(YdHypervisor *hv, const char *uuid, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(virDomain) domain = find(hv, uuid, &why);
    if (!domain)
        return is_gone(&why, error);
    if (!destroy(domain, uuid, error))
        return FALSE;
    forget(hv, uuid);
    guint flags = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA;
    if (!((YdLibvirt *)hv)->test)
        flags |= VIR_DOMAIN_UNDEFINE_NVRAM | VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA;
    if (virDomainUndefineFlags(domain, flags) == 0 || yd_libvirt_is(VIR_ERR_NO_DOMAIN))
        return TRUE;
    return yd_libvirt_fail(error, "cannot remove machine '%s'", uuid);
}

// What the guest or the machine's limits do not allow live is no bad input: it comes at the next
// start.
static gboolean
fail_resize(GError **error, const char *uuid, const char *what)
{
    g_autoptr(GError) why = NULL;
    yd_libvirt_fail(&why, "cannot change the %s of machine '%s' while it runs", what, uuid);
    if (why->code == YD_ERROR_INVALID || why->code == YD_ERROR_INTERNAL ||
        yd_libvirt_is(VIR_ERR_NO_SUPPORT) || yd_libvirt_is(VIR_ERR_OPERATION_UNSUPPORTED))
        why->code = YD_ERROR_STATE;
    g_propagate_error(error, g_steal_pointer(&why));
    return FALSE;
}

gboolean
yd_libvirt_resize(YdHypervisor *hv, const char *uuid, gint64 vcpus, gint64 memory_mib,
                  GError **error)
{
    g_autoptr(virDomain) domain = yd_libvirt_domain(hv, uuid, error);
    if (!domain)
        return FALSE;
    if (vcpus > 0 && virDomainSetVcpusFlags(domain, (guint)vcpus, VIR_DOMAIN_AFFECT_LIVE) != 0)
        return fail_resize(error, uuid, "vCPUs");
    if (memory_mib > 0 && virDomainSetMemoryFlags(domain, (gulong)memory_mib * KIB_PER_MIB,
                                                  VIR_DOMAIN_AFFECT_LIVE) != 0)
        return fail_resize(error, uuid, "memory");
    return TRUE;
}

gboolean
yd_libvirt_resize_disk(YdHypervisor *hv, const char *uuid, const char *disk, gint64 bytes,
                       GError **error)
{
    g_autoptr(virDomain) domain = yd_libvirt_domain(hv, uuid, error);
    if (!domain)
        return FALSE;
    if (virDomainBlockResize(domain, disk, (guint64)bytes, VIR_DOMAIN_BLOCK_RESIZE_BYTES) != 0)
        return yd_libvirt_fail(error, "cannot resize the disk '%s' of machine '%s'", disk, uuid);
    return TRUE;
}
