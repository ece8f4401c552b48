// SPDX-License-Identifier: Apache-2.0
// The hypervisor contract on what needs no machine: the fake and libvirt's test driver.
#include "suite.h"

static const YdMachineSpec spec = {
    .uuid = "11111111-2222-4333-8444-555555555555",
    .name = "yd-dsk-contract",
    .desktop_id = "dsk-contract",
    .vcpus = 2,
    .memory_mib = 512,
    .disk = "/images/dsk-contract.qcow2",
    .nic.mac = "52:54:0a:63:00:0c",
    .nic.network = "yd-contract",
    .os = "linux",
    .spice = TRUE,
};

static const YdNetworkSpec network = {
    .name = "yd-contract",
    .network_id = "net-contract",
    .bridge = "ydc0",
    .gateway = "10.99.0.1",
    .prefix = 24,
    .range_first = "10.99.0.10",
    .range_last = "10.99.0.200",
};

static void
test_fake(void)
{
    Subject subject = {.uri = "fake:contract", .agent = TRUE, .dhcp = TRUE, .spice = TRUE};
    subject.spec = spec;
    subject.network = network;
    subject_open(&subject);
    suite_run(&subject);
    subject_close(&subject);
}

static void
test_test_driver(void)
{
    Subject subject = {.uri = "test:///default"};
    subject.spec = spec;
    subject.network = network;
    subject_open(&subject);
    suite_run(&subject);
    // other people's machine ("test") and network ("default") are none of ours
    g_autoptr(GPtrArray) machines = yd_hypervisor_machines(subject.hv, NULL);
    g_assert_cmpuint(machines->len, ==, 0);
    YdNetworkSpec foreign = network;
    foreign.name = "default";
    foreign.bridge = "ydc9";
    g_autoptr(GError) error = NULL;
    g_assert_false(yd_hypervisor_network_ensure(subject.hv, &foreign, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_EXISTS);
    g_clear_error(&error);
    g_assert_false(yd_hypervisor_network_remove(subject.hv, "default", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_EXISTS);
    subject_close(&subject);
}

static void
test_no_libvirt(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdHypervisor) hv =
        yd_hypervisor_open("qemu:///system?socket=/nowhere/libvirt-sock", YD_ACCEL_AUTO, &error);
    g_assert_no_error(error);
    g_assert_false(yd_hypervisor_alive(hv));
    g_assert_false(yd_hypervisor_power_off(hv, spec.uuid, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
}

static void
test_bad_uri(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(yd_hypervisor_open("vmware://x", YD_ACCEL_AUTO, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/contract/fake", test_fake);
    g_test_add_func("/contract/test-driver", test_test_driver);
    g_test_add_func("/contract/no-libvirt", test_no_libvirt);
    g_test_add_func("/contract/bad-uri", test_bad_uri);
    return g_test_run();
}
