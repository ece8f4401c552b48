// SPDX-License-Identifier: Apache-2.0
// See api-fixture.h: the server's side.
#include "api-fixture.h"

#include <glib/gstdio.h>

#include "base/secret.h"
#include "service/department.h"
#include "service/host.h"
#include "service/user.h"

static void
remove_tree(const char *path)
{
    GDir *dir = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *below = g_build_filename(path, name, NULL);
        remove_tree(below);
    }
    if (dir)
        g_dir_close(dir);
    g_remove(path);
}

static gpointer
serve(gpointer data)
{
    Fixture *f = data;
    g_main_context_push_thread_default(f->context);
    g_main_loop_run(f->loop);
    g_main_context_pop_thread_default(f->context);
    return NULL;
}

static YdService *
open_service(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *images = g_build_filename(f->directory, "images", NULL);
    g_assert_cmpint(g_mkdir(images, 0700), ==, 0);
    YdServiceConfig config;
    yd_service_config_init(&config);
    g_free(config.database);
    config.database = g_build_filename(f->directory, "yundesk.db", NULL);
    g_free(config.state_dir);
    config.state_dir = g_strdup(f->directory);
    g_free(config.run_dir);
    config.run_dir = g_strdup(f->directory);
    config.cheap_passwords = TRUE;
    YdService *service = yd_service_new(&config, yd_storage_local(images), &error);
    g_assert_no_error(error);
    yd_service_config_clear(&config);
    return service;
}

void
fixture_set_up(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    f->directory = g_dir_make_tmp("yundesk-api-XXXXXX", &error);
    g_assert_no_error(error);
    f->socket = g_build_filename(f->directory, "deskd.sock", NULL);
    f->gate_socket = g_build_filename(f->directory, "gate.sock", NULL);
    f->service = open_service(f);
    f->store = yd_service_store(f->service, &error);
    g_assert_no_error(error);
    f->system = (YdActor){.username = "system", .role = YD_ROLE_ADMIN, .address = "192.0.2.1"};
    f->context = g_main_context_new();
    f->loop = g_main_loop_new(f->context, FALSE);
    yd_api_config_init(&f->config);
    f->config.socket = f->socket;
    f->config.connect_threads = 8;
    if (data)
        ((void (*)(YdApiConfig *))data)(&f->config);
    YdGateLinkConfig gate_config;
    yd_gate_link_config_init(&gate_config);
    gate_config.socket = g_strdup(f->gate_socket);
    g_main_context_push_thread_default(f->context);
    f->api = yd_api_new(f->service, &f->config, f->context, &error);
    g_assert_no_error(error);
    f->gates = yd_gate_link_new(f->service, &gate_config, f->context, &error);
    g_assert_no_error(error);
    g_main_context_pop_thread_default(f->context);
    yd_gate_link_config_clear(&gate_config);
    f->thread = g_thread_new("api", serve, f);
}

void
fixture_tear_down(Fixture *f, gconstpointer data)
{
    g_main_loop_quit(f->loop);
    g_main_context_wakeup(f->context);
    g_thread_join(f->thread);
    g_main_context_push_thread_default(f->context);
    yd_api_stop(f->api, 2000);
    yd_gate_link_free(f->gates);
    yd_api_free(f->api);
    g_main_context_pop_thread_default(f->context);
    g_main_loop_unref(f->loop);
    g_main_context_unref(f->context);
    yd_service_free(f->service);
    remove_tree(f->directory);
    g_free(f->directory);
    g_free(f->socket);
    g_free(f->gate_socket);
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
    user->password = yd_password_hash(PASSWORD, TRUE);
    user->must_change = FALSE;
    user->enabled = TRUE;
    yd_store_update(f->store, &yd_user_type, user, &error);
    g_assert_no_error(error);
    return g_strdup(user->id);
}

char *
fixture_department(Fixture *f, const char *number)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdDepartment) department = yd_department_new();
    department->number = g_strdup(number);
    department->name = g_strdup_printf("Department %s", number);
    yd_department_create(f->service, &f->system, department, &error);
    g_assert_no_error(error);
    return g_strdup(department->id);
}

void
fixture_member(Fixture *f, const char *department_id, const char *user_id, gboolean manager)
{
    g_autoptr(GError) error = NULL;
    if (manager)
        yd_department_add_manager(f->service, &f->system, department_id, user_id, NULL, &error);
    else
        yd_department_add_member(f->service, &f->system, department_id, user_id, NULL, &error);
    g_assert_no_error(error);
}

static void
insert(Fixture *f, const YdRecordType *type, gpointer record)
{
    g_autoptr(GError) error = NULL;
    yd_store_insert(f->store, type, record, &error);
    g_assert_no_error(error);
}

char *
fixture_pool(Fixture *f, const char *name)
{
    static guint count = 0;
    guint n = g_atomic_int_add(&count, 1) % 250;
    g_autoptr(YdTemplate) template = yd_template_new();
    template->name = g_strdup_printf("template-%s", name);
    template->os = g_strdup("linux");
    template->firmware = g_strdup("bios");
    template->access = g_strdup("rdp");
    insert(f, &yd_template_type, template);
    g_autoptr(YdTemplateVersion) version = yd_template_version_new();
    version->template_id = g_strdup(template->id);
    version->number = 1;
    version->state = g_strdup("ready");
    version->image = g_strdup_printf("tplv-%s.qcow2", name);
    version->virtual_bytes = version->size_bytes = 1 << 30;
    insert(f, &yd_template_version_type, version);
    g_autoptr(YdNetwork) network = yd_network_new();
    network->name = g_strdup_printf("net-%s", name);
    network->mode = g_strdup("nat");
    network->cidr = g_strdup_printf("10.90.%u.0/24", n);
    network->gateway = g_strdup_printf("10.90.%u.1", n);
    network->range_first = g_strdup_printf("10.90.%u.2", n);
    network->range_last = g_strdup_printf("10.90.%u.254", n);
    network->bridge = g_strdup_printf("ydt%u", n);
    network->state = g_strdup("active");
    insert(f, &yd_network_type, network);
    g_autoptr(YdPool) pool = yd_pool_new();
    pool->name = g_strdup(name);
    pool->template_version_id = g_strdup(version->id);
    pool->network_id = g_strdup(network->id);
    pool->vcpus = 1;
    pool->memory_mib = 256;
    pool->enabled = TRUE;
    pool->policy = g_strdup("{}");
    insert(f, &yd_pool_type, pool);
    return g_strdup(pool->id);
}

char *
fixture_desktop(Fixture *f, const char *pool_id, const char *user_id, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, pool_id, &error);
    g_assert_no_error(error);
    g_autoptr(YdDesktop) desktop = yd_desktop_new();
    desktop->name = g_strdup(name);
    desktop->pool_id = g_strdup(pool_id);
    desktop->user_id = g_strdup(user_id);
    desktop->template_version_id = g_strdup(pool->template_version_id);
    desktop->state = g_strdup("off");
    desktop->wanted = g_strdup("off");
    desktop->uuid = g_uuid_string_random();
    desktop->image = g_strdup_printf("dsk-%s.qcow2", name);
    desktop->vcpus = 1;
    desktop->memory_mib = 256;
    insert(f, &yd_desktop_type, desktop);
    return g_strdup(desktop->id);
}

char *
fixture_connection(Fixture *f, const char *desktop_id, const char *user_id)
{
    g_autoptr(YdConnection) connection = yd_connection_new();
    connection->desktop_id = g_strdup(desktop_id);
    connection->user_id = g_strdup(user_id);
    connection->protocol = g_strdup("rdp");
    g_autofree char *ticket = yd_token_new(32);
    connection->ticket_hash = yd_token_hash(ticket);
    connection->source = g_strdup("none");
    connection->state = g_strdup("open");
    connection->expires = yd_now_ms() + 60000;
    connection->last_seen = yd_now_ms();
    insert(f, &yd_connection_type, connection);
    return g_strdup(connection->id);
}

char *
fixture_job(Fixture *f, const char *user_id, const char *object_id)
{
    g_autoptr(YdJob) job = yd_job_new();
    job->kind = g_strdup("desktop-start");
    job->object_kind = g_strdup("desktop");
    job->object_id = g_strdup(object_id);
    job->user_id = g_strdup(user_id);
    job->state = g_strdup("done");
    insert(f, &yd_job_type, job);
    return g_strdup(job->id);
}
