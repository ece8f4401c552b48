// SPDX-License-Identifier: Apache-2.0
// The ladder of a start: instant, else cold.
#include "service/clone.h"

#include <sodium.h>
#include <string.h>

#include "base/id.h"
#include "base/json-util.h"
#include "base/secret.h"
#include "service/clone-script.h"
#include "service/first-boot.h"
#include "service/network.h"
#include "storage/ram-image.h"
#include "store/store-desktops.h"

#define PATIENCE_MS 15000 // a clone's agent was alive when it was frozen
#define SCRIPT_SECONDS 15

static void
note(YdJobRun *run, const char *start, const char *why)
{
    json_t *result = yd_job_run_result(run);
    json_object_set_new(result, "start", json_string(start));
    g_autofree char *text = why ? g_utf8_make_valid(why, -1) : NULL; // QEMU may quote a stream
    if (text)
        json_object_set_new(result, "start_reason", json_string(text));
}

gboolean
yd_clone_is(YdJobRun *run, const YdDesktop *desktop)
{
    const char *start = json_string_value(json_object_get(yd_job_run_result(run), "start"));
    return desktop->ram_image && !desktop->prepared && g_strcmp0(start, "instant") == 0;
}

// --- choosing ---

static gboolean G_GNUC_PRINTF(2, 3) unfit(char **ret_why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    *ret_why = g_strdup_vprintf(format, args);
    va_end(args);
    return FALSE;
}

static gboolean
fits_desktop(const YdDesk *desk, char **ret_why)
{
    const YdDesktop *desktop = desk->desktop;
    const YdTemplateVersion *version = desk->version;
    if (desktop->prepared)
        return unfit(ret_why, "its disk has been used since it was made");
    if (!version || !version->ram_image)
        return unfit(ret_why, "its template version has no RAM image");
    if (desktop->vcpus != version->ram_vcpus || desktop->memory_mib != version->ram_memory_mib)
        return unfit(ret_why,
                     "it has %" G_GINT64_FORMAT " vCPUs and %" G_GINT64_FORMAT
                     " MiB, the RAM image %" G_GINT64_FORMAT " and %" G_GINT64_FORMAT,
                     desktop->vcpus, desktop->memory_mib, version->ram_vcpus,
                     version->ram_memory_mib);
    if (desk->personal)
        return unfit(ret_why, "it has a personal disk");
    if (yd_desk_bytes(desktop) > version->virtual_bytes)
        return unfit(ret_why, "its disk is larger than the template's");
    return TRUE;
}

static gboolean
same_fact(const json_t *facts, const char *name, const char *what, const char *now, char **ret_why)
{
    const char *then = json_string_value(json_object_get(facts, name));
    if (g_strcmp0(then, now) == 0)
        return TRUE;
    return unfit(ret_why, "the RAM image was made with %s %s, here is %s; make it again", what,
                 then ? then : "?", now ? now : "?");
}

static gboolean
fits_host(YdHypervisor *hv, const YdDesk *desk, const json_t *image, char **ret_why)
{
    const json_t *then = json_object_get(image, "facts");
    g_autoptr(GError) error = NULL;
    YdHostFacts *now = yd_hypervisor_facts(hv, &error);
    if (!now)
        return unfit(ret_why, "%s", error->message);
    gboolean good =
        same_fact(then, "qemu", "QEMU", now->qemu_version, ret_why) &&
        same_fact(then, "libvirt", "libvirt", now->libvirt_version, ret_why) &&
        same_fact(then, "accel", "the accelerator", now->accel == YD_ACCEL_KVM ? "kvm" : "tcg",
                  ret_why) &&
        same_fact(then, "cpu", "the CPU", now->cpu_model, ret_why) &&
        same_fact(then, "checksum", "the version's checksum", desk->version->checksum, ret_why);
    yd_host_facts_free(now);
    return good;
}

// Name of the RAM image to use; NULL with the reason, or without one when nobody asked.
static const char *
choose(YdService *service, const YdDesk *desk, char **ret_why)
{
    g_autoptr(GError) error = NULL;
    if (!desk->pool || !desk->pool->instant || !fits_desktop(desk, ret_why))
        return NULL;
    g_autoptr(json_t) image =
        yd_ram_image_look(yd_service_storage(service), desk->version->ram_image, &error);
    YdHypervisor *hv =
        image ? yd_service_hypervisor(service, desk->desktop->host_id, &error) : NULL;
    if (!hv) {
        unfit(ret_why, "%s", error->message);
        return NULL;
    }
    return fits_host(hv, desk, image, ret_why) ? desk->version->ram_image : NULL;
}

// --- the disk ---

// Says in the row what the disk lies on, and only then makes it anew: what an earlier moment left
// goes. Never for a disk that somebody has used.
static gboolean
turn_disk(YdJobRun *run, YdDesk *desk, const char *ram_image, GError **error)
{
    YdService *service = yd_job_run_service(run);
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, desk->desktop->id, &tx, error);
    if (!desktop)
        return FALSE;
    yd_set_string(&desktop->ram_image, ram_image);
    if (!yd_desk_commit(store, &tx, desktop, NULL, error))
        return FALSE;
    yd_set_string(&desk->desktop->ram_image, ram_image);
    return yd_storage_delete(yd_service_storage(service), desktop->image, error) &&
           yd_desk_derive(service, desk->desktop, desk->version, error);
}

gboolean
yd_clone_disk(YdJobRun *run, YdDesk *desk, GError **error)
{
    YdService *service = yd_job_run_service(run);
    g_autofree char *why = NULL;
    const YdDesktop *desktop = desk->desktop;
    const char *chosen = choose(service, desk, &why);
    note(run, chosen ? "instant" : "cold", why);
    if (chosen || (desktop->ram_image && !desktop->prepared))
        return turn_disk(run, desk, chosen, error);
    return yd_desk_derive(service, desktop, desk->version, error);
}

// --- launching ---

static gboolean
thaw(YdHypervisor *hv, const YdMachineSpec *spec, gpointer data, GError **error)
{
    const YdDeskLaunch *launch = data;
    YdStorage *storage = yd_service_storage(launch->service);
    const YdDesktop *desktop = launch->desk->desktop;
    g_autofree char *pages = yd_ram_image_path(storage, desktop->ram_image, "ram");
    g_autoptr(json_t) image = yd_ram_image_look(storage, desktop->ram_image, error);
    if (!image)
        return FALSE;
    YdMachineSpec clone = *spec;
    clone.ram_file = pages;
    g_autofree char *xml =
        yd_hypervisor_clone_xml(json_string_value(json_object_get(image, "xml")), &clone, error);
    g_autofree char *path =
        xml ? yd_ram_image_clone(storage, desktop->ram_image, desktop->image, xml, error) : NULL;
    gboolean good = path && yd_hypervisor_thaw(hv, spec, path, error);
    g_autoptr(GError) ignored = NULL;
    if (!yd_ram_image_drop(storage, desktop->image, &ignored))
        g_debug("%s: %s, ignoring", desktop->id, ignored->message);
    return good;
}

// Whatever runs goes, the disk becomes a fresh one, and it boots.
static gboolean
fall_back(YdJobRun *run, YdDesk *desk, const GError *why, GError **error)
{
    YdService *service = yd_job_run_service(run);
    g_message("%s: no instant start, it boots: %s", desk->desktop->id, why->message);
    note(run, "cold", why->message);
    return yd_desk_power_off(service, desk->desktop, error) && turn_disk(run, desk, NULL, error) &&
           yd_desk_launch(service, desk, error);
}

gboolean
yd_clone_launch(YdJobRun *run, YdDesk *desk, GError **error)
{
    YdDeskLaunch launch = {yd_job_run_service(run), desk, thaw};
    g_autoptr(GError) why = NULL;
    if (!yd_clone_is(run, desk->desktop))
        return yd_desk_launch(launch.service, desk, error);
    return yd_desk_launch_by(&launch, &why) || fall_back(run, desk, why, error);
}

// --- its own ---

static gboolean
renew(YdJobRun *run, const YdDesk *desk, GError **error)
{
    const YdDesktop *desktop = desk->desktop;
    YdHypervisor *hv = yd_service_hypervisor(yd_job_run_service(run), desktop->host_id, error);
    g_autofree char *hostname = yd_first_boot_hostname(desktop->name, desktop->id);
    g_autofree char *output = NULL;
    guint8 entropy[YD_CLONE_ENTROPY_BYTES];
    int status = -1;
    if (!hv)
        return FALSE;
    randombytes_buf(entropy, sizeof entropy);
    char *script = yd_clone_script(entropy, desktop->id, desktop->mac ? desktop->mac : "", hostname,
                                   yd_now_ms() / 1000);
    gboolean good = yd_hypervisor_agent_shell(hv, desktop->uuid, script, SCRIPT_SECONDS, &status,
                                              &output, error);
    yd_secret_wipe(&script);
    sodium_memzero(entropy, sizeof entropy);
    if (good && status != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the clone could not be made a machine of its own (status %d): %s", status,
                    output);
        good = FALSE;
    }
    if (!good || !desk->network)
        return good;
    g_autofree char *network = yd_network_libvirt_name(desk->network);
    const YdNicSpec nic = yd_desk_nic(desk, network);
    return yd_hypervisor_attach_nic(hv, desktop->uuid, &nic, error);
}

gboolean
yd_clone_awake(YdJobRun *run, const YdDesktop *desktop, const GError *why, gboolean *ret_again,
               GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(GError) local = NULL;
    g_auto(YdDesk) desk = {0};
    *ret_again = FALSE;
    if (!yd_clone_is(run, desktop))
        return TRUE;
    if (why && yd_job_run_step_ms(run) < PATIENCE_MS)
        return TRUE;
    if (!yd_desk_load(store, desktop->id, &desk, error))
        return FALSE;
    if (!why && renew(run, &desk, &local))
        return TRUE;
    *ret_again = TRUE;
    if (!fall_back(run, &desk, why ? why : local, error))
        return FALSE;
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) fresh = yd_desk_begin(store, desktop->id, &tx, error);
    if (!fresh)
        return FALSE;
    fresh->started = yd_now_ms(); // ready_seconds count from here
    return yd_desk_commit(store, &tx, fresh, NULL, error);
}
