// SPDX-License-Identifier: Apache-2.0
// Rows with sensible values for the tests of the store.
#include "fixture.h"

#include <glib/gstdio.h>
#include <unistd.h>

#include "base/id.h"
#include "store/sql.h"

gboolean
fixture_is_mariadb(void)
{
    return g_getenv("YD_TEST_MARIADB") != NULL;
}

static char *
new_database(void)
{
    static gint n;
    return g_strdup_printf("mariadb://root@/t_%d_%d?socket=%s", (int)getpid(),
                           g_atomic_int_add(&n, 1), g_getenv("YD_TEST_MARIADB"));
}

YdStore *
fixture_open(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *where = fixture_is_mariadb() ? new_database() : g_strdup(":memory:");
    YdStore *store = yd_store_open(where, TRUE, &error);
    g_assert_no_error(error);
    return store;
}

char *
fixture_where(void)
{
    if (fixture_is_mariadb())
        return new_database();
    g_autofree char *dir = g_dir_make_tmp("store-XXXXXX", NULL);
    return g_build_filename(dir, "yundesk.db", NULL);
}

void
fixture_where_free(char *where)
{
    if (fixture_is_mariadb()) {
        g_autoptr(GError) error = NULL;
        YdSql *sql = yd_sql_open(where, FALSE, &error);
        g_assert_no_error(error);
        g_auto(GStrv) parts = g_strsplit_set(where, "/?", -1);
        g_autofree char *text = g_strdup_printf("DROP DATABASE %s", parts[3]);
        g_assert_true(yd_sql_script(sql, text, NULL));
        yd_sql_close(sql);
    } else {
        g_autofree char *dir = g_path_get_dirname(where);
        g_assert_cmpint(g_unlink(where), ==, 0);
        g_assert_cmpint(g_rmdir(dir), ==, 0); // no -wal and -shm left behind
    }
    g_free(where);
}

static char *
insert(YdStore *store, const YdRecordType *type, gpointer record)
{
    g_autoptr(GError) error = NULL;
    yd_store_insert(store, type, record, &error);
    g_assert_no_error(error);
    char *id = g_strdup(*(char **)record);
    yd_record_free(type, record);
    return id;
}

char *
fixture_user(YdStore *store, const char *username, const char *role)
{
    YdUser *user = yd_user_new();
    user->username = g_strdup(username);
    user->name = g_strdup_printf("Name of %s", username);
    user->role = g_strdup(role);
    user->enabled = TRUE;
    g_assert_true(yd_store_next_uid(store, &user->uid, NULL));
    return insert(store, &yd_user_type, user);
}

char *
fixture_department(YdStore *store, const char *number, const char *name)
{
    YdDepartment *department = yd_department_new();
    department->number = g_strdup(number);
    department->name = g_strdup(name);
    return insert(store, &yd_department_type, department);
}

static void
join(YdStore *store, const YdRecordType *type, const char *department_id, const char *user_id)
{
    YdMembership *membership = yd_membership_new();
    membership->department_id = g_strdup(department_id);
    membership->user_id = g_strdup(user_id);
    g_free(insert(store, type, membership));
}

void
fixture_member(YdStore *store, const char *department_id, const char *user_id)
{
    join(store, &yd_membership_type, department_id, user_id);
}

void
fixture_manager(YdStore *store, const char *department_id, const char *user_id)
{
    join(store, &yd_managership_type, department_id, user_id);
}

char *
fixture_network(YdStore *store, const char *name, const char *first, const char *last)
{
    YdNetwork *network = yd_network_new();
    network->name = g_strdup(name);
    network->mode = g_strdup("nat");
    network->cidr = g_strdup("10.99.0.0/24");
    network->gateway = g_strdup("10.99.0.1");
    network->range_first = g_strdup(first);
    network->range_last = g_strdup(last);
    network->state = g_strdup("active");
    return insert(store, &yd_network_type, network);
}

char *
fixture_template_version(YdStore *store, const char *name)
{
    YdTemplate *template = yd_template_new();
    template->name = g_strdup(name);
    template->os = g_strdup("linux");
    template->firmware = g_strdup("bios");
    template->access = g_strdup("rdp");
    YdTemplateVersion *version = yd_template_version_new();
    version->template_id = insert(store, &yd_template_type, template);
    version->number = 1;
    version->state = g_strdup("ready");
    return insert(store, &yd_template_version_type, version);
}

char *
fixture_pool(YdStore *store, const char *name, const char *version_id, const char *network_id)
{
    YdPool *pool = yd_pool_new();
    pool->name = g_strdup(name);
    pool->template_version_id = g_strdup(version_id);
    pool->network_id = g_strdup(network_id);
    pool->vcpus = 2;
    pool->memory_mib = 2048;
    pool->enabled = TRUE;
    return insert(store, &yd_pool_type, pool);
}

void
fixture_entitle(YdStore *store, const char *pool_id, const char *department_id, const char *user_id)
{
    YdEntitlement *entitlement = yd_entitlement_new();
    entitlement->pool_id = g_strdup(pool_id);
    entitlement->department_id = g_strdup(department_id);
    entitlement->user_id = g_strdup(user_id);
    g_free(insert(store, &yd_entitlement_type, entitlement));
}

char *
fixture_desktop(YdStore *store, const char *name, const char *pool_id, const char *user_id)
{
    YdDesktop *desktop = yd_desktop_new();
    desktop->name = g_strdup(name);
    desktop->pool_id = g_strdup(pool_id);
    desktop->user_id = g_strdup(user_id);
    desktop->state = g_strdup("off");
    desktop->wanted = g_strdup("off");
    desktop->vcpus = 2;
    desktop->memory_mib = 2048;
    return insert(store, &yd_desktop_type, desktop);
}

char *
fixture_connection(YdStore *store, const char *desktop_id, const char *user_id, const char *state)
{
    YdConnection *connection = yd_connection_new();
    connection->desktop_id = g_strdup(desktop_id);
    connection->user_id = g_strdup(user_id);
    connection->protocol = g_strdup("rdp");
    connection->source = g_strdup("exact");
    connection->state = g_strdup(state);
    connection->ticket_hash = yd_token_new(16);
    return insert(store, &yd_connection_type, connection);
}

char *
fixture_job(YdStore *store, const char *kind, const char *object_id, const char *user_id)
{
    YdJob *job = yd_job_new();
    job->kind = g_strdup(kind);
    job->object_kind = g_strdup("desktop");
    job->object_id = g_strdup(object_id);
    job->user_id = g_strdup(user_id);
    job->state = g_strdup("queued");
    return insert(store, &yd_job_type, job);
}
