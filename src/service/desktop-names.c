// SPDX-License-Identifier: Apache-2.0
// The DNS names of desktops ([deskd] desktop_domain), and the certificates in the guests that go
// with them: what an RDP client dials is what the guest's certificate says, so it can verify the
// whole way by itself. The name follows the desktop's name; the certificate follows at the next
// start or connect, through the guest agent.
#include "service/desktop-private.h"

#include <string.h>

#include "base/id.h"
#include "base/secret.h"
#include "service/ca.h"
#include "service/first-boot.h"

#define RENEW_MS (30 * 24 * 3600 * 1000LL) // before its end

// --- names ---

static gboolean
is_taken(YdStore *store, const char *dns_name, const char *id)
{
    g_autoptr(YdDesktop) other = yd_store_find(store, &yd_desktop_type, "dns_name", dns_name, NULL);
    return other && strcmp(other->id, id) != 0;
}

void
yd_desk_set_dns_name(YdService *service, YdStore *store, YdDesktop *desktop)
{
    const char *domain = yd_service_config(service)->desktop_domain;
    g_clear_pointer(&desktop->dns_name, g_free);
    if (!domain)
        return;
    g_autofree char *label = yd_first_boot_hostname(desktop->name, desktop->id);
    g_autofree char *name = g_strdup_printf("%s.%s", label, domain);
    if (is_taken(store, name, desktop->id)) { // "a b" and "a-b": the id tells them apart
        g_free(name);
        name = g_strdup_printf("%s.%s", desktop->id, domain);
    }
    desktop->dns_name = g_steal_pointer(&name);
}

static gboolean
fits(const YdDesktop *desktop, const char *domain)
{
    const char *dot = desktop->dns_name ? strchr(desktop->dns_name, '.') : NULL;
    return domain ? dot && strcmp(dot + 1, domain) == 0 : desktop->dns_name == NULL;
}

gboolean
yd_desk_refresh_dns_names(YdService *service, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    const YdQuery query = {0};
    g_autoptr(YdPage) page = store ? yd_store_list(store, &yd_desktop_type, &query, error) : NULL;
    for (guint i = 0; page && i < page->records->len; i++) {
        const YdDesktop *seen = g_ptr_array_index(page->records, i);
        if (fits(seen, yd_service_config(service)->desktop_domain))
            continue;
        g_autoptr(YdStoreTx) tx = NULL;
        g_autoptr(YdDesktop) desktop = yd_desk_begin(store, seen->id, &tx, error);
        if (!desktop)
            return FALSE;
        yd_desk_set_dns_name(service, store, desktop);
        if (!yd_desk_commit(store, &tx, desktop, NULL, error))
            return FALSE;
    }
    return page != NULL;
}

// --- certificates ---

gboolean
yd_desk_certificate_is_due(const char *dns_name, const char *certificate_name, gint64 expires,
                           gint64 now)
{
    return g_strcmp0(dns_name, certificate_name) != 0 || (expires != 0 && expires - now < RENEW_MS);
}

void
yd_desk_certificate_clear(YdDeskCertificate *certificate)
{
    g_clear_pointer(&certificate->pem, g_free);
    yd_secret_wipe(&certificate->key);
    g_clear_pointer(&certificate->fingerprint, g_free);
    g_clear_pointer(&certificate->dns_name, g_free);
}

gboolean
yd_desk_certificate_issue(YdService *service, const YdDesktop *desktop, YdDeskCertificate *ret,
                          GError **error)
{
    g_autofree char *keys = yd_ca_dir(service);
    g_autofree char *hostname = yd_first_boot_hostname(desktop->name, desktop->id);
    ret->dns_name = g_strdup(desktop->dns_name);
    ret->expires = yd_now_ms() + YD_CA_DESKTOP_DAYS * 24 * 3600 * 1000LL;
    return yd_ca_issue_desktop(keys, hostname, ret->dns_name, desktop->ip, &ret->pem, &ret->key,
                               &ret->fingerprint, error);
}

void
yd_desk_certificate_note(YdDesktop *desktop, const YdDeskCertificate *certificate)
{
    yd_set_string(&desktop->certificate, certificate->fingerprint);
    yd_set_string(&desktop->certificate_name, certificate->dns_name);
    desktop->certificate_expires = certificate->expires;
}

static gboolean
put_into_guest(YdHypervisor *hv, const YdDesktop *desktop, const YdDeskCertificate *certificate,
               guint timeout, GError **error)
{
    char *script = yd_first_boot_certificate_script(certificate->pem, certificate->key);
    g_autofree char *output = NULL;
    int status = -1;
    gboolean good =
        yd_hypervisor_agent_shell(hv, desktop->uuid, script, timeout, &status, &output, error);
    yd_secret_wipe(&script);
    if (!good || status == 0)
        return good;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "the guest did not take its new certificate (status %d): %s", status, output);
    return FALSE;
}

gboolean
yd_desk_certificate_renew(YdService *service, YdHypervisor *hv, const char *desktop_id,
                          guint timeout, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdDesktop) desktop =
        store ? yd_store_get(store, &yd_desktop_type, desktop_id, error) : NULL;
    g_auto(YdDeskCertificate) certificate = {0};
    g_autoptr(YdStoreTx) tx = NULL;
    if (!desktop || !yd_desk_certificate_issue(service, desktop, &certificate, error) ||
        !put_into_guest(hv, desktop, &certificate, timeout, error))
        return FALSE;
    // Where the row can't be written the former name stands in it still, and it is done again.
    g_autoptr(YdDesktop) fresh = yd_desk_begin(store, desktop_id, &tx, error);
    if (!fresh)
        return FALSE;
    yd_desk_certificate_note(fresh, &certificate);
    return yd_desk_commit(store, &tx, fresh, NULL, error);
}
