// SPDX-License-Identifier: Apache-2.0
// See desk-fixture.h.
#include "desk-fixture.h"

#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include "base/id.h"
#include "service/ca.h"
#include "service/host.h"
#include "service/pool.h"
#include "store/store-people.h"

static void
run_command(const char *command)
{
    int status = -1;
    g_autoptr(GError) error = NULL;
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, &status, &error));
    g_assert_cmpint(status, ==, 0);
}

// Keys and the image cost time: made once for each test program.
static const char *
template_folder(void)
{
    static char *folder;
    if (folder)
        return folder;
    folder = g_dir_make_tmp("yd-desk-base-XXXXXX", NULL);
    g_autofree char *keys = g_build_filename(folder, "keys", NULL);
    g_autofree char *images = g_build_filename(folder, "images", NULL);
    g_autofree char *make =
        g_strdup_printf("qemu-img create -q -f qcow2 %s/tplv-test.qcow2 64M", images);
    g_autofree char *seal = g_strdup_printf("chmod 0444 %s/tplv-test.qcow2", images);
    g_autoptr(GError) error = NULL;
    g_assert_true(yd_ca_ensure(keys, NULL, &error));
    g_assert_cmpint(g_mkdir(images, 0755), ==, 0);
    run_command(make);
    run_command(seal);
    return folder;
}

static void
open_service(Desk *f)
{
    g_autofree char *images = g_build_filename(f->directory, "images", NULL);
    g_autoptr(GError) error = NULL;
    f->service = yd_service_new(&f->config, yd_storage_local(images), &error);
    g_assert_no_error(error);
    f->store = yd_service_store(f->service, &error);
    g_assert_no_error(error);
    yd_service_open_hosts(f->service, &error);
    g_assert_no_error(error);
}

static void
add_host(Desk *f)
{
    static guint number;
    g_autoptr(GError) error = NULL;
    g_autoptr(YdHost) host = yd_host_new();
    f->host_name = g_strdup_printf("desk-%u-%u", (guint)getpid(), number++);
    host->name = g_strdup("host-1");
    host->uri = g_strconcat("fake:", f->host_name, NULL);
    yd_host_add(f->service, &f->admin, host, &error);
    g_assert_no_error(error);
    f->host_id = g_strdup(host->id);
}

static void
insert(Desk *f, const YdRecordType *type, gpointer record, char **ret_id)
{
    g_autoptr(GError) error = NULL;
    yd_store_insert(f->store, type, record, &error);
    g_assert_no_error(error);
    *ret_id = g_strdup(*(char **)record);
}

static void
add_network(Desk *f)
{
    g_autoptr(YdNetwork) network = yd_network_new();
    network->name = g_strdup("office");
    network->mode = g_strdup("nat");
    network->cidr = g_strdup("10.99.0.0/24");
    network->gateway = g_strdup("10.99.0.1");
    network->range_first = g_strdup("10.99.0.10");
    network->range_last = g_strdup("10.99.0.19");
    network->bridge = g_strdup("ydtest0");
    network->state = g_strdup("active");
    insert(f, &yd_network_type, network, &f->network_id);
}

static void
add_version(Desk *f)
{
    g_autoptr(YdTemplate) template = yd_template_new();
    g_autoptr(YdTemplateVersion) version = yd_template_version_new();
    g_autofree char *template_id = NULL;
    template->name = g_strdup("Small");
    template->os = g_strdup("linux");
    template->firmware = g_strdup("bios");
    template->access = g_strdup("rdp");
    insert(f, &yd_template_type, template, &template_id);
    version->template_id = g_strdup(template_id);
    version->number = 1;
    version->state = g_strdup("ready");
    version->image = g_strdup("tplv-test.qcow2");
    version->virtual_bytes = 64 << 20;
    insert(f, &yd_template_version_type, version, &f->version_id);
}

static void
add_pool(Desk *f)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdPool) pool = yd_pool_new();
    pool->name = g_strdup("Office");
    pool->network_id = g_strdup(f->network_id);
    pool->template_version_id = g_strdup(f->version_id);
    pool->vcpus = 1;
    pool->memory_mib = 128;
    pool->enabled = TRUE;
    yd_pool_create(f->service, &f->admin, pool, &error);
    g_assert_no_error(error);
    f->pool_id = g_strdup(pool->id);
}

char *
desk_user(Desk *f, const char *username, gboolean entitled)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdUser) user = yd_user_new();
    char *id = NULL;
    user->username = g_strdup(username);
    user->role = g_strdup("user");
    user->enabled = TRUE;
    yd_store_next_uid(f->store, &user->uid, &error);
    g_assert_no_error(error);
    insert(f, &yd_user_type, user, &id);
    if (entitled) {
        yd_pool_entitle(f->service, &f->admin, f->pool_id, NULL, id, NULL, &error);
        g_assert_no_error(error);
    }
    return id;
}

char *
desk_login(Desk *f, const char *user_id)
{
    g_autoptr(YdLogin) login = yd_login_new();
    char *id = NULL;
    login->user_id = g_strdup(user_id);
    login->token_hash = yd_token_new(32);
    login->kind = g_strdup("bearer");
    login->last_used = yd_now_ms();
    login->expires = yd_now_ms() + 3600 * 1000;
    insert(f, &yd_login_type, login, &id);
    return id;
}

YdActor
desk_actor(const char *user_id, const char *username)
{
    return (YdActor){.user_id = user_id,
                     .username = username,
                     .address = "192.0.2.7",
                     .request_id = "req-1",
                     .role = YD_ROLE_USER};
}

void
desk_set_up(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    f->directory = g_dir_make_tmp("yd-desk-XXXXXX", &error);
    g_assert_no_error(error);
    g_autofree char *copy = g_strdup_printf("cp -a %s/. %s", template_folder(), f->directory);
    run_command(copy);
    yd_service_config_init(&f->config);
    g_free(f->config.database);
    g_free(f->config.state_dir);
    g_free(f->config.run_dir);
    f->config.database = g_build_filename(f->directory, "yundesk.db", NULL);
    f->config.state_dir = g_strdup(f->directory);
    f->config.run_dir = g_strdup(f->directory);
    f->config.cheap_passwords = TRUE;
    f->config.max_starts = 2;
    f->config.workers = 4;
    f->admin = (YdActor){.username = "system", .role = YD_ROLE_ADMIN, .address = "192.0.2.1"};
    open_service(f);
    add_host(f);
    add_network(f);
    add_version(f);
    add_pool(f);
    f->user_id = desk_user(f, "anna", TRUE);
    f->login_id = desk_login(f, f->user_id);
    f->user = desk_actor(f->user_id, "anna");
    f->user.login_id = f->login_id;
}

void
desk_tear_down(Desk *f, gconstpointer data)
{
    yd_service_free(f->service);
    yd_fake_forget(f->host_name);
    yd_service_config_clear(&f->config);
    g_autofree char *command = g_strdup_printf("rm -rf %s", f->directory);
    run_command(command);
    char *texts[] = {f->directory,  f->host_name, f->host_id, f->network_id,
                     f->version_id, f->pool_id,   f->user_id, f->login_id};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(texts[i]);
}

void
desk_reopen(Desk *f)
{
    yd_service_free(f->service);
    open_service(f);
}

void
desk_run(Desk *f)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(yd_jobs_start(f->service, &error));
}

YdHypervisor *
desk_hv(Desk *f)
{
    g_autoptr(GError) error = NULL;
    YdHypervisor *hv = yd_service_hypervisor(f->service, f->host_id, &error);
    g_assert_no_error(error);
    return hv;
}

void
desk_job_ends(Desk *f, YdJob *job, const char *state)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdJob) ended = NULL;
    g_assert_nonnull(job);
    yd_job_wait(f->service, job->id, 20000, &ended, &error);
    g_assert_no_error(error);
    if (strcmp(ended->state, state) != 0)
        g_test_message("%s at %s: %s", ended->kind, ended->step, ended->error);
    g_assert_cmpstr(ended->state, ==, state);
    yd_job_free(job);
}

json_t *
desk_job_result(Desk *f, const char *job_id)
{
    g_autoptr(YdJob) job = yd_store_get(f->store, &yd_job_type, job_id, NULL);
    g_assert_nonnull(job);
    return json_loads(job->result ? job->result : "{}", 0, NULL);
}

char *
desk_second_host(Desk *f)
{
    static guint number;
    g_autoptr(GError) error = NULL;
    g_autoptr(YdHost) host = yd_host_new();
    host->name = g_strdup("host-2");
    host->uri = g_strdup_printf("fake:second-%u-%u", (guint)getpid(), number++);
    g_assert_true(yd_host_add(f->service, &f->admin, host, &error));
    g_assert_cmpstr(host->state, ==, "up");
    return g_strdup(host->id);
}

void
desk_abandoned(Desk *f)
{
    WAIT_FOR(yd_jobs_stopped(f->service));
    yd_jobs_stop(f->service);
}

gboolean
desk_is_quiet(Desk *f)
{
    gint64 queued = 0, running = 0;
    g_assert_true(yd_store_job_counts(f->store, &queued, &running, NULL));
    return queued + running == 0;
}

YdDesktop *
desk_get(Desk *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    YdDesktop *desktop = yd_store_get(f->store, &yd_desktop_type, id, &error);
    g_assert_true(desktop || g_error_matches(error, YD_ERROR, YD_ERROR_NOT_FOUND));
    return desktop;
}

char *
desk_make(Desk *f)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdDesktop) desktop = NULL;
    YdJob *job = NULL;
    yd_desktop_derive(f->service, &f->user, f->pool_id, &desktop, &job, &error);
    g_assert_no_error(error);
    desk_run(f);
    desk_job_ends(f, job, "done");
    desk_assert_state(f, desktop->id, "off");
    return g_strdup(desktop->id);
}

char *
desk_make_ready(Desk *f)
{
    g_autoptr(GError) error = NULL;
    char *id = desk_make(f);
    YdJob *job = yd_desktop_start(f->service, &f->user, id, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    desk_assert_state(f, id, "ready");
    return id;
}

gboolean
desk_image(Desk *f, const char *id)
{
    g_autofree char *path = g_strdup_printf("%s/images/%s.qcow2", f->directory, id);
    return g_file_test(path, G_FILE_TEST_EXISTS);
}

gboolean
desk_machine(Desk *f, const char *uuid, YdMachineState *ret)
{
    g_autoptr(GError) error = NULL;
    gboolean there = yd_hypervisor_machine_state(desk_hv(f), uuid, ret, &error);
    g_assert_true(there || g_error_matches(error, YD_ERROR, YD_ERROR_NOT_FOUND));
    return there;
}

guint
desk_count(Desk *f, const YdRecordType *type)
{
    const YdQuery query = {0};
    g_autoptr(YdPage) page = yd_store_list(f->store, type, &query, NULL);
    g_assert_nonnull(page);
    return page->records->len;
}
