// SPDX-License-Identifier: Apache-2.0
// The fake's restore points. Its machines run nothing, so their disks are real files that nobody
// has open: qemu-img makes the points in them.
#include "hypervisor/fake-private.h"

#include <string.h>

// Paused or running; STATE otherwise.
static gboolean
check_awake(FakeHost *host, const char *uuid, GError **error)
{
    const FakeMachine *machine = yd_fake_machine(host, uuid, FALSE, error);
    if (!machine)
        return FALSE;
    if (machine->state == YD_MACHINE_RUNNING || machine->state == YD_MACHINE_PAUSED)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE, "machine '%s' does not run", uuid);
    return FALSE;
}

// name NULL: without one.
static gboolean
qemu_img(const char *option, const char *name, const char *disk, char **ret_said, GError **error)
{
    const char *argv[] = {"qemu-img",         "snapshot",         option,
                          name ? name : disk, name ? disk : NULL, NULL};
    int status = 0;
    g_autoptr(GError) why = NULL;
    if (g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, ret_said, NULL,
                     &status, &why) &&
        g_spawn_check_wait_status(status, &why))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "qemu-img snapshot %s %s: %s", option, disk,
                why->message);
    return FALSE;
}

static gboolean
act(const char *disk, const char *name, gboolean drop, GError **error)
{
    g_autofree char *list = NULL;
    if (!qemu_img("-l", NULL, disk, &list, error))
        return FALSE;
    gboolean has = list && strstr(list, name);
    return has != drop || qemu_img(drop ? "-d" : "-c", name, disk, NULL, error);
}

gboolean
yd_fake_point(YdHypervisor *hv, const char *uuid, const char *const *disks, const char *name,
              gboolean drop, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, drop ? "point_drop" : "point", &host, error))
        return FALSE;
    gboolean good = check_awake(host, uuid, error);
    g_mutex_unlock(&host->lock);
    for (guint i = 0; good && disks[i]; i++)
        good = act(disks[i], name, drop, error);
    return good;
}

gboolean
yd_fake_is_still(YdHypervisor *hv, const char *uuid)
{
    FakeHost *host = ((FakeHypervisor *)hv)->host;
    g_mutex_lock(&host->lock);
    const FakeMachine *machine = g_hash_table_lookup(host->machines, uuid);
    gboolean still = machine && machine->still;
    g_mutex_unlock(&host->lock);
    return still;
}
