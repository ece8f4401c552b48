// SPDX-License-Identifier: Apache-2.0
// See people-fixture.h.

#include "people-fixture.h"
#include "base/secret.h"
#include "hypervisor/fake.h"
#include <glib/gstdio.h>
#include <string.h>

static void
remove_tree(const char *path)
{
    GDir *dir = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *below = g_build_filename(path, name, NULL);
        remove_tree(below);
    }
    if (dir)
        g_dir_close(dir);
    g_remove(path);
}

void
fixture_set_up(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *images = NULL;
    g_autofree char *import = NULL;
    YdServiceConfig config;

    f->directory = g_dir_make_tmp("yundesk-people-XXXXXX", &error);
    g_assert_no_error(error);
    images = g_build_filename(f->directory, "images", NULL);
    import = g_build_filename(f->directory, "import", NULL);
    g_assert_cmpint(g_mkdir(images, 0700), ==, 0);
    g_assert_cmpint(g_mkdir(import, 0700), ==, 0);
    yd_service_config_init(&config);
    g_free(config.database);
    config.database = g_build_filename(f->directory, "yundesk.db", NULL);
    g_free(config.state_dir);
    config.state_dir = g_strdup(f->directory);
    g_free(config.run_dir);
    config.run_dir = g_strdup(f->directory);
    config.cheap_passwords = !data; // dear ones for the test of times
    config.import_dirs = g_new0(char *, 2);
    config.import_dirs[0] = g_strdup(import);
    f->service = yd_service_new(&config, yd_storage_local(images), &error);
    g_assert_no_error(error);
    yd_service_config_clear(&config);
    f->store = yd_service_store(f->service, &error);
    g_assert_no_error(error);
    f->system = (YdActor){.username = "system", .role = YD_ROLE_ADMIN, .address = "192.0.2.1"};
}

void
fixture_tear_down(Fixture *f, gconstpointer data)
{
    static const char *const hosts[] = {"one", "two", "good", "taken"};

    yd_service_free(f->service);
    for (gsize i = 0; i < G_N_ELEMENTS(hosts); i++)
        yd_fake_forget(hosts[i]);
    remove_tree(f->directory);
    g_free(f->directory);
}

char *
fixture_user(Fixture *f, const char *username, const char *role)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdUser) user = yd_user_new();

    user->username = g_strdup(username);
    user->name = g_strdup_printf("Name of %s", username);
    user->role = g_strdup(role);
    user->enabled = TRUE;
    yd_user_create(f->service, &f->system, user, NULL, &error);
    g_assert_no_error(error);
    user->password = yd_password_hash(FIXTURE_PASSWORD, TRUE);
    g_assert_true(yd_store_update(f->store, &yd_user_type, user, &error));
    return g_strdup(user->id);
}

char *
fixture_department(Fixture *f, const char *number, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdDepartment) department = yd_department_new();

    department->number = g_strdup(number);
    department->name = g_strdup(name);
    yd_department_create(f->service, &f->system, department, &error);
    g_assert_no_error(error);
    return g_strdup(department->id);
}

char *
fixture_network(Fixture *f, const char *name, const char *cidr)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdNetwork) network = yd_network_new();

    network->name = g_strdup(name);
    network->cidr = g_strdup(cidr);
    yd_network_create(f->service, &f->system, network, NULL, &error);
    g_assert_no_error(error);
    return g_strdup(network->id);
}

char *
fixture_version(Fixture *f, const char *template_name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdTemplate) record = yd_template_new();
    g_autoptr(YdTemplateVersion) version = yd_template_version_new();

    record->name = g_strdup(template_name);
    yd_template_create(f->service, &f->system, record, &error);
    g_assert_no_error(error);
    version->template_id = g_strdup(record->id);
    version->number = 1;
    version->state = g_strdup("ready");
    version->virtual_bytes = (gint64)1 << 30;
    yd_store_insert(f->store, &yd_template_version_type, version, &error);
    g_assert_no_error(error);
    return g_strdup(version->id);
}

char *
fixture_pool(Fixture *f, const char *name)
{
    static guint third = 0;
    g_autoptr(GError) error = NULL;
    g_autoptr(YdPool) pool = yd_pool_new();
    g_autofree char *cidr = g_strdup_printf("10.70.%u.0/24", third++ % 250);
    g_autofree char *network_name = g_strdup_printf("net-%s", name);

    pool->name = g_strdup(name);
    pool->network_id = fixture_network(f, network_name, cidr);
    pool->template_version_id = fixture_version(f, name);
    pool->vcpus = 2;
    pool->memory_mib = 2048;
    pool->enabled = TRUE;
    yd_pool_create(f->service, &f->system, pool, &error);
    g_assert_no_error(error);
    return g_strdup(pool->id);
}

char *
fixture_desktop(Fixture *f, const char *pool_id, const char *user_id, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, pool_id, &error);
    g_autoptr(YdDesktop) desktop = yd_desktop_new();

    desktop->name = g_strdup(name);
    desktop->pool_id = g_strdup(pool_id);
    desktop->user_id = g_strdup(user_id);
    desktop->template_version_id = g_strdup(pool->template_version_id);
    desktop->state = g_strdup("ready");
    desktop->wanted = g_strdup("on");
    desktop->vcpus = 1;
    desktop->memory_mib = 64;
    yd_store_insert(f->store, &yd_desktop_type, desktop, &error);
    g_assert_no_error(error);
    return g_strdup(desktop->id);
}

char *
fixture_connection(Fixture *f, const char *desktop_id, const char *user_id, const char *login_id)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdConnection) connection = yd_connection_new();

    connection->desktop_id = g_strdup(desktop_id);
    connection->user_id = g_strdup(user_id);
    connection->login_id = g_strdup(login_id);
    connection->protocol = g_strdup("rdp");
    connection->ticket_hash = yd_token_new(32);
    connection->source = g_strdup("none");
    connection->state = g_strdup("open");
    yd_store_insert(f->store, &yd_connection_type, connection, &error);
    g_assert_no_error(error);
    return g_strdup(connection->id);
}

YdActorOwned *
fixture_actor(Fixture *f, const char *user_id)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdUser) user = yd_store_get(f->store, &yd_user_type, user_id, &error);
    YdActorOwned *owned = g_new0(YdActorOwned, 1);

    g_assert_no_error(error);
    owned->user_id = g_strdup(user_id);
    owned->username = g_strdup(user->username);
    owned->actor.user_id = owned->user_id;
    owned->actor.username = owned->username;
    g_assert_true(yd_role_from_name(user->role, &owned->actor.role));
    yd_actor_owned_set(owned, "192.0.2.2", "req-1");
    return owned;
}

char *
fixture_login(Fixture *f, const char *username, const char *kind)
{
    YdLoginRequest request = {.address = "192.0.2.3",
                              .agent = "test",
                              .username = username,
                              .password = FIXTURE_PASSWORD,
                              .kind = kind};
    g_autoptr(GError) error = NULL;
    g_autofree char *csrf = NULL;
    char *token = NULL;

    yd_login_start(f->service, &request, &token, &csrf, NULL, &error);
    g_assert_no_error(error);
    return token;
}

guint
fixture_audits(Fixture *f, const char *act, const char *outcome)
{
    const char *acts[] = {act, NULL};
    const char *outcomes[] = {outcome, NULL};
    YdCondition conditions[] = {{"act", "=", acts}, {"outcome", "=", outcomes}};
    YdQuery query = {.conditions = conditions, .n_conditions = 2};
    g_autoptr(GError) error = NULL;
    g_autoptr(YdPage) page = yd_store_list(f->store, &yd_audit_type, &query, &error);

    g_assert_no_error(error);
    return page->records->len;
}

char *
fixture_connection_state(Fixture *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdConnection) connection = yd_store_get(f->store, &yd_connection_type, id, &error);

    g_assert_no_error(error);
    return g_strdup(connection->state);
}
