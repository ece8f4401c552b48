// SPDX-License-Identifier: Apache-2.0
// Opening a workbench on a version: a desktop of no pool whose disk is built on that version's
// sealed image, so that several are changed side by side and nobody who uses the version notices.

#include "service/workbench-private.h"

#include <string.h>

#include "service/check.h"
#include "service/change.h"
#include "service/desktop-private.h"
#include "service/template-version.h"

#define MAX_WORKBENCHES 20 // of one template

static gboolean
check_version(const YdTemplateVersion *version, const char *template_id, GError **error)
{
    if (g_strcmp0(version->template_id, template_id) != 0)
        return yd_error_invalid(error, "version_id", "is a version of another template");
    if (version->image &&
        (strcmp(version->state, "ready") == 0 || strcmp(version->state, "failed") == 0))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "version %" G_GINT64_FORMAT " of “%s” is %s; a workbench is opened on one that is "
                "ready, or failed its check",
                version->number, version->template_name,
                version->image ? version->state : "without a disk");
    return FALSE;
}

// The version that was asked for, else the newest ready one.
static YdTemplateVersion *
find_version(YdStore *store, const char *template_id, const char *version_id, GError **error)
{
    g_autoptr(YdTemplateVersion) version = NULL;

    if (!version_id) {
        const char *const of[] = {template_id, NULL}, *const ready[] = {"ready", NULL};
        const YdCondition conditions[] = {{"template_id", "=", of}, {"state", "=", ready}};
        const YdQuery query = {.conditions = conditions,
                               .n_conditions = G_N_ELEMENTS(conditions),
                               .sort = "-number",
                               .limit = 1};
        g_autoptr(YdPage) page = yd_store_list(store, &yd_template_version_type, &query, error);
        if (page && page->records->len == 1)
            return yd_template_version_copy(page->records->pdata[0]);
        if (page)
            g_set_error_literal(error, YD_ERROR, YD_ERROR_STATE,
                                "the template has no version that is ready; import or install one");
        return NULL;
    }
    if (!yd_check_reference(store, "version_id", &yd_template_version_type, version_id, error) ||
        !(version = yd_store_get(store, &yd_template_version_type, version_id, error)) ||
        !check_version(version, template_id, error))
        return NULL;
    return g_steal_pointer(&version);
}

static char *
free_name(YdStore *store, const char *template_name)
{
    for (guint i = 1; i < 100; i++) {
        g_autofree char *name = i == 1 ? g_strdup_printf("%s-workbench", template_name)
                                       : g_strdup_printf("%s-workbench-%u", template_name, i);
        g_autoptr(YdDesktop) other = yd_store_find(store, &yd_desktop_type, "name", name, NULL);
        if (!other)
            return g_steal_pointer(&name);
    }
    return yd_id_new("dsk");
}

// Hardware and network: as asked for, else as a pool of that version has them.
static YdDesktop *
make_desktop(YdStore *store, const YdWorkbenchOpen *spec, const YdTemplateVersion *version,
             char **ret_network, GError **error)
{
    g_autoptr(YdDesktop) desktop = yd_desktop_new();
    g_autoptr(YdPool) pool =
        yd_store_find(store, &yd_pool_type, "template_version_id", version->id, NULL);
    const char *network = spec->network_id || !pool ? spec->network_id : pool->network_id;

    desktop->vcpus = spec->vcpus ? spec->vcpus : pool ? pool->vcpus : 2;
    desktop->memory_mib = spec->memory_mib ? spec->memory_mib : pool ? pool->memory_mib : 2048;
    desktop->disk_gib = spec->disk_gib;
    if (!yd_check_int("vcpus", desktop->vcpus, 1, 64, error) ||
        !yd_check_int("memory_mib", desktop->memory_mib, 64, 1 << 20, error) ||
        !yd_check_int("disk_gib", desktop->disk_gib, 0, 2048, error) ||
        !(*ret_network = yd_workbench_network(store, network, error)))
        return NULL;
    if (desktop->disk_gib && desktop->disk_gib << 30 < version->virtual_bytes) {
        yd_error_invalid(error, "disk_gib",
                         "is less than version %" G_GINT64_FORMAT " has (%" G_GINT64_FORMAT
                         " bytes); disks only grow",
                         version->number, version->virtual_bytes);
        return NULL;
    }
    desktop->id = yd_id_new("dsk");
    desktop->name = free_name(store, version->template_name);
    desktop->state = g_strdup(YD_DESKTOP_NEW);
    desktop->wanted = g_strdup("off");
    desktop->uuid = g_uuid_string_random();
    desktop->image = g_strdup_printf("%s.qcow2", desktop->id);
    desktop->template_id = g_strdup(version->template_id);
    desktop->template_version_id = g_strdup(version->id);
    desktop->prepared = TRUE; // it is nobody's desktop: nothing is to be prepared
    return yd_store_insert(store, &yd_desktop_type, desktop, error) ? g_steal_pointer(&desktop)
                                                                    : NULL;
}

static gboolean
check_room(const YdTemplate *template, GError **error)
{
    if (template->workbenches < MAX_WORKBENCHES)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_LIMIT,
                "template “%s” has %d workbenches already; publish or discard one first",
                template->name, MAX_WORKBENCHES);
    return FALSE;
}

gboolean
yd_workbench_open(YdService *service, const YdActor *actor, const YdWorkbenchOpen *spec,
                  YdDesktop **ret_desktop, YdJob **ret_job, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdTemplate) template = NULL;
    g_autoptr(YdTemplateVersion) version = NULL;
    g_autoptr(YdDesktop) desktop = NULL;
    g_autoptr(YdJob) job = NULL;
    g_autofree char *network = NULL, *details = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_TEMPLATES_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(template = yd_store_get(store, &yd_template_type, spec->template_id, error)) ||
        !check_room(template, error) ||
        !(version = find_version(store, template->id, spec->version_id, error)) ||
        !(desktop = make_desktop(store, spec, version, &network, error)))
        return FALSE;
    details = yd_change_note("workbench", desktop->name);
    if (!yd_service_audit(service, actor, "template.open", "template", template->id, template->name,
                          details, error) ||
        !(job = yd_workbench_submit(service, actor, desktop, network, error)) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    if (ret_desktop)
        *ret_desktop = g_steal_pointer(&desktop);
    if (ret_job)
        *ret_job = g_steal_pointer(&job);
    return TRUE;
}
