// SPDX-License-Identifier: Apache-2.0
// Domain and network XML against golden files in tests/data/xml; YD_REWRITE=1 writes them anew.
// Where virt-xml-validate is there, each is checked against libvirt's schemas too.
#include "hypervisor/domain-xml.h"
#include "hypervisor/xml.h"

#include <string.h>

static char *
golden_path(const char *name)
{
    return g_strdup_printf("%s/xml/%s.xml", g_getenv("YD_TEST_DATA"), name);
}

static void
compare(const char *name, const char *xml)
{
    g_autofree char *path = golden_path(name);
    g_autofree char *wanted = NULL;
    g_autoptr(GError) error = NULL;
    if (g_getenv("YD_REWRITE"))
        g_assert_true(g_file_set_contents(path, xml, -1, NULL));
    g_file_get_contents(path, &wanted, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(xml, ==, wanted);
}

static void
validate(const char *name, const char *schema)
{
    g_autofree char *tool = g_find_program_in_path("virt-xml-validate");
    g_autofree char *path = golden_path(name);
    g_autofree char *out = NULL, *said = NULL;
    int status = -1;
    if (!tool)
        return;
    char *argv[] = {tool, path, (char *)schema, NULL};
    g_assert_true(g_spawn_sync(NULL, argv, NULL, 0, NULL, NULL, &out, &said, &status, NULL));
    if (status != 0)
        g_error("%s: %s%s", path, out, said);
}

static const YdMachineSpec linux_spec = {
    .uuid = "11111111-2222-4333-8444-555555555555",
    .name = "yd-dsk-01jd00000000000000000000aa",
    .desktop_id = "dsk-01jd00000000000000000000aa",
    .title = "Zhang San's <desktop> & more",
    .vcpus = 2,
    .memory_mib = 3072,
    .disk = "/var/lib/yundesk/images/dsk-01jd00000000000000000000aa.qcow2",
    .nic = {.mac = "52:54:0a:63:00:0c", .network = "yd-office", .ip = "10.99.0.12"},
    .os = "linux",
    .vnc_socket = "/run/yundesk/vnc/dsk-01jd00000000000000000000aa.sock",
    .spice = TRUE,
};

static void
check_domain(const char *name, const YdMachineSpec *spec, gboolean kvm)
{
    g_autofree char *xml = yd_domain_xml(spec, kvm);
    compare(name, xml);
    validate(name, "domain");
    g_autofree char *id = yd_domain_xml_desktop(xml);
    g_assert_cmpstr(id, ==, spec->desktop_id);
}

static void
test_domains(void)
{
    YdMachineSpec spec = linux_spec;
    check_domain("linux-kvm", &spec, TRUE);
    check_domain("linux-tcg", &spec, FALSE);
    spec.personal = "/var/lib/yundesk/images/pdk-01jd00000000000000000000ab.qcow2";
    check_domain("linux-personal-tcg", &spec, FALSE);
    spec.standard = TRUE;
    check_domain("standard-personal-tcg", &spec, FALSE);
    spec = linux_spec;
    spec.nic.isolated = TRUE;
    check_domain("linux-isolated-tcg", &spec, FALSE);
    spec = linux_spec;
    spec.no_clipboard = TRUE;
    check_domain("linux-no-clipboard-kvm", &spec, TRUE);
    spec.no_clipboard = FALSE;
    spec.memory_mib = 128;
    spec.vcpus = 1;
    spec.nic = (YdNicSpec){0};
    spec.title = NULL;
    spec.spice = FALSE;
    spec.console_vdagent = TRUE;
    spec.balloon_free_pages = TRUE;
    check_domain("tiny-tcg", &spec, FALSE);
    spec = linux_spec;
    spec.os = "windows";
    spec.uefi = TRUE;
    spec.nvram = "/var/lib/yundesk/images/nvram/dsk-01jd00000000000000000000aa.fd";
    check_domain("windows-uefi-kvm", &spec, TRUE);
    spec.vnc_socket = NULL;
    spec.spice = FALSE;
    check_domain("windows-uefi-tcg", &spec, FALSE);
}

// What a workbench of each system has: its media, and devices that its installer knows.
static void
test_workbenches(void)
{
    YdMachineSpec spec = linux_spec;
    spec.nic = (YdNicSpec){0};
    spec.cdrom[0] = "/var/lib/yundesk/media/med-01jd00000000000000000000aa.iso";
    check_domain("workbench-linux", &spec, TRUE);
    spec.os = "windows";
    spec.uefi = TRUE;
    spec.nvram = "/var/lib/yundesk/images/nvram/dsk-01jd00000000000000000000aa.fd";
    spec.cdrom[1] = "/var/lib/yundesk/media/med-01jd00000000000000000000ab.iso";
    check_domain("workbench-windows-10", &spec, TRUE);
    spec.tpm = TRUE;
    check_domain("workbench-windows-11", &spec, TRUE);
    spec = linux_spec;
    spec.os = "windows";
    spec.cdrom[0] = "/var/lib/yundesk/media/med-01jd00000000000000000000aa.iso";
    spec.standard = TRUE;
    check_domain("workbench-windows-old", &spec, TRUE);
}

// A template's machine as it was saved (libvirt 9.0), and a clone of it.
static void
test_clone(void)
{
    g_autofree char *path = g_strdup_printf("%s/xml/clone-saved.txt", g_getenv("YD_TEST_DATA"));
    g_autofree char *saved = NULL;
    g_autoptr(GError) error = NULL;
    g_assert_true(g_file_get_contents(path, &saved, NULL, &error));
    YdMachineSpec spec = linux_spec;
    spec.vcpus = 1;
    spec.memory_mib = 128;
    spec.ram_file = "/var/lib/yundesk/images/ram/tpv-a-ram-1.ram";
    g_autofree char *xml = yd_hypervisor_clone_xml(saved, &spec, &error);
    g_assert_no_error(error);
    compare("clone", xml);
    validate("clone", "domain");
    spec.console_vdagent = TRUE;
    g_autofree char *vdagent = yd_hypervisor_clone_xml(saved, &spec, &error);
    compare("clone-vdagent", vdagent);
    validate("clone-vdagent", "domain");
    spec = linux_spec;
    spec.nic = (YdNicSpec){0};
    spec.ram_file = "/var/lib/yundesk/images/ram/tpv-a-ram-1.ram";
    spec.ram_shared = TRUE;
    check_domain("ram-template", &spec, FALSE);
    const YdNicSpec card = {.mac = "52:54:0a:63:00:0c", .network = "yd-office", .ip = "10.99.0.12"};
    g_autofree char *nic = yd_nic_xml(&card);
    g_assert_nonnull(strstr(nic, "52:54:0a:63:00:0c"));
    g_assert_nonnull(strstr(nic, "value=\"10.99.0.12\""));
}

static void
test_clone_refused(void)
{
    static const char *const bad[] = {
        "",
        "no xml",
        "<network/>",
        "<domain/>",
        "<domain><os/><devices/></domain>",
        "<domain><memory unit='KiB'>131072</memory><vcpu>1</vcpu><os/><devices/></domain>",
        "<domain><memory unit='KiB'>65536</memory><vcpu>1</vcpu><os/><devices>"
        "<disk device='disk'/></devices></domain>",
        "<domain><memory unit='KiB'>131072</memory><vcpu>1</vcpu><os/><devices>"
        "<disk device='disk'/><disk device='disk'/></devices></domain>",
        "<domain><memory unit='KiB'>131072</memory><vcpu>1</vcpu><os/><devices>"
        "<disk device='disk'/><interface/></devices></domain>"};
    YdMachineSpec spec = linux_spec;
    spec.vcpus = 1;
    spec.memory_mib = 128;
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(yd_hypervisor_clone_xml(bad[i], &spec, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    }
}

static void
test_tb_cache(void)
{
    static const struct {
        gint64 memory;
        const char *cache;
    } cases[] = {{64, ">16<"},  {128, ">16<"},  {256, ">32<"},
                 {512, ">64<"}, {1023, ">64<"}, {1024, ">256<"}};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        YdMachineSpec spec = linux_spec;
        spec.memory_mib = cases[i].memory;
        g_autofree char *xml = yd_domain_xml(&spec, FALSE);
        const char *at = strstr(xml, "<tb-cache unit=\"MiB\"");
        g_assert_nonnull(at);
        g_assert_true(g_str_has_prefix(strchr(at, '>'), cases[i].cache));
    }
}

static void
test_network(void)
{
    YdNetworkSpec spec = {
        .name = "yd-office",
        .uuid = "11111111-2222-4333-8444-666666666666",
        .network_id = "net-01jd00000000000000000000aa",
        .bridge = "yd0",
        .gateway = "10.99.0.1",
        .prefix = 24,
        .range_first = "10.99.0.10",
        .range_last = "10.99.0.13",
    };
    g_autofree char *xml = yd_network_xml(&spec);
    compare("network", xml);
    validate("network", "network");
    spec.mac = "52:54:0a:63:00:01";
    spec.mtu = 1450;
    g_autofree char *segment = yd_network_xml(&spec);
    compare("network-segment", segment);
    validate("network-segment", "network");
    spec.range_last = "10.99.255.250";
    g_autofree char *large = yd_network_xml(&spec);
    guint standing = 0;
    for (const char *at = large; (at = strstr(at, "<host mac=\"52:54:0a:63:")); at++)
        standing++;
    g_assert_cmpuint(standing, ==, 4096);
    g_autofree char *id = yd_xml_marked(xml, YD_XML_NETWORK_NS, "id");
    g_assert_cmpstr(id, ==, spec.network_id);
    YdDhcpHost host = {.mac = "52:54:0a:63:00:0c", .ip = "10.99.0.12", .name = "a\"b<"};
    g_autofree char *line = yd_dhcp_host_xml(&host);
    g_assert_cmpstr(line, ==,
                    "<host mac=\"52:54:0a:63:00:0c\" name=\"a&quot;b&lt;\" ip=\"10.99.0.12\"/>\n");
}

// What a network has from the start is told from what was added to it.
static void
test_standing(void)
{
    static const struct {
        const char *xml;
        gboolean standing, covered;
    } cases[] = {
        {"<host mac='52:54:0a:63:00:0c' ip='10.99.0.12'/>", TRUE, TRUE},
        {"<host mac='52:54:0A:63:00:0C' ip='10.99.0.12'/>", TRUE, TRUE},
        {"<host mac='52:54:0a:63:00:0e' ip='10.99.0.14'/>", TRUE, FALSE},
        {"<host mac='52:54:0a:63:00:09' ip='10.99.0.9'/>", TRUE, FALSE},
        {"<host mac='52:54:0a:63:00:0c' ip='10.99.0.12' name='dsk-1'/>", FALSE, TRUE},
        {"<host mac='52:54:0a:63:00:0d' ip='10.99.0.12'/>", FALSE, TRUE},
        {"<host mac='52:54:0a:63:00:0c'/>", FALSE, FALSE},
        {"<host ip='10.99.0.12'/>", FALSE, TRUE},
        {"<host mac='52:54:0a:63:00:0c' ip='ten'/>", FALSE, FALSE},
    };
    const YdNetworkSpec spec = {.range_first = "10.99.0.10", .range_last = "10.99.0.13"};
    const YdNetworkSpec none = {.name = "yd-none"};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        xmlDoc *doc = yd_xml_parse(cases[i].xml);
        const xmlNode *host = xmlDocGetRootElement(doc);
        g_assert_cmpint(yd_dhcp_is_standing(host), ==, cases[i].standing);
        g_assert_cmpint(yd_dhcp_covers(&spec, host), ==, cases[i].covered);
        g_assert_false(yd_dhcp_covers(&none, host));
        xmlFreeDoc(doc);
    }
}

static void
test_foreign(void)
{
    g_assert_null(yd_domain_xml_desktop("<domain><name>yd-x</name></domain>"));
    g_assert_null(yd_domain_xml_desktop("<domain><metadata><a xmlns='urn:other' desktop='dsk-1'/>"
                                        "</metadata></domain>"));
    g_assert_null(yd_domain_xml_desktop("not xml"));
    g_assert_null(yd_domain_xml_desktop(""));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/xml/domains", test_domains);
    g_test_add_func("/xml/workbenches", test_workbenches);
    g_test_add_func("/xml/clone", test_clone);
    g_test_add_func("/xml/clone-refused", test_clone_refused);
    g_test_add_func("/xml/tb-cache", test_tb_cache);
    g_test_add_func("/xml/network", test_network);
    g_test_add_func("/xml/standing-addresses", test_standing);
    g_test_add_func("/xml/foreign", test_foreign);
    return g_test_run();
}
