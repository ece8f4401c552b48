// SPDX-License-Identifier: Apache-2.0
// RAM images as people ask for them. The job is ram-image-job.c.
#include "service/ram-image.h"

#include <string.h>

#include "base/id.h"
#include "service/change.h"
#include "service/check.h"
#include "service/template-version.h"
#include "storage/ram-image.h"

static char *
title_of(const YdTemplateVersion *version)
{
    return g_strdup_printf("%s:%" G_GINT64_FORMAT, version->template_name, version->number);
}

static gboolean
check_version(YdStore *store, const YdTemplateVersion *version, GError **error)
{
    g_autoptr(YdTemplate) template =
        yd_store_get(store, &yd_template_type, version->template_id, error);
    if (!template || !yd_template_version_check_ready(version, error))
        return FALSE;
    if (g_strcmp0(template->os, "linux") == 0 && g_strcmp0(template->firmware, "bios") == 0 &&
        g_strcmp0(template->devices, "standard") != 0 && !template->tpm)
        return TRUE;
    return yd_error_invalid(error, "id",
                            "only a Linux system that starts by BIOS, with virtio devices, can "
                            "have a RAM image");
}

// As the pools of that version have it; those first that want instant starts.
static gboolean
find_size(YdStore *store, const char *version_id, gint64 *vcpus, gint64 *memory_mib, GError **error)
{
    g_autoptr(GPtrArray) pools =
        yd_store_all(store, &yd_pool_type, "template_version_id", version_id, error);
    const YdPool *found = NULL;
    if (!pools)
        return FALSE;
    for (guint i = 0; i < pools->len; i++) {
        const YdPool *pool = g_ptr_array_index(pools, i);
        if (!found || (pool->instant && !found->instant))
            found = pool;
    }
    if (found && *vcpus == 0)
        *vcpus = found->vcpus;
    if (found && *memory_mib == 0)
        *memory_mib = found->memory_mib;
    if (*vcpus == 0 || *memory_mib == 0)
        return yd_error_invalid(error, *vcpus ? "memory_mib" : "vcpus",
                                "is missing, and no pool is made of this version");
    return yd_check_int("vcpus", *vcpus, 1, 64, error) &&
           yd_check_int("memory_mib", *memory_mib, 64, 1 << 20, error);
}

gboolean
yd_ram_make(YdService *service, const YdActor *actor, const char *version_id, gint64 vcpus,
            gint64 memory_mib, YdJob **ret_job, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdTemplateVersion) version = NULL;
    if (!store || !yd_service_allowed(actor, YD_RIGHT_TEMPLATES_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(version = yd_store_get(store, &yd_template_version_type, version_id, error)) ||
        !check_version(store, version, error) ||
        !find_size(store, version_id, &vcpus, &memory_mib, error))
        return FALSE;
    g_autofree char *title = title_of(version);
    g_autofree char *uuid = g_uuid_string_random();
    g_autofree char *name =
        g_strdup_printf("%s-ram-%" G_GINT64_MODIFIER "x", version_id, yd_now_ms());
    json_t *args = json_pack("{s:s, s:s, s:I, s:I}", "name", name, "uuid", uuid, "vcpus",
                             (json_int_t)vcpus, "memory_mib", (json_int_t)memory_mib);
    g_autoptr(YdJob) job =
        yd_job_submit(service, actor, "template-ram", version_id, title, args, NULL, error);
    json_decref(args);
    if (!job ||
        !yd_service_audit(service, actor, "template.ram.make", "template-version", version_id,
                          title, NULL, error) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    if (ret_job)
        *ret_job = g_steal_pointer(&job);
    return TRUE;
}

gboolean
yd_ram_delete(YdService *service, const YdActor *actor, const char *version_id, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdTemplateVersion) version = NULL;
    if (!store || !yd_service_allowed(actor, YD_RIGHT_TEMPLATES_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(version = yd_store_get(store, &yd_template_version_type, version_id, error)))
        return FALSE;
    if (!version->ram_image) {
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND,
                    "version %" G_GINT64_FORMAT " of “%s” has no RAM image", version->number,
                    version->template_name);
        return FALSE;
    }
    g_autofree char *title = title_of(version);
    g_autofree char *name = g_strdup(version->ram_image);
    yd_set_string(&version->ram_image, NULL);
    version->ram_vcpus = version->ram_memory_mib = version->ram_made = 0;
    // First nobody knows it any more, then it goes; what a kill leaves the next sweep takes.
    return yd_store_update(store, &yd_template_version_type, version, error) &&
           yd_service_audit(service, actor, "template.ram.delete", "template-version", version_id,
                            title, NULL, error) &&
           yd_store_tx_commit(&tx, error) &&
           yd_ram_image_delete(yd_service_storage(service), name, error);
}

gboolean
yd_ram_sweep(YdService *service, const char *version_id, const char *keep, GError **error)
{
    YdStorage *storage = yd_service_storage(service);
    g_autofree char *prefix = g_strdup_printf("%s-ram-", version_id);
    g_autoptr(GPtrArray) images = yd_storage_list(storage, error);
    for (guint i = 0; images && i < images->len; i++) {
        const char *image = g_ptr_array_index(images, i);
        if (!g_str_has_prefix(image, prefix))
            continue;
        g_autofree char *name = g_strndup(image, strlen(image) - strlen(".qcow2"));
        if (g_strcmp0(name, keep) != 0 && !yd_ram_image_delete(storage, name, error))
            return FALSE;
    }
    return images != NULL;
}
