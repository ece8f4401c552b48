// SPDX-License-Identifier: Apache-2.0
// A machine's domain XML from its spec. Every element here is one that the product wants; what is
// left out (controllers, addresses, emulator) is libvirt's to choose.
#include "hypervisor/domain-xml-parts.h"
#include "hypervisor/xml.h"

#define MAX_VCPUS 64
#define TB_CACHE_LARGE 256 // MiB of translated code, TCG; its default grows to 1 GiB per machine

void
yd_domain_xml_metadata(xmlNode *domain, const YdMachineSpec *spec)
{
    xmlNode *metadata = yd_xml_add(domain, "metadata", NULL);
    yd_xml_mark(metadata, YD_XML_MACHINE_NS, "machine", "desktop", spec->desktop_id);
}

// Room to add vCPUs while it runs. Not with TCG: QEMU 7.2 aborts when one comes after the others
// have filled the buffer of translated code (tcg_region_initial_alloc__locked).
static gint64
most_vcpus(const YdMachineSpec *spec, gboolean kvm)
{
    if (!kvm)
        return spec->vcpus;
    return CLAMP(spec->vcpus * 2, 4, MAX(MAX_VCPUS, spec->vcpus));
}

static void
add_size(xmlNode *domain, const YdMachineSpec *spec, gboolean kvm)
{
    g_autofree char *memory = g_strdup_printf("%" G_GINT64_FORMAT, spec->memory_mib);
    g_autofree char *current = g_strdup_printf("%" G_GINT64_FORMAT, spec->vcpus);
    g_autofree char *vcpus = g_strdup_printf("%" G_GINT64_FORMAT, most_vcpus(spec, kvm));
    xmlNode *node = yd_xml_add(domain, "memory", memory);
    yd_xml_set(node, "unit", "MiB");
    node = yd_xml_add(domain, "currentMemory", memory);
    yd_xml_set(node, "unit", "MiB");
    node = yd_xml_add(domain, "vcpu", vcpus);
    yd_xml_set(node, "placement", "static");
    yd_xml_set(node, "current", current);
}

static void
add_firmware_feature(xmlNode *firmware, const char *name, gboolean enabled)
{
    xmlNode *feature = yd_xml_add(firmware, "feature", NULL);
    yd_xml_set(feature, "enabled", enabled ? "yes" : "no");
    yd_xml_set(feature, "name", name);
}

// Who wants a TPM wants Secure Boot, too: Windows 11 is the only such system.
static void
add_os(xmlNode *domain, const YdMachineSpec *spec)
{
    xmlNode *os = yd_xml_add(domain, "os", NULL);
    if (spec->uefi)
        yd_xml_set(os, "firmware", "efi");
    xmlNode *type = yd_xml_add(os, "type", "hvm");
    yd_xml_set(type, "arch", "x86_64");
    yd_xml_set(type, "machine", "q35");
    if (spec->uefi) {
        xmlNode *firmware = yd_xml_add(os, "firmware", NULL);
        add_firmware_feature(firmware, "secure-boot", spec->tpm);
        if (spec->tpm) // with the keys that Windows and Linux distributions are signed for
            add_firmware_feature(firmware, "enrolled-keys", TRUE);
        if (spec->nvram)
            yd_xml_add(os, "nvram", spec->nvram);
    }
    yd_xml_set(yd_xml_add(os, "boot", NULL), "dev", "hd");
    if (spec->cdrom[0]) // while the disk is empty
        yd_xml_set(yd_xml_add(os, "boot", NULL), "dev", "cdrom");
}

// Enlightenments that Windows knows how to use (libvirt.org/formatdomain.html#hypervisor-features);
// QEMU offers them with KVM only.
static void
add_hyperv(xmlNode *features)
{
    static const char *const names[] = {"relaxed", "vapic",  "spinlocks",   "vpindex", "runtime",
                                        "synic",   "stimer", "frequencies", "reset"};
    xmlNode *hyperv = yd_xml_add(features, "hyperv", NULL);
    yd_xml_set(hyperv, "mode", "custom");
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        xmlNode *node = yd_xml_add(hyperv, names[i], NULL);
        yd_xml_set(node, "state", "on");
        if (g_str_equal(names[i], "spinlocks"))
            yd_xml_set(node, "retries", "8191");
    }
}

static void
add_features(xmlNode *domain, const YdMachineSpec *spec, gboolean kvm)
{
    xmlNode *features = yd_xml_add(domain, "features", NULL);
    yd_xml_add(features, "acpi", NULL);
    yd_xml_add(features, "apic", NULL);
    if (kvm && g_strcmp0(spec->os, "windows") == 0)
        add_hyperv(features);
    if (!kvm) {
        gint64 mib =
            spec->memory_mib >= 1024 ? TB_CACHE_LARGE : CLAMP(spec->memory_mib / 8, 16, 64);
        g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, mib);
        xmlNode *tcg = yd_xml_add(features, "tcg", NULL);
        yd_xml_set(yd_xml_add(tcg, "tb-cache", text), "unit", "MiB");
    }
}

// One socket: Windows for desktops uses no more than two, however many cores they have.
static void
add_topology(xmlNode *cpu, const YdMachineSpec *spec, gboolean kvm)
{
    g_autofree char *cores = g_strdup_printf("%" G_GINT64_FORMAT, most_vcpus(spec, kvm));
    xmlNode *topology = yd_xml_add(cpu, "topology", NULL);
    yd_xml_set(topology, "sockets", "1");
    yd_xml_set(topology, "dies", "1");
    yd_xml_set(topology, "cores", cores);
    yd_xml_set(topology, "threads", "1");
}

static void
add_cpu(xmlNode *domain, const YdMachineSpec *spec, gboolean kvm)
{
    xmlNode *cpu = yd_xml_add(domain, "cpu", NULL);
    if (kvm) {
        yd_xml_set(cpu, "mode", "host-model");
        yd_xml_set(cpu, "check", "partial");
        add_topology(cpu, spec, kvm);
        return;
    }
    yd_xml_set(cpu, "mode", "custom");
    yd_xml_set(cpu, "match", "exact");
    yd_xml_set(cpu, "check", "none");
    yd_xml_set(yd_xml_add(cpu, "model", "qemu64"), "fallback", "forbid");
    add_topology(cpu, spec, kvm);
}

static void
add_timer(xmlNode *clock, const char *name, const char *attribute, const char *value)
{
    xmlNode *timer = yd_xml_add(clock, "timer", NULL);
    yd_xml_set(timer, "name", name);
    yd_xml_set(timer, attribute, value);
}

static void
add_clock(xmlNode *domain, const YdMachineSpec *spec, gboolean kvm)
{
    gboolean windows = g_strcmp0(spec->os, "windows") == 0;
    xmlNode *clock = yd_xml_add(domain, "clock", NULL);
    yd_xml_set(clock, "offset", windows ? "localtime" : "utc");
    if (kvm) {
        add_timer(clock, "rtc", "tickpolicy", "catchup");
        add_timer(clock, "pit", "tickpolicy", "delay");
    }
    add_timer(clock, "hpet", "present", "no");
    if (kvm && windows)
        add_timer(clock, "hypervclock", "present", "yes");
}

static void
add_qcow2(xmlNode *devices, const char *path, const char *serial, const char *name, const char *bus)
{
    xmlNode *disk = yd_xml_add(devices, "disk", NULL);
    yd_xml_set(disk, "type", "file");
    yd_xml_set(disk, "device", "disk");
    xmlNode *driver = yd_xml_add(disk, "driver", NULL);
    yd_xml_set(driver, "name", "qemu");
    yd_xml_set(driver, "type", "qcow2");
    yd_xml_set(driver, "cache", "writeback"); // siblings share their base in the page cache
    yd_xml_set(driver, "discard", "unmap");
    yd_xml_set(driver, "detect_zeroes", "unmap");
    yd_xml_set(yd_xml_add(disk, "source", NULL), "file", path);
    xmlNode *target = yd_xml_add(disk, "target", NULL);
    yd_xml_set(target, "dev", name);
    yd_xml_set(target, "bus", bus);
    if (serial)
        yd_xml_add(disk, "serial", serial);
}

// sdb and sdc are the optical drives.
static void
add_disks(xmlNode *devices, const YdMachineSpec *spec)
{
    const char *bus = spec->standard ? "sata" : "virtio";
    add_qcow2(devices, spec->disk, NULL, spec->standard ? "sda" : "vda", bus);
    if (spec->personal)
        add_qcow2(devices, spec->personal, YD_PERSONAL_SERIAL, spec->standard ? "sdd" : "vdb", bus);
}

static void
add_cdroms(xmlNode *devices, const YdMachineSpec *spec)
{
    static const char *const names[] = {"sdb", "sdc"};
    for (guint i = 0; i < G_N_ELEMENTS(spec->cdrom); i++) {
        if (!spec->cdrom[i])
            continue;
        xmlNode *disk = yd_xml_add(devices, "disk", NULL);
        yd_xml_set(disk, "type", "file");
        yd_xml_set(disk, "device", "cdrom");
        xmlNode *driver = yd_xml_add(disk, "driver", NULL);
        yd_xml_set(driver, "name", "qemu");
        yd_xml_set(driver, "type", "raw");
        yd_xml_set(yd_xml_add(disk, "source", NULL), "file", spec->cdrom[i]);
        xmlNode *target = yd_xml_add(disk, "target", NULL);
        yd_xml_set(target, "dev", names[i]);
        yd_xml_set(target, "bus", "sata");
        yd_xml_add(disk, "readonly", NULL);
    }
}

static void
add_tpm(xmlNode *devices, const YdMachineSpec *spec)
{
    if (!spec->tpm)
        return;
    xmlNode *tpm = yd_xml_add(devices, "tpm", NULL);
    yd_xml_set(tpm, "model", "tpm-crb");
    xmlNode *backend = yd_xml_add(tpm, "backend", NULL);
    yd_xml_set(backend, "type", "emulator");
    yd_xml_set(backend, "version", "2.0");
}

static void
add_filter(xmlNode *nic, const char *ip)
{
    xmlNode *filter = yd_xml_add(nic, "filterref", NULL);
    yd_xml_set(filter, "filter", YD_NIC_FILTER);
    xmlNode *parameter = yd_xml_add(filter, "parameter", NULL);
    yd_xml_set(parameter, "name", "IP");
    yd_xml_set(parameter, "value", ip);
}

static void
fill_nic(xmlNode *nic, const YdNicSpec *spec, const char *model)
{
    yd_xml_set(nic, "type", "network");
    if (spec->mac)
        yd_xml_set(yd_xml_add(nic, "mac", NULL), "address", spec->mac);
    yd_xml_set(yd_xml_add(nic, "source", NULL), "network", spec->network);
    yd_xml_set(yd_xml_add(nic, "model", NULL), "type", model);
    if (spec->isolated)
        yd_xml_set(yd_xml_add(nic, "port", NULL), "isolated", "yes");
    if (spec->ip)
        add_filter(nic, spec->ip);
}

static void
add_nic(xmlNode *devices, const YdMachineSpec *spec)
{
    if (spec->nic.network)
        fill_nic(yd_xml_add(devices, "interface", NULL), &spec->nic,
                 spec->standard ? "e1000e" : "virtio");
}

char *
yd_nic_xml(const YdNicSpec *nic)
{
    xmlDoc *doc = yd_xml_new("interface");
    fill_nic(xmlDocGetRootElement(doc), nic, "virtio");
    return yd_xml_take_text(doc);
}

static void
add_listen(xmlNode *graphics, const char *type, const char *attribute, const char *value)
{
    xmlNode *listen = yd_xml_add(graphics, "listen", NULL);
    yd_xml_set(listen, "type", type);
    yd_xml_set(listen, attribute, value);
}

static void
add_spice(xmlNode *devices, gboolean no_clipboard)
{
    xmlNode *graphics = yd_xml_add(devices, "graphics", NULL);
    yd_xml_set(graphics, "type", "spice");
    yd_xml_set(graphics, "autoport", "yes");
    // Locked until a password is set: without any, QEMU would let everybody on this host in.
    yd_xml_set(graphics, "passwd", "locked");
    yd_xml_set(graphics, "passwdValidTo", "1970-01-01T00:00:01");
    add_listen(graphics, "address", "address", "127.0.0.1");
    yd_xml_set(yd_xml_add(graphics, "streaming", NULL), "mode", "filter");
    if (no_clipboard)
        yd_xml_set(yd_xml_add(graphics, "clipboard", NULL), "copypaste", "no");
    yd_xml_set(yd_xml_add(graphics, "filetransfer", NULL), "enable", "no");
}

void
yd_domain_xml_graphics(xmlNode *devices, const YdMachineSpec *spec)
{
    if (spec->spice)
        add_spice(devices, spec->no_clipboard);
    if (spec->vnc_socket) {
        xmlNode *graphics = yd_xml_add(devices, "graphics", NULL);
        yd_xml_set(graphics, "type", "vnc");
        add_listen(graphics, "socket", "socket", spec->vnc_socket);
    }
}

void
yd_domain_xml_vdagent(xmlNode *channel)
{
    xmlNode *source = yd_xml_add(channel, "source", NULL);
    yd_xml_set(yd_xml_add(source, "clipboard", NULL), "copypaste", "yes");
    yd_xml_set(yd_xml_add(source, "mouse", NULL), "mode", "client");
}

static void
add_channel(xmlNode *devices, const char *type, const char *name)
{
    xmlNode *channel = yd_xml_add(devices, "channel", NULL);
    yd_xml_set(channel, "type", type);
    if (g_str_equal(type, "qemu-vdagent"))
        yd_domain_xml_vdagent(channel);
    xmlNode *target = yd_xml_add(channel, "target", NULL);
    yd_xml_set(target, "type", "virtio");
    yd_xml_set(target, "name", name);
}

// One machine has one port for the desktop's agent: SPICE's clients or VNC's (LAB 5) get it.
static void
add_channels(xmlNode *devices, const YdMachineSpec *spec)
{
    add_channel(devices, "unix", "org.qemu.guest_agent.0");
    if (spec->console_vdagent)
        add_channel(devices, "qemu-vdagent", "com.redhat.spice.0");
    else if (spec->spice)
        add_channel(devices, "spicevmc", "com.redhat.spice.0");
}

// Absolute positions for SPICE and VNC. The keyboard is the PS/2 one that libvirt adds: every
// firmware and kernel has its driver, while a USB keyboard would take the keys even where nobody
// reads it.
static void
add_tablet(xmlNode *devices)
{
    xmlNode *input = yd_xml_add(devices, "input", NULL);
    yd_xml_set(input, "type", "tablet");
    yd_xml_set(input, "bus", "usb");
}

static void
add_sound_and_video(xmlNode *devices, const YdMachineSpec *spec)
{
    gboolean windows = g_strcmp0(spec->os, "windows") == 0;
    yd_xml_set(yd_xml_add(devices, "sound", NULL), "model", "ich9");
    xmlNode *audio = yd_xml_add(devices, "audio", NULL);
    yd_xml_set(audio, "id", "1");
    yd_xml_set(audio, "type", spec->spice ? "spice" : "none");
    xmlNode *video = yd_xml_add(devices, "video", NULL);
    yd_xml_set(yd_xml_add(video, "model", NULL), "type",
               !windows ? "virtio" : (spec->spice ? "qxl" : "vga"));
}

static void
add_balloon(xmlNode *devices, const YdMachineSpec *spec)
{
    xmlNode *balloon = yd_xml_add(devices, "memballoon", NULL);
    // A balloon would punch holes into the file of the memory, which is its siblings' too.
    yd_xml_set(balloon, "model", spec->ram_file ? "none" : "virtio");
    if (spec->ram_file)
        return;
    if (spec->balloon_free_pages)
        yd_xml_set(balloon, "freePageReporting", "on");
    yd_xml_set(yd_xml_add(balloon, "stats", NULL), "period", "10");
}

static void
add_devices(xmlNode *domain, const YdMachineSpec *spec)
{
    xmlNode *devices = yd_xml_add(domain, "devices", NULL);
    add_disks(devices, spec);
    add_cdroms(devices, spec);
    xmlNode *usb = yd_xml_add(devices, "controller", NULL);
    yd_xml_set(usb, "type", "usb");
    yd_xml_set(usb, "model", "qemu-xhci");
    add_nic(devices, spec);
    yd_xml_set(yd_xml_add(devices, "serial", NULL), "type", "pty");
    add_channels(devices, spec);
    add_tablet(devices);
    add_tpm(devices, spec);
    yd_domain_xml_graphics(devices, spec);
    add_sound_and_video(devices, spec);
    xmlNode *rng = yd_xml_add(devices, "rng", NULL);
    yd_xml_set(rng, "model", "virtio");
    yd_xml_set(yd_xml_add(rng, "backend", "/dev/urandom"), "model", "random");
    add_balloon(devices, spec);
}

char *
yd_domain_xml(const YdMachineSpec *spec, gboolean kvm)
{
    xmlDoc *doc = yd_xml_new("domain");
    xmlNode *domain = xmlDocGetRootElement(doc);
    yd_xml_set(domain, "type", kvm ? "kvm" : "qemu");
    yd_xml_add(domain, "name", spec->name);
    yd_xml_add(domain, "uuid", spec->uuid);
    if (spec->title)
        yd_xml_add(domain, "title", spec->title);
    yd_domain_xml_metadata(domain, spec);
    add_size(domain, spec, kvm);
    add_os(domain, spec);
    add_features(domain, spec, kvm);
    add_cpu(domain, spec, kvm);
    add_clock(domain, spec, kvm);
    yd_xml_add(domain, "on_poweroff", "destroy");
    yd_xml_add(domain, "on_reboot", "restart");
    yd_xml_add(domain, "on_crash", "destroy");
    add_devices(domain, spec);
    yd_domain_xml_ram(domain, spec);
    return yd_xml_take_text(doc);
}

// The test driver (test:///) knows only domains of type "test" and few devices.
char *
yd_domain_xml_test(const YdMachineSpec *spec)
{
    xmlDoc *doc = yd_xml_new("domain");
    xmlNode *domain = xmlDocGetRootElement(doc);
    yd_xml_set(domain, "type", "test");
    yd_xml_add(domain, "name", spec->name);
    yd_xml_add(domain, "uuid", spec->uuid);
    yd_domain_xml_metadata(domain, spec);
    add_size(domain, spec, TRUE);
    yd_xml_add(yd_xml_add(domain, "os", NULL), "type", "hvm");
    xmlNode *devices = yd_xml_add(domain, "devices", NULL);
    add_disks(devices, spec);
    add_nic(devices, spec);
    if (spec->spice)
        add_spice(devices, spec->no_clipboard);
    return yd_xml_take_text(doc);
}

char *
yd_domain_xml_desktop(const char *xml)
{
    return yd_xml_marked(xml, YD_XML_MACHINE_NS, "desktop");
}
