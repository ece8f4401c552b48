// SPDX-License-Identifier: Apache-2.0
// Machines that sleep: paused (their memory stays) and saved (libvirt's managed save: their memory
// is a file of the host, and the machine is off).
#include "hypervisor/libvirt-private.h"

static gboolean
state_of(virDomain *domain, const char *uuid, int *ret_state, int *ret_reason, GError **error)
{
    return virDomainGetState(domain, ret_state, ret_reason, 0) == 0 ||
           yd_libvirt_fail(error, "cannot read the state of machine '%s'", uuid);
}

static gboolean
must_run(int state, int reason, const char *uuid, GError **error)
{
    YdMachineState now = yd_libvirt_state(state, reason);
    if (now == YD_MACHINE_RUNNING || now == YD_MACHINE_PAUSED)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE, "machine '%s' does not run", uuid);
    return FALSE;
}

// ret_paused: whether it is paused now.
static virDomain *
running(YdHypervisor *hv, const char *uuid, gboolean *ret_paused, GError **error)
{
    int state, reason;
    g_autoptr(virDomain) domain = yd_libvirt_domain(hv, uuid, error);
    if (!domain || !state_of(domain, uuid, &state, &reason, error) ||
        !must_run(state, reason, uuid, error))
        return NULL;
    *ret_paused = yd_libvirt_state(state, reason) == YD_MACHINE_PAUSED;
    return g_steal_pointer(&domain);
}

gboolean
yd_libvirt_pause(YdHypervisor *hv, const char *uuid, GError **error)
{
    gboolean paused = FALSE;
    g_autoptr(virDomain) domain = running(hv, uuid, &paused, error);
    if (!domain)
        return FALSE;
    return paused || virDomainSuspend(domain) == 0 ||
           yd_libvirt_fail(error, "cannot pause machine '%s'", uuid);
}

gboolean
yd_libvirt_resume(YdHypervisor *hv, const char *uuid, GError **error)
{
    gboolean paused = FALSE;
    g_autoptr(virDomain) domain = running(hv, uuid, &paused, error);
    if (!domain)
        return FALSE;
    return !paused || virDomainResume(domain) == 0 ||
           yd_libvirt_fail(error, "cannot resume machine '%s'", uuid);
}

// -1 with error.
static int
has_image(virDomain *domain, const char *uuid, GError **error)
{
    int has = virDomainHasManagedSaveImage(domain, 0);
    if (has < 0)
        yd_libvirt_fail(error, "cannot look for the saved image of machine '%s'", uuid);
    return has;
}

gboolean
yd_libvirt_save(YdHypervisor *hv, const char *uuid, GError **error)
{
    int state, reason;
    g_autoptr(virDomain) domain = yd_libvirt_domain(hv, uuid, error);
    if (!domain || !state_of(domain, uuid, &state, &reason, error))
        return FALSE;
    if (virDomainIsActive(domain) == 0) {
        int has = has_image(domain, uuid, error);
        return has == 1 || (has == 0 && must_run(state, reason, uuid, error));
    }
    return virDomainManagedSave(domain, 0) == 0 ||
           yd_libvirt_fail(error, "cannot save machine '%s'", uuid);
}

gboolean
yd_libvirt_is_saved(YdHypervisor *hv, const char *uuid, gboolean *ret_saved, GError **error)
{
    g_autoptr(virDomain) domain = yd_libvirt_domain(hv, uuid, error);
    int has = domain ? has_image(domain, uuid, error) : -1;
    if (has < 0)
        return FALSE;
    *ret_saved = has == 1;
    return TRUE;
}

// libvirt itself starts a machine anew when it finds that the image was not written to its end; the
// reason of the state tells.
gboolean
yd_libvirt_restore(YdHypervisor *hv, const char *uuid, gboolean *ret_restored, GError **error)
{
    int state, reason;
    g_autoptr(virDomain) domain = yd_libvirt_domain(hv, uuid, error);
    if (!domain)
        return FALSE;
    if (virDomainIsActive(domain) != 1) {
        int has = has_image(domain, uuid, error);
        if (has == 0)
            g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "machine '%s' has no saved image",
                        uuid);
        if (has != 1)
            return FALSE;
        if (virDomainCreate(domain) != 0)
            return yd_libvirt_fail(error, "cannot restore machine '%s'", uuid);
    }
    if (!state_of(domain, uuid, &state, &reason, error))
        return FALSE;
    if (state == VIR_DOMAIN_PAUSED && virDomainResume(domain) != 0)
        return yd_libvirt_fail(error, "cannot resume machine '%s'", uuid);
    *ret_restored = !(state == VIR_DOMAIN_RUNNING && reason == VIR_DOMAIN_RUNNING_BOOTED);
    return TRUE;
}

gboolean
yd_libvirt_forget_saved(virDomain *domain, const char *uuid, GError **error)
{
    int has = has_image(domain, uuid, error);
    if (has <= 0)
        return has == 0;
    return virDomainManagedSaveRemove(domain, 0) == 0 ||
           yd_libvirt_fail(error, "cannot remove the saved image of machine '%s'", uuid);
}

gboolean
yd_libvirt_discard_saved(YdHypervisor *hv, const char *uuid, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(virDomain) domain = yd_libvirt_domain(hv, uuid, &why);
    if (domain)
        return yd_libvirt_forget_saved(domain, uuid, error);
    if (g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&why));
    return FALSE;
}
