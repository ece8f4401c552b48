// SPDX-License-Identifier: Apache-2.0
// The fake's saved machines: a file of libvirt's form with a stream of QEMU's that holds one block
// without pages, enough for what takes it apart.
#include "hypervisor/fake-private.h"

#include <string.h>

static void
add(GString *out, const void *bytes, gsize length)
{
    g_string_append_len(out, bytes, (gssize)length);
}

static void
add_number(GString *out, guint64 value, guint length)
{
    for (guint i = length; i > 0; i--)
        g_string_append_c(out, (char)(value >> (8 * (i - 1))));
}

static void
add_stream(GString *out, guint64 bytes)
{
    static const char machine[] = "fake-1.0", block[] = "yd-ram";
    add(out, "QEVM\0\0\0\3\7", 9);
    add_number(out, strlen(machine), 4);
    add(out, machine, strlen(machine));
    add(out, "\1\0\0\0\1\3ram\0\0\0\0\0\0\0\4", 17);
    add_number(out, bytes | 4, 8); // the list of blocks
    add_number(out, strlen(block), 1);
    add(out, block, strlen(block));
    add_number(out, bytes, 8);
    add_number(out, 0x10, 8);
    add(out, "\x7e\0\0\0\1", 5);
    add(out, "\3\0\0\0\1", 5);
    add_number(out, 0x10, 8);
    add(out, "\x7e\0\0\0\1", 5);
    add(out, "\4device", 7);
}

static GString *
saved(const FakeMachine *machine)
{
    static const guint32 unused[14];
    g_autofree char *xml = g_strdup_printf(
        "<domain type='qemu'><name>%s</name><memory unit='KiB'>%" G_GINT64_FORMAT "</memory>"
        "<vcpu>%" G_GINT64_FORMAT "</vcpu><os/><devices><disk type='file' device='disk'/>"
        "</devices></domain>",
        machine->name, machine->memory_mib * 1024, machine->vcpus);
    const guint32 fields[] = {2, (guint32)strlen(xml) + 1, 1, 0, 0};
    GString *out = g_string_new("LibvirtQemudSave");
    add(out, fields, sizeof fields);
    add(out, unused, sizeof unused);
    add(out, xml, strlen(xml) + 1);
    add_stream(out, (guint64)machine->memory_mib << 20);
    return out;
}

gboolean
yd_fake_freeze(YdHypervisor *hv, const char *uuid, const char *path, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "freeze", &host, error))
        return FALSE;
    FakeMachine *machine = yd_fake_machine(host, uuid, TRUE, error);
    GString *bytes = machine ? saved(machine) : NULL;
    if (machine) {
        machine->state = YD_MACHINE_OFF;
        yd_fake_emit(host, uuid, "stopped");
        g_cond_broadcast(&host->changed);
    }
    g_mutex_unlock(&host->lock);
    if (!bytes)
        return FALSE;
    gboolean good = g_file_set_contents(path, bytes->str, (gssize)bytes->len, error);
    g_string_free(bytes, TRUE);
    return good;
}

gboolean
yd_fake_thaw(YdHypervisor *hv, const YdMachineSpec *spec, const char *path, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "thaw", &host, error))
        return FALSE;
    g_mutex_unlock(&host->lock);
    if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
        return yd_fake_start(hv, spec, error);
    g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "there is no saved machine '%s'", path);
    return FALSE;
}

gboolean
yd_fake_attach_nic(YdHypervisor *hv, const char *uuid, const YdNicSpec *nic, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "attach_nic", &host, error))
        return FALSE;
    FakeMachine *machine = yd_fake_machine(host, uuid, TRUE, error);
    if (machine) {
        g_free(machine->mac);
        g_free(machine->network);
        machine->mac = g_strdup(nic->mac);
        machine->network = g_strdup(nic->network);
    }
    g_mutex_unlock(&host->lock);
    return machine != NULL;
}
