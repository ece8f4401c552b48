// SPDX-License-Identifier: Apache-2.0
// Hosts, on the fake hypervisor.

#include "people-fixture.h"
#include "hypervisor/fake.h"
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static YdHost *
host_new(const char *name, const char *uri)
{
    YdHost *host = yd_host_new();

    host->name = g_strdup(name);
    host->uri = g_strdup(uri);
    return host;
}

static void
count_opened(YdService *service, const char *host_id, YdHypervisor *hypervisor, gpointer data)
{
    g_assert_true(yd_service_hypervisor(service, host_id, NULL) == hypervisor);
    (*(guint *)data)++;
}

static void
test_add(Fixture *f, gconstpointer data)
{
    g_autoptr(YdHost) host = host_new("host-1", "fake:one");
    g_autoptr(YdHost) second = host_new("host-2", "fake:two");
    g_autoptr(GError) error = NULL;
    guint opened = 0, later = 0;

    yd_service_on_host_opened(f->service, count_opened, &opened);
    g_assert_true(yd_host_add(f->service, &f->system, host, &error));
    g_assert_cmpstr(host->state, ==, "up");
    g_assert_null(host->error);
    g_assert_cmpint(host->cpus, >, 0);
    g_assert_cmpint(host->memory_mib, >, 0);
    g_assert_cmpint(host->storage_bytes, >, 0);
    g_assert_cmpint(host->seen, >, 0);
    g_assert_cmpfloat(host->vcpu_ratio, ==, 8.0);
    g_assert_nonnull(yd_service_hypervisor(f->service, host->id, &error));
    g_assert_cmpuint(opened, ==, 1);
    g_assert_true(yd_host_add(f->service, &f->system, second, &error));
    g_assert_cmpuint(opened, ==, 2);
    yd_service_on_host_opened(f->service, count_opened, &later);
    g_assert_cmpuint(later, ==, 2);
    g_assert_true(yd_service_open_hosts(f->service, &error)); // nothing left to open
    g_assert_cmpuint(opened, ==, 2);
    g_assert_cmpuint(fixture_audits(f, "host.add", "ok"), ==, 2);
    g_assert_null(yd_service_hypervisor(f->service, "hst-x", &error));
    fixture_assert_error(error, YD_ERROR_UNAVAILABLE, "hst-x");
    g_assert_null(yd_service_hypervisor(f->service, NULL, &error));
    fixture_assert_error(error, YD_ERROR_UNAVAILABLE, "(none)");
}

static void
test_bad_fields(Fixture *f, gconstpointer data)
{
    g_autoptr(YdHost) taken = host_new("taken", "fake:taken");
    g_autofree char *big = g_strnfill(4096, 'a');
    g_autofree char *long_uri = g_strconcat("fake:", big, NULL);
    g_autoptr(GError) error = NULL;
    const struct {
        const char *name, *uri;
        double ratio;
        gint64 reserve;
        int code;
        const char *message;
    } bad[] = {
        {NULL, "fake:x", 0, 0, YD_ERROR_INVALID, "name: "},
        {"Host", "fake:x", 0, 0, YD_ERROR_INVALID, "name: "},
        {"a/../b", "fake:x", 0, 0, YD_ERROR_INVALID, "name: "},
        {big, "fake:x", 0, 0, YD_ERROR_INVALID, "name: "},
        {"h", NULL, 0, 0, YD_ERROR_INVALID, "uri: "},
        {"h", "", 0, 0, YD_ERROR_INVALID, "uri: "},
        {"h", "lxc:///", 0, 0, YD_ERROR_INVALID, "uri: "},
        {"h", "qemu+ext://x?command=/bin/sh", 0, 0, YD_ERROR_INVALID, "uri: "},
        {"h", "qemu+ssh://x/system?command=/bin/sh", 0, 0, YD_ERROR_INVALID, "“command”"},
        {"h", "qemu+ssh://x/system?no_tty=1&c%6fmmand=/bin/sh", 0, 0, YD_ERROR_INVALID, "uri: "},
        {"h", "test+ext:///default", 0, 0, YD_ERROR_INVALID, "uri: "},
        {"h", "fake:a b", 0, 0, YD_ERROR_INVALID, "uri: "},
        {"h", "fake:a\nb", 0, 0, YD_ERROR_INVALID, "uri: "},
        {"h", long_uri, 0, 0, YD_ERROR_INVALID, "uri: "},
        {"h", "fake:x", 65, 0, YD_ERROR_INVALID, "vcpu_ratio: "},
        {"h", "fake:x", -1, 0, YD_ERROR_INVALID, "vcpu_ratio: "},
        {"h", "fake:x", 0, -1, YD_ERROR_INVALID, "reserve_mib: "},
        {"taken", "fake:x", 0, 0, YD_ERROR_EXISTS, "name: “taken”"},
        {"h", "fake:taken", 0, 0, YD_ERROR_EXISTS, "uri: “fake:taken”"},
    };

    g_assert_true(yd_host_add(f->service, &f->system, taken, &error));
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(YdHost) host = host_new(bad[i].name, bad[i].uri);
        host->vcpu_ratio = bad[i].ratio;
        host->reserve_mib = bad[i].reserve;
        g_assert_false(yd_host_add(f->service, &f->system, host, &error));
        fixture_assert_error(error, (int)bad[i].code, bad[i].message);
    }
    taken->vcpu_ratio = g_ascii_strtod("nan", NULL);
    g_assert_false(yd_host_update(f->service, &f->system, taken, 0, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "vcpu_ratio: ");
}

// The monitor looks at the host.
static void
look(Fixture *f, YdHost *host, YdHypervisor *hv)
{
    gint64 stored = 0;
    g_autoptr(GError) why = NULL;
    g_autoptr(GError) error = NULL;
    YdHostFacts *facts = yd_hypervisor_facts(hv, &why);
    g_assert_true(yd_host_seen(f->service, host->id, facts, why, &stored, &error));
    yd_host_facts_free(facts);
    g_autoptr(YdHost) now = yd_store_get(f->store, &yd_host_type, host->id, &error);
    yd_set_string(&host->state, now->state);
    yd_set_string(&host->error, now->error);
}

static void
test_maintenance(Fixture *f, gconstpointer data)
{
    g_autoptr(YdHost) host = host_new("host-1", "fake:one");
    YdHypervisor *hv;
    g_autoptr(GError) error = NULL;

    g_assert_true(yd_host_add(f->service, &f->system, host, &error));
    yd_set_string(&host->state, "maintenance");
    g_assert_true(yd_host_update(f->service, &f->system, host, 0, &error));
    g_assert_cmpstr(host->state, ==, "maintenance");
    yd_set_string(&host->state, "down"); // nobody says that
    g_assert_false(yd_host_update(f->service, &f->system, host, 0, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "state: ");
    hv = yd_service_hypervisor(f->service, host->id, NULL);
    yd_fake_set_alive(hv, FALSE);
    look(f, host, hv);
    g_assert_cmpstr(host->state, ==, "suspect"); // it does not answer
    g_assert_nonnull(host->error);
    yd_set_string(&host->state, "up");
    g_assert_true(yd_host_update(f->service, &f->system, host, 0, &error));
    g_assert_cmpstr(host->state, ==, "suspect"); // saying so does not help
    yd_fake_set_alive(hv, TRUE);
    look(f, host, hv);
    g_assert_cmpstr(host->state, ==, "up");
    yd_set_string(&host->state, "maintenance");
    g_assert_true(yd_host_update(f->service, &f->system, host, 0, &error));
    yd_set_string(&host->state, "up");
    g_assert_true(yd_host_update(f->service, &f->system, host, 0, &error));
    g_assert_cmpstr(host->state, ==, "up");
    g_assert_false(yd_host_update(f->service, &f->system, host, 1, &error));
    fixture_assert_error(error, YD_ERROR_STALE, "you saw 1");
}

static void
test_remove(Fixture *f, gconstpointer data)
{
    g_autoptr(YdHost) host = host_new("host-1", "fake:one");
    g_autofree char *li = fixture_user(f, "li", "manager");
    g_autofree char *pool = fixture_pool(f, "pool");
    g_autofree char *id = fixture_desktop(f, pool, li, "d");
    g_autoptr(YdActorOwned) actor = fixture_actor(f, li);
    g_autoptr(YdDesktop) desktop = yd_store_get(f->store, &yd_desktop_type, id, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_false(yd_host_add(f->service, &actor->actor, host, &error));
    fixture_assert_error(error, YD_ERROR_FORBIDDEN, "hosts.write");
    g_assert_true(yd_host_add(f->service, &f->system, host, &error));
    desktop->host_id = g_strdup(host->id);
    g_assert_true(yd_store_update(f->store, &yd_desktop_type, desktop, &error));
    g_assert_false(yd_host_remove(f->service, &f->system, host->id, 0, &error));
    fixture_assert_error(error, YD_ERROR_IN_USE, "1 desktop(s)");
    yd_set_string(&desktop->host_id, NULL);
    g_assert_true(yd_store_update(f->store, &yd_desktop_type, desktop, &error));
    g_assert_false(yd_host_remove(f->service, &actor->actor, host->id, 0, &error));
    fixture_assert_error(error, YD_ERROR_FORBIDDEN, "hosts.write");
    g_assert_true(yd_host_remove(f->service, &f->system, host->id, 0, &error));
    g_assert_null(yd_service_hypervisor(f->service, host->id, &error));
    g_clear_error(&error);
    g_assert_false(yd_host_remove(f->service, &f->system, host->id, 0, &error));
    fixture_assert_error(error, YD_ERROR_NOT_FOUND, host->id);
}

// A host that can't even be opened says why; the others are opened all the same.
static void
test_cannot_open(Fixture *f, gconstpointer data)
{
    g_autoptr(YdHost) bad = host_new("bad", "lxc:///none");
    g_autoptr(YdHost) good = host_new("good", "fake:good");
    g_autoptr(YdHost) after = NULL;
    g_autoptr(GError) error = NULL;

    bad->state = g_strdup("up");
    good->state = g_strdup("suspect");
    g_assert_true(yd_store_insert(f->store, &yd_host_type, bad, &error));
    g_assert_true(yd_store_insert(f->store, &yd_host_type, good, &error));
    g_assert_true(yd_service_open_hosts(f->service, &error));
    g_assert_nonnull(yd_service_hypervisor(f->service, good->id, NULL));
    g_assert_null(yd_service_hypervisor(f->service, bad->id, NULL));
    after = yd_store_get(f->store, &yd_host_type, bad->id, &error);
    g_assert_cmpstr(after->state, ==, "suspect");
    g_assert_nonnull(after->error);
}

// Takes connections and never says a word.
static int
listen_silently(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpuint(g_strlcpy(address.sun_path, path, sizeof(address.sun_path)), <,
                     sizeof(address.sun_path));
    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    g_assert_cmpint(listen(fd, 8), ==, 0);
    return fd;
}

// Hosts that do not answer are waited for together, and closing does not wait for them.
static void
test_silent(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("yd-silent-XXXXXX", &error);
    g_autofree char *path = g_build_filename(folder, "libvirt", NULL);
    g_autofree char *uri = g_strdup_printf("qemu+unix:///system?socket=%s", path);
    int fd = listen_silently(path);
    const char *const names[] = {"silent-1", "silent-2", "silent-3"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(YdHost) host = host_new(names[i], uri);
        host->state = g_strdup("up");
        // the URI is unique
        g_autofree char *own = g_strdup_printf("%s&mode=direct&name=%u", uri, i);
        yd_set_string(&host->uri, own);
        g_assert_true(yd_store_insert(f->store, &yd_host_type, host, &error));
    }
    gint64 begun = g_get_monotonic_time();
    g_assert_true(yd_service_open_hosts(f->service, &error));
    gint64 opened = g_get_monotonic_time();
    g_assert_cmpint(opened - begun, >=, YD_HYPERVISOR_FIRST_WAIT);
    g_assert_cmpint(opened - begun, <, 2 * YD_HYPERVISOR_FIRST_WAIT);
    YdHypervisor *one = yd_hypervisor_open_soon(uri, YD_ACCEL_TCG, &error);
    g_assert_no_error(error);
    g_usleep(G_USEC_PER_SEC / 5);
    begun = g_get_monotonic_time();
    yd_hypervisor_close(one);
    g_assert_cmpint(g_get_monotonic_time() - begun, <, G_USEC_PER_SEC);
    g_assert_cmpint(close(fd), ==, 0); // what still connects ends
    g_assert_cmpint(g_unlink(path), ==, 0);
    g_assert_cmpint(g_rmdir(folder), ==, 0);
}

#define ADD(name, test) g_test_add(name, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/host/add", test_add);
    ADD("/host/bad-fields", test_bad_fields);
    ADD("/host/maintenance", test_maintenance);
    ADD("/host/remove", test_remove);
    ADD("/host/cannot-open", test_cannot_open);
    ADD("/host/silent", test_silent);
    return g_test_run();
}
