// SPDX-License-Identifier: Apache-2.0
// Workbenches as people ask for them. The job that finishes one is workbench-job.c.

#include "service/workbench-private.h"

#include <string.h>

#include "base/id.h"
#include "base/json-util.h"
#include "service/change.h"
#include "service/check.h"
#include "service/desktop-private.h"
#include "service/media.h"
#include "service/template-version.h"
#include "store/store-connect.h"
#include "store/store-desktops.h"

#define PING_SECONDS 2
#define DRIVERS_LABEL "virtio-win"

// What each system wants (Windows 11: learn.microsoft.com, its hardware requirements).
static const struct {
    const char *os_type, *os, *firmware;
    gboolean tpm; // then its firmware is no choice
} systems[] = {
    {"linux", "linux", "bios", FALSE},
    {"windows-10", "windows", "uefi", FALSE},
    {"windows-11", "windows", "uefi", TRUE},
    {"windows-old", "windows", "bios", FALSE},
};

// ---- creating ----

static gboolean
check_system(const YdWorkbenchSpec *spec, YdTemplate *template, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(systems); i++) {
        if (g_strcmp0(systems[i].os_type, spec->os_type) != 0)
            continue;
        yd_set_string(&template->os_type, spec->os_type);
        yd_set_string(&template->os, systems[i].os);
        yd_set_string(&template->firmware, spec->firmware ? spec->firmware : systems[i].firmware);
        template->tpm = systems[i].tpm;
        if (!template->tpm)
            return TRUE;
        if (strcmp(template->firmware, "uefi") != 0)
            return yd_error_invalid(error, "firmware", "Windows 11 starts by uefi only");
        g_autofree char *swtpm = g_find_program_in_path("swtpm");
        if (swtpm)
            return TRUE;
        g_set_error_literal(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                            "Windows 11 wants a TPM, and swtpm is not installed on this machine; "
                            "install the package swtpm, or choose windows-10");
        return FALSE;
    }
    return yd_error_invalid(error, "os_type",
                            "must be linux, windows-10, windows-11 or windows-old");
}

static YdMedia *
ready_medium(YdStore *store, const char *field, const char *id, GError **error)
{
    g_autoptr(YdMedia) media = NULL;

    if (!id) {
        yd_error_invalid(error, field, "is missing");
        return NULL;
    }
    if (!yd_check_reference(store, field, &yd_media_type, id, error) ||
        !(media = yd_store_get(store, &yd_media_type, id, error)))
        return NULL;
    if (strcmp(media->state, "ready") == 0)
        return g_steal_pointer(&media);
    g_set_error(error, YD_ERROR, YD_ERROR_STATE, "medium “%s” is %s; it must be ready", media->name,
                media->state);
    return NULL;
}

static gboolean
check_medium(YdStore *store, const char *id, GError **error)
{
    g_autoptr(YdMedia) media = ready_medium(store, "media_id", id, error);

    if (media && !media->bootable)
        return yd_error_invalid(
            error, "media_id", "“%s” does not boot (it has no El Torito boot record)", media->name);
    return media != NULL;
}

// The id of the medium with drivers: the one named, else one that the library has; owned.
static gboolean
find_drivers(YdStore *store, const YdWorkbenchSpec *spec, char **ret_id, GError **error)
{
    g_autoptr(YdMedia) named = NULL;
    g_autoptr(GPtrArray) ready = NULL;

    *ret_id = NULL;
    if (spec->drivers_id) {
        named = ready_medium(store, "drivers_id", spec->drivers_id, error);
        *ret_id = named ? g_strdup(named->id) : NULL;
        return named != NULL;
    }
    ready = yd_store_all(store, &yd_media_type, "state", "ready", error);
    for (guint i = 0; ready && i < ready->len && !*ret_id; i++) {
        const YdMedia *media = ready->pdata[i];
        if (media->label &&
            g_ascii_strncasecmp(media->label, DRIVERS_LABEL, strlen(DRIVERS_LABEL)) == 0)
            *ret_id = g_strdup(media->id);
    }
    return ready != NULL;
}

// Linux has virtio's drivers; Windows where somebody brings them.
static gboolean
choose_devices(YdStore *store, const YdWorkbenchSpec *spec, YdTemplate *template,
               char **ret_drivers, GError **error)
{
    gboolean linux_guest = strcmp(template->os, "linux") == 0;

    *ret_drivers = NULL;
    if (!linux_guest && !find_drivers(store, spec, ret_drivers, error))
        return FALSE;
    yd_set_string(&template->devices, linux_guest || *ret_drivers ? "virtio" : "standard");
    return TRUE;
}

char *
yd_workbench_network(YdStore *store, const char *network_id, GError **error)
{
    const YdQuery query = {0};
    g_autoptr(YdPage) page = NULL;

    if (network_id)
        return yd_check_reference(store, "network_id", &yd_network_type, network_id, error)
                   ? g_strdup(network_id)
                   : NULL;
    page = yd_store_list(store, &yd_network_type, &query, error);
    if (!page)
        return NULL;
    if (page->records->len == 1)
        return g_strdup(((YdNetwork *)page->records->pdata[0])->id);
    yd_error_invalid(error, "network_id", "there are %u networks; say which", page->records->len);
    return NULL;
}

static gboolean
check_size(const YdWorkbenchSpec *spec, GError **error)
{
    return yd_check_int("vcpus", spec->vcpus, 1, 64, error) &&
           yd_check_int("memory_mib", spec->memory_mib, 64, 1 << 20, error) &&
           yd_check_int("disk_gib", spec->disk_gib, 1, 2048, error);
}

static YdTemplate *
template_insert(YdStore *store, const YdWorkbenchSpec *spec, char **ret_drivers, GError **error)
{
    static const char *const firmwares[] = {"bios", "uefi", NULL};
    static const char *const ways[] = {"rdp", "spice", NULL};
    g_autoptr(YdTemplate) template = yd_template_new();

    template->name = g_strdup(spec->name);
    template->description = g_strdup(spec->description);
    template->access = g_strdup(spec->access ? spec->access : "rdp");
    if (!yd_check_text("name", &template->name, TRUE, 64, FALSE, error) ||
        !yd_check_text("description", &template->description, FALSE, 2000, TRUE, error) ||
        !yd_check_choice("access", template->access, ways, error) ||
        !check_system(spec, template, error) ||
        !yd_check_choice("firmware", template->firmware, firmwares, error) ||
        !yd_check_unique(store, &yd_template_type, "name", template->name, NULL, error) ||
        !choose_devices(store, spec, template, ret_drivers, error) ||
        !yd_store_insert(store, &yd_template_type, template, error))
        return NULL;
    return g_steal_pointer(&template);
}

static YdDesktop *
desktop_insert(YdStore *store, const YdWorkbenchSpec *spec, const YdTemplate *template,
               const char *drivers, GError **error)
{
    g_autoptr(YdDesktop) desktop = yd_desktop_new();
    g_autoptr(YdDesktop) other = NULL;
    g_autofree char *name = g_strdup_printf("%s-workbench", template->name);

    desktop->id = yd_id_new("dsk");
    other = yd_store_find(store, &yd_desktop_type, "name", name, NULL);
    desktop->name = other ? g_strdup(desktop->id) : g_steal_pointer(&name);
    desktop->state = g_strdup(YD_DESKTOP_NEW);
    desktop->wanted = g_strdup("off");
    desktop->uuid = g_uuid_string_random();
    desktop->image = g_strdup_printf("%s.qcow2", desktop->id);
    desktop->vcpus = spec->vcpus;
    desktop->memory_mib = spec->memory_mib;
    desktop->disk_gib = spec->disk_gib;
    desktop->template_id = g_strdup(template->id);
    desktop->media_id = g_strdup(spec->media_id);
    desktop->drivers_id = g_strdup(drivers);
    desktop->prepared = TRUE; // nothing is to be prepared: it counts as usable when it runs
    return yd_store_insert(store, &yd_desktop_type, desktop, error) ? g_steal_pointer(&desktop)
                                                                    : NULL;
}

YdJob *
yd_workbench_submit(YdService *service, const YdActor *actor, const YdDesktop *desktop,
                    const char *network_id, GError **error)
{
    json_t *args = json_pack("{s:s}", "network_id", network_id);
    g_autoptr(YdJob) create = yd_job_submit(service, actor, "desktop-create", desktop->id,
                                            desktop->name, args, NULL, error);

    json_decref(args);
    return create ? yd_job_submit(service, actor, "desktop-start", desktop->id, desktop->name, NULL,
                                  NULL, error)
                  : NULL;
}

gboolean
yd_workbench_create(YdService *service, const YdActor *actor, const YdWorkbenchSpec *spec,
                    YdJob **ret_job, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdTemplate) template = NULL;
    g_autoptr(YdDesktop) desktop = NULL;
    g_autoptr(YdJob) job = NULL;
    g_autofree char *network = NULL, *drivers = NULL, *details = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_TEMPLATES_WRITE, error) ||
        !check_size(spec, error) || !(tx = yd_store_tx(store, error)) ||
        !check_medium(store, spec->media_id, error) ||
        !(network = yd_workbench_network(store, spec->network_id, error)) ||
        !(template = template_insert(store, spec, &drivers, error)) ||
        !(desktop = desktop_insert(store, spec, template, drivers, error)))
        return FALSE;
    details = yd_change_made(&yd_template_type, template);
    if (!yd_service_audit(service, actor, "template.install", "template", template->id,
                          template->name, details, error) ||
        !(job = yd_workbench_submit(service, actor, desktop, network, error)) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    if (ret_job)
        *ret_job = g_steal_pointer(&job);
    return TRUE;
}

// ---- finishing ----

static gboolean
check_state(const YdDesktop *desktop, gboolean shutdown, GError **error)
{
    if (strcmp(desktop->state, YD_DESKTOP_OFF) == 0 ||
        (shutdown && strcmp(desktop->state, YD_DESKTOP_READY) == 0))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE, "workbench “%s” is %s; shut its system down first",
                desktop->name, desktop->state);
    return FALSE;
}

// Where there is a version already, the trial boot finds out.
static gboolean
check_agent(const YdDesktop *desktop, gboolean force, GError **error)
{
    if (desktop->agent_seen || desktop->template_version_id || force)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "the guest agent of “%s” never answered: desktops made of it would not become "
                "ready; start it and install the agent (qemu-guest-agent), or finish with force",
                desktop->name);
    return FALSE;
}

static gboolean
check_finished(const YdDesktop *desktop, const YdWorkbenchPublish *publish, GError **error)
{
    if (!desktop->template_id)
        return yd_error_invalid(error, "id", "“%s” is a desktop, not a workbench", desktop->name);
    return check_state(desktop, publish->shutdown, error) &&
           check_agent(desktop, publish->force, error);
}

static gboolean
check_idle(YdStore *store, const YdDesktop *desktop, GError **error)
{
    GError *why = NULL;
    g_autoptr(YdJob) job = yd_store_job_live(store, desktop->id, NULL, &why);

    if (job)
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "workbench “%s” is busy (%s)", desktop->name,
                    job->kind);
    else if (why)
        g_propagate_error(error, why);
    return !job && !why;
}

static YdTemplateVersion *
version_insert(YdStore *store, const YdActor *actor, const YdDesktop *desktop, const char *notes,
               GError **error)
{
    g_autoptr(YdTemplateVersion) version =
        yd_template_version_next(store, desktop->template_id, notes, error);

    if (!version)
        return NULL;
    yd_set_string(&version->parent_id, desktop->template_version_id);
    yd_set_string(&version->author, actor->username);
    return yd_store_insert(store, &yd_template_version_type, version, error)
               ? g_steal_pointer(&version)
               : NULL;
}

static char *
publish_details(const YdDesktop *desktop, const YdTemplateVersion *version)
{
    json_auto_t *details = json_pack("{s:I, s:I, s:s}", "version", (json_int_t)version->number,
                                     "from", (json_int_t)desktop->template_number, "agent",
                                     desktop->agent_seen ? "answered" : "never answered");
    return yd_json_text(details);
}

gboolean
yd_workbench_finish(YdService *service, const YdActor *actor, const char *workbench_id,
                    const YdWorkbenchPublish *publish, YdJob **ret_job, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdDesktop) desktop = NULL;
    g_autoptr(YdTemplateVersion) version = NULL;
    g_autoptr(YdJob) job = NULL;
    json_auto_t *args = NULL;
    g_autofree char *details = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_TEMPLATES_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(desktop = yd_store_get(store, &yd_desktop_type, workbench_id, error)) ||
        !check_finished(desktop, publish, error) || !check_idle(store, desktop, error) ||
        !(version = version_insert(store, actor, desktop, publish->notes, error)))
        return FALSE;
    args = json_pack("{s:s, s:b, s:b}", "version_id", version->id, "shutdown", publish->shutdown,
                     "trial", !publish->force);
    details = publish_details(desktop, version);
    if (!yd_service_audit(service, actor, "template.finish", "template", desktop->template_id,
                          desktop->template_name, details, error) ||
        !(job = yd_job_submit(service, actor, "workbench-finish", desktop->id, desktop->name, args,
                              NULL, error)) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    if (ret_job)
        *ret_job = g_steal_pointer(&job);
    return TRUE;
}

// ---- the agent ----

static void
look(YdService *service, YdStore *store, const YdDesktop *seen)
{
    YdHypervisor *hv = yd_service_hypervisor(service, seen->host_id, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = NULL;

    if (!hv || !yd_hypervisor_alive(hv) ||
        !yd_hypervisor_agent_ping(hv, seen->uuid, PING_SECONDS, NULL))
        return;
    desktop = yd_desk_begin(store, seen->id, &tx, &error);
    if (desktop)
        desktop->agent_seen = TRUE;
    if (!desktop || !yd_desk_commit(store, &tx, desktop, NULL, &error))
        g_debug("workbench %s: %s, ignoring", seen->id, error->message);
}

void
yd_workbench_watch(YdService *service)
{
    static const char *const none[] = {"", NULL}, *const ready[] = {YD_DESKTOP_READY, NULL};
    const YdCondition conditions[] = {{"template_id", "!=", none}, {"state", "=", ready}};
    const YdQuery query = {.conditions = conditions, .n_conditions = G_N_ELEMENTS(conditions)};
    YdStore *store = yd_service_store(service, NULL);
    g_autoptr(YdPage) page = store ? yd_store_list(store, &yd_desktop_type, &query, NULL) : NULL;

    for (guint i = 0; page && i < page->records->len; i++) {
        const YdDesktop *desktop = page->records->pdata[i];
        if (!desktop->agent_seen)
            look(service, store, desktop);
    }
}
