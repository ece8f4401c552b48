// SPDX-License-Identifier: Apache-2.0
// The job template-ram: boots a machine of a version that nobody uses, without a network card, and
// freezes it once it has settled. It fails without a trace but the reason in the version's row.
#include "service/clone-script.h"
#include "service/desktop-private.h"
#include "service/ram-image.h"
#include "service/template-version.h"
#include "storage/ram-image.h"

#include <string.h>

#include "base/id.h"
#include "base/json-util.h"

#define PING_SECONDS 3
#define SCRIPT_SECONDS 15
#define LOOK_MS 500
#define PATIENCE_MS (10 * 60 * 1000)
#define SPARE_MIB 256 // of the host beside its memory
#define NOT_YET 75    // yd_clone_settled_script

static const char *
text(YdJobRun *run, const char *name)
{
    const char *value = json_string_value(json_object_get(yd_job_run_args(run), name));
    return value ? value : "";
}

static gint64
number(YdJobRun *run, const char *name)
{
    return json_integer_value(json_object_get(yd_job_run_args(run), name));
}

static YdStorage *
storage_of(YdJobRun *run)
{
    return yd_service_storage(yd_job_run_service(run));
}

// --- the host ---

static gboolean
has_room(YdService *service, const YdHost *host, gint64 mib)
{
    YdHypervisor *hv =
        g_strcmp0(host->state, "up") == 0 ? yd_service_hypervisor(service, host->id, NULL) : NULL;
    YdHostFacts *facts = hv && yd_hypervisor_alive(hv) ? yd_hypervisor_facts(hv, NULL) : NULL;
    gboolean room = facts && facts->memory_free_mib >= mib + SPARE_MIB;
    yd_host_facts_free(facts);
    return room;
}

static gboolean
choose_host(YdJobRun *run, GError **error)
{
    const YdQuery query = {0};
    gint64 mib = number(run, "memory_mib");
    g_autoptr(YdPage) page = yd_store_list(yd_job_run_store(run), &yd_host_type, &query, error);
    for (guint i = 0; page && i < page->records->len; i++) {
        const YdHost *host = g_ptr_array_index(page->records, i);
        if (!has_room(yd_job_run_service(run), host, mib))
            continue;
        json_object_set_new(yd_job_run_result(run), "host_id", json_string(host->id));
        return TRUE;
    }
    if (page)
        g_set_error(error, YD_ERROR, YD_ERROR_NO_ROOM,
                    "no host that is up has %" G_GINT64_FORMAT " MiB free", mib + SPARE_MIB);
    return FALSE;
}

static YdHypervisor *
hypervisor_of(YdJobRun *run, GError **error)
{
    const char *host = json_string_value(json_object_get(yd_job_run_result(run), "host_id"));
    return yd_service_hypervisor(yd_job_run_service(run), host ? host : "", error);
}

// --- steps ---

static gboolean
check_space(YdJobRun *run, GError **error)
{
    gint64 bytes = 0, free_bytes = 0, need = (2 * number(run, "memory_mib")) << 20;
    if (!yd_storage_space(storage_of(run), &bytes, &free_bytes, error))
        return FALSE;
    if (free_bytes > need)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_NO_SPACE,
                "a RAM image takes up to %" G_GINT64_FORMAT
                " MiB while it is made, %" G_GINT64_FORMAT " MiB are free where images lie",
                need >> 20, free_bytes >> 20);
    return FALSE;
}

static gboolean
step_disk(YdJobRun *run, GError **error)
{
    g_autoptr(YdTemplateVersion) version = yd_template_version_of(run, error);
    return version && check_space(run, error) && choose_host(run, error) &&
           yd_ram_image_begin(storage_of(run), version->image, text(run, "name"),
                              number(run, "memory_mib") << 20, error);
}

// Whatever there is of it goes.
static gboolean
undo_disk(YdJobRun *run, GError **error)
{
    YdHypervisor *hv = hypervisor_of(run, NULL);
    if (hv && !yd_hypervisor_remove(hv, text(run, "uuid"), error))
        return FALSE;
    return yd_ram_image_delete(storage_of(run), text(run, "name"), error);
}

static gboolean
step_launch(YdJobRun *run, GError **error)
{
    const char *name = text(run, "name");
    g_autofree char *image = g_strdup_printf("%s.qcow2", name);
    g_autofree char *machine = g_strdup_printf("yd-%s", name);
    g_autofree char *disk = yd_storage_path(storage_of(run), image);
    g_autofree char *pages = yd_ram_image_path(storage_of(run), name, "ram");
    g_autofree char *vnc = yd_desk_vnc_socket(yd_job_run_service(run), name);
    YdHypervisor *hv = hypervisor_of(run, error);
    const YdMachineSpec spec = {.uuid = text(run, "uuid"),
                                .name = machine,
                                .desktop_id = yd_job_run_object(run),
                                .vcpus = number(run, "vcpus"),
                                .memory_mib = number(run, "memory_mib"),
                                .disk = disk,
                                .os = "linux",
                                .vnc_socket = vnc,
                                .spice = TRUE,
                                .ram_file = pages,
                                .ram_shared = TRUE,
                                .accel = yd_desk_accel(yd_job_run_service(run))};
    return hv && yd_hypervisor_start(hv, &spec, error);
}

static gboolean
look_again(YdJobRun *run, const char *what, const GError *last, GError **error)
{
    YdMachineState state;
    YdHypervisor *hv = hypervisor_of(run, error);
    if (!hv || !yd_hypervisor_machine_state(hv, text(run, "uuid"), &state, error))
        return FALSE;
    if (state != YD_MACHINE_RUNNING) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the machine ended by itself while it booted; see the host's "
                    "/var/log/libvirt/qemu/yd-%s.log",
                    text(run, "name"));
        return FALSE;
    }
    gint64 ms = yd_job_run_step_ms(run);
    if (ms >= PATIENCE_MS) {
        g_set_error(error, YD_ERROR, YD_ERROR_TIMEOUT, "%s within %d minutes: %s", what,
                    PATIENCE_MS / 60000, last ? last->message : "no answer");
        return FALSE;
    }
    yd_job_run_again(run, LOOK_MS);
    return yd_job_run_progress(run, MIN(90, (double)ms / 1000), error);
}

static gboolean
step_settle(YdJobRun *run, GError **error)
{
    g_autoptr(YdTemplateVersion) version = yd_template_version_of(run, error);
    YdHypervisor *hv = version ? hypervisor_of(run, error) : NULL;
    g_autoptr(GError) local = NULL;
    g_autofree char *output = NULL;
    int status = -1;
    if (!hv)
        return FALSE;
    const char *script = yd_clone_settled_script(g_strcmp0(version->access, "rdp") == 0);
    if (!yd_hypervisor_agent_ping(hv, text(run, "uuid"), PING_SECONDS, &local) ||
        !yd_hypervisor_agent_shell(hv, text(run, "uuid"), script, SCRIPT_SECONDS, &status, &output,
                                   &local))
        return look_again(run, "the guest agent did not answer", local, error);
    if (status == NOT_YET)
        return look_again(run, "the guest did not settle", NULL, error);
    if (status == 0)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE, "the guest cannot be frozen (status %d): %s",
                status, output);
    return FALSE;
}

// Frozen before a restart: the next step finds what it was saved to.
static gboolean
step_freeze(YdJobRun *run, GError **error)
{
    YdMachineState state = YD_MACHINE_OFF;
    YdHypervisor *hv = hypervisor_of(run, error);
    g_autofree char *path = yd_ram_image_path(storage_of(run), text(run, "name"), "save");
    if (!hv || !yd_hypervisor_machine_state(hv, text(run, "uuid"), &state, error))
        return FALSE;
    return state != YD_MACHINE_RUNNING || yd_hypervisor_freeze(hv, text(run, "uuid"), path, error);
}

static gboolean
step_seal(YdJobRun *run, GError **error)
{
    g_autoptr(YdTemplateVersion) version = yd_template_version_of(run, error);
    YdHypervisor *hv = version ? hypervisor_of(run, error) : NULL;
    YdHostFacts *facts = hv ? yd_hypervisor_facts(hv, error) : NULL;
    if (!facts)
        return FALSE;
    g_autoptr(json_t) kept =
        json_pack("{s:s?, s:s?, s:s, s:s?, s:s?}", "qemu", facts->qemu_version, "libvirt",
                  facts->libvirt_version, "accel", facts->accel == YD_ACCEL_KVM ? "kvm" : "tcg",
                  "cpu", facts->cpu_model, "checksum", version->checksum);
    yd_host_facts_free(facts);
    return yd_ram_image_seal(storage_of(run), text(run, "name"), kept, error);
}

static gboolean
store_image(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdTemplateVersion) version = tx ? yd_template_version_of(run, error) : NULL;
    if (!version)
        return FALSE;
    yd_set_string(&version->ram_image, text(run, "name"));
    yd_set_string(&version->ram_error, NULL);
    version->ram_vcpus = number(run, "vcpus");
    version->ram_memory_mib = number(run, "memory_mib");
    version->ram_made = yd_now_ms();
    return yd_store_update(store, &yd_template_version_type, version, error) &&
           yd_store_tx_commit(&tx, error);
}

static gboolean
step_note(YdJobRun *run, GError **error)
{
    YdHypervisor *hv = hypervisor_of(run, error);
    return hv && yd_hypervisor_remove(hv, text(run, "uuid"), error) && store_image(run, error) &&
           yd_ram_sweep(yd_job_run_service(run), yd_job_run_object(run), text(run, "name"), error);
}

static void
ram_failed(YdJobRun *run, const GError *why)
{
    g_autoptr(GError) error = NULL;
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdTemplateVersion) version = yd_template_version_of(run, &error);
    if (version && !g_error_matches(why, YD_ERROR, YD_ERROR_CANCELLED)) {
        yd_set_string(&version->ram_error, why->message);
        yd_store_update(store, &yd_template_version_type, version, &error);
    }
    if (error)
        g_debug("RAM image of %s: %s, ignoring", yd_job_run_object(run), error->message);
}

static const YdJobStep steps[] = {
    {"disk", step_disk, undo_disk, FALSE, 1}, {"launch", step_launch, NULL, TRUE, 2},
    {"settle", step_settle, NULL, TRUE, 20},  {"freeze", step_freeze, NULL, FALSE, 4},
    {"seal", step_seal, NULL, FALSE, 3},      {"note", step_note, NULL, FALSE, 1},
};

const YdJobKind yd_job_kind_template_ram = {"template-ram", "template-version",  TRUE,
                                            steps,          G_N_ELEMENTS(steps), ram_failed};
