// SPDX-License-Identifier: Apache-2.0
// Restore points of running machines: QEMU's internal snapshots of disks, all of one moment by one
// transaction (QEMU QMP reference: transaction, blockdev-snapshot-internal-sync). libvirt has no
// verb for them without the machine's memory, so they go by its pass-through of the monitor.
#include "hypervisor/libvirt-private.h"

#include <jansson.h>
#include <libvirt/libvirt-qemu.h>
#include <stdlib.h>
#include <string.h>

#include "base/json-util.h"

static gboolean
refused(const json_t *answer, const char *execute, GError **error)
{
    const char *why = json_string_value(json_object_get(json_object_get(answer, "error"), "desc"));
    if (!why)
        why = "no reason given";
    g_set_error(error, YD_ERROR,
                strstr(why, "No space left on device") ? YD_ERROR_NO_SPACE : YD_ERROR_STATE,
                "QEMU refuses '%s': %s", execute, why);
    return FALSE;
}

// What the monitor returns; owned. Takes arguments.
static json_t *
monitor(virDomain *domain, const char *execute, json_t *arguments, GError **error)
{
    g_autoptr(json_t) command =
        json_pack("{s:s, s:o*}", "execute", execute, "arguments", arguments);
    g_autofree char *text = yd_json_text(command);
    char *said = NULL;
    if (virDomainQemuMonitorCommand(domain, text, &said, 0) != 0) {
        yd_libvirt_fail(error, "the monitor of the machine does not answer '%s'", execute);
        return NULL;
    }
    g_autoptr(json_t) answer = json_loads(said, 0, NULL);
    free(said);
    json_t *result = json_object_get(answer, "return");
    if (result)
        return json_incref(result);
    refused(answer, execute, error);
    return NULL;
}

static gboolean
has_point(const json_t *image, const char *name)
{
    size_t i;
    json_t *point;
    json_array_foreach(json_object_get(image, "snapshots"), i, point)
    {
        if (g_strcmp0(json_string_value(json_object_get(point, "name")), name) == 0)
            return TRUE;
    }
    return FALSE;
}

// The node of the disk with that file, and whether it has the point; NULL with error. Borrowed.
static const char *
node_of(const json_t *blocks, const char *disk, const char *name, gboolean *ret_has, GError **error)
{
    size_t i;
    json_t *block;
    json_array_foreach(blocks, i, block)
    {
        const json_t *inserted = json_object_get(block, "inserted");
        const json_t *image = json_object_get(inserted, "image");
        const char *node = json_string_value(json_object_get(inserted, "node-name"));
        if (!node || g_strcmp0(json_string_value(json_object_get(image, "filename")), disk) != 0)
            continue;
        *ret_has = has_point(image, name);
        return node;
    }
    g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "the machine has no disk '%s'", disk);
    return NULL;
}

static gboolean
make(virDomain *domain, const json_t *blocks, const char *const *disks, const char *name,
     GError **error)
{
    g_autoptr(json_t) actions = json_array();
    for (guint i = 0; disks[i]; i++) {
        gboolean has = FALSE;
        const char *node = node_of(blocks, disks[i], name, &has, error);
        if (!node)
            return FALSE;
        if (!has)
            json_array_append_new(actions, json_pack("{s:s, s:{s:s, s:s}}", "type",
                                                     "blockdev-snapshot-internal-sync", "data",
                                                     "device", node, "name", name));
    }
    if (json_array_size(actions) == 0)
        return TRUE;
    g_autoptr(json_t) done =
        monitor(domain, "transaction", json_pack("{s:O}", "actions", actions), error);
    return done != NULL;
}

static gboolean
drop(virDomain *domain, const json_t *blocks, const char *const *disks, const char *name,
     GError **error)
{
    for (guint i = 0; disks[i]; i++) {
        gboolean has = FALSE;
        const char *node = node_of(blocks, disks[i], name, &has, error);
        if (!node)
            return FALSE;
        if (!has)
            continue;
        g_autoptr(json_t) done =
            monitor(domain, "blockdev-snapshot-delete-internal-sync",
                    json_pack("{s:s, s:s}", "device", node, "name", name), error);
        if (!done)
            return FALSE;
    }
    return TRUE;
}

gboolean
yd_libvirt_point(YdHypervisor *hv, const char *uuid, const char *const *disks, const char *name,
                 gboolean drop_it, GError **error)
{
    g_autoptr(virDomain) domain = yd_libvirt_domain(hv, uuid, error);
    g_autoptr(json_t) blocks = domain ? monitor(domain, "query-block", NULL, error) : NULL;
    if (!blocks)
        return FALSE;
    return drop_it ? drop(domain, blocks, disks, name, error)
                   : make(domain, blocks, disks, name, error);
}
