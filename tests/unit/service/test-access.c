// SPDX-License-Identifier: Apache-2.0
// Rights and scopes as the use cases apply them: every right by every role, and who sees which
// rows.

#include "people-fixture.h"
#include <string.h>

// Written down once more by hand: N nothing, O own, D department, A all; user, manager, admin.
static const char expected[YD_N_RIGHTS][4] = {
    [YD_RIGHT_NONE] = "AAA",
    [YD_RIGHT_SELF] = "OOO",
    [YD_RIGHT_USERS_READ] = "NDA",
    [YD_RIGHT_USERS_WRITE] = "NNA",
    [YD_RIGHT_DEPARTMENTS_READ] = "NDA",
    [YD_RIGHT_DEPARTMENTS_WRITE] = "NNA",
    [YD_RIGHT_TEMPLATES_READ] = "NNA",
    [YD_RIGHT_TEMPLATES_WRITE] = "NNA",
    [YD_RIGHT_NETWORKS_READ] = "NNA",
    [YD_RIGHT_NETWORKS_WRITE] = "NNA",
    [YD_RIGHT_POOLS_READ] = "ODA",
    [YD_RIGHT_POOLS_WRITE] = "NNA",
    [YD_RIGHT_HOSTS_READ] = "NNA",
    [YD_RIGHT_HOSTS_WRITE] = "NNA",
    [YD_RIGHT_DESKTOPS_READ] = "ODA",
    [YD_RIGHT_DESKTOPS_POWER] = "ODA",
    [YD_RIGHT_DESKTOPS_HANDOUT] = "NDA",
    [YD_RIGHT_DESKTOPS_WRITE] = "NNA",
    [YD_RIGHT_DESKTOPS_FILES] = "NNA",
    [YD_RIGHT_CONNECT] = "OOO",
    [YD_RIGHT_CONSOLE] = "NNA",
    [YD_RIGHT_CONNECTIONS_READ] = "ODA",
    [YD_RIGHT_CONNECTIONS_CUT] = "ODA",
    [YD_RIGHT_JOBS_READ] = "ODA",
    [YD_RIGHT_JOBS_WRITE] = "NNA",
    [YD_RIGHT_AUDIT_READ] = "NNA",
    [YD_RIGHT_SETTINGS] = "NNA",
    [YD_RIGHT_DOCTOR] = "NNA",
    [YD_RIGHT_BACKUPS] = "NNA",
};

static void
check_right(YdRight right, YdRole role, char scope)
{
    YdActor actor = {.user_id = "usr-x", .username = "x", .role = role};
    g_autoptr(GError) error = NULL;
    YdQuery query = {.only_user = "old", .only_manager = "old"};

    g_assert_true(yd_service_allowed(&actor, right, &error) == (scope != 'N'));
    if (scope == 'N')
        fixture_assert_error(error, YD_ERROR_FORBIDDEN, yd_right_name(right));
    g_assert_true(yd_service_scope(&actor, right, &query, &error) == (scope != 'N'));
    if (scope == 'N') {
        fixture_assert_error(error, YD_ERROR_FORBIDDEN, yd_role_name(role));
        return;
    }
    g_assert_cmpstr(query.only_user, ==, scope == 'O' ? "usr-x" : NULL);
    g_assert_cmpstr(query.only_manager, ==, scope == 'D' ? "usr-x" : NULL);
}

static void
test_every_right(void)
{
    for (int right = 0; right < YD_N_RIGHTS; right++) {
        for (int role = 0; role < 3; role++)
            check_right(right, role, expected[right][role]);
    }
}

// docs/roles.md is for people; it must say the same.
static void
test_page(void)
{
    static const char *const words[] = {
        ['N'] = "–", ['O'] = "own", ['D'] = "department", ['A'] = "all"};
    g_autofree char *path = g_build_filename(g_getenv("YD_SOURCE"), "docs", "roles.md", NULL);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    for (int right = 1; right < YD_N_RIGHTS; right++) {
        const char *scopes = expected[right];
        g_autofree char *row = g_strdup_printf("| `%s` | %s | %s | %s |", yd_right_name(right),
                                               words[(guchar)scopes[0]], words[(guchar)scopes[1]],
                                               words[(guchar)scopes[2]]);
        if (!strstr(text, row))
            g_error("docs/roles.md does not have the row\n%s", row);
    }
}

static void
test_system_has_nothing_own(void)
{
    YdActor actor = {.role = YD_ROLE_ADMIN};
    g_autoptr(GError) error = NULL;
    YdQuery query = {0};

    g_assert_false(yd_service_scope(&actor, YD_RIGHT_CONNECT, &query, &error));
    fixture_assert_error(error, YD_ERROR_FORBIDDEN, "no person");
}

static gboolean
sees(Fixture *f, const char *actor_id, YdRight right, const YdRecordType *type, const char *id)
{
    g_autoptr(YdActorOwned) who = fixture_actor(f, actor_id);
    g_autoptr(GError) error = NULL;
    gpointer record = yd_service_get(f->service, &who->actor, right, type, id, &error);
    gboolean found = record != NULL;
    g_autoptr(YdPage) page = NULL;
    YdQuery query = {0};
    gboolean listed = FALSE;

    if (!found)
        g_assert_true(g_error_matches(error, YD_ERROR, YD_ERROR_NOT_FOUND) ||
                      g_error_matches(error, YD_ERROR, YD_ERROR_FORBIDDEN));
    yd_record_free(type, record);
    page = yd_service_list(f->service, &who->actor, right, type, &query, NULL);
    for (guint i = 0; page && i < page->records->len; i++)
        listed = listed || g_strcmp0(*(char **)page->records->pdata[i], id) == 0;
    g_assert_true(listed == found); // a list shows just what can be looked at
    return found;
}

static void
test_scopes(Fixture *f, gconstpointer data)
{
    g_autofree char *admin = fixture_user(f, "admin", "admin");
    g_autofree char *manager = fixture_user(f, "manager", "manager");
    g_autofree char *member = fixture_user(f, "member", "user");
    g_autofree char *stranger = fixture_user(f, "stranger", "user");
    g_autofree char *ours = fixture_department(f, "D1", "Ours");
    g_autofree char *theirs = fixture_department(f, "D2", "Theirs");
    g_autofree char *pool = fixture_pool(f, "pool");
    g_autofree char *desktop = fixture_desktop(f, pool, member, "dsk-member");
    g_autofree char *foreign = fixture_desktop(f, pool, stranger, "dsk-stranger");
    g_autoptr(GError) error = NULL;

    yd_department_add_member(f->service, &f->system, ours, member, NULL, &error);
    g_assert_no_error(error);
    yd_department_add_member(f->service, &f->system, theirs, stranger, NULL, &error);
    g_assert_no_error(error);
    yd_department_add_manager(f->service, &f->system, ours, manager, NULL, &error);
    g_assert_no_error(error);
    yd_pool_entitle(f->service, &f->system, pool, ours, NULL, NULL, &error);
    g_assert_no_error(error);

    g_assert_true(sees(f, admin, YD_RIGHT_USERS_READ, &yd_user_type, stranger));
    g_assert_true(sees(f, manager, YD_RIGHT_USERS_READ, &yd_user_type, member));
    g_assert_false(sees(f, manager, YD_RIGHT_USERS_READ, &yd_user_type, stranger));
    g_assert_false(sees(f, member, YD_RIGHT_USERS_READ, &yd_user_type, member));
    g_assert_true(sees(f, manager, YD_RIGHT_DEPARTMENTS_READ, &yd_department_type, ours));
    g_assert_false(sees(f, manager, YD_RIGHT_DEPARTMENTS_READ, &yd_department_type, theirs));
    g_assert_true(sees(f, admin, YD_RIGHT_DESKTOPS_READ, &yd_desktop_type, foreign));
    g_assert_true(sees(f, manager, YD_RIGHT_DESKTOPS_READ, &yd_desktop_type, desktop));
    g_assert_false(sees(f, manager, YD_RIGHT_DESKTOPS_READ, &yd_desktop_type, foreign));
    g_assert_true(sees(f, member, YD_RIGHT_DESKTOPS_READ, &yd_desktop_type, desktop));
    g_assert_false(sees(f, member, YD_RIGHT_DESKTOPS_READ, &yd_desktop_type, foreign));
    g_assert_false(sees(f, member, YD_RIGHT_CONNECT, &yd_desktop_type, foreign));
    g_assert_false(sees(f, admin, YD_RIGHT_CONNECT, &yd_desktop_type, desktop));
    g_assert_true(sees(f, member, YD_RIGHT_POOLS_READ, &yd_pool_type, pool));
    g_assert_false(sees(f, stranger, YD_RIGHT_POOLS_READ, &yd_pool_type, pool));
    g_assert_true(sees(f, manager, YD_RIGHT_POOLS_READ, &yd_pool_type, pool));
}

static void
test_parts(Fixture *f, gconstpointer data)
{
    gpointer first = g_strdup("first");

    g_assert_null(yd_service_part(f->service, "x"));
    g_assert_true(yd_service_set_part(f->service, "x", first, g_free) == first);
    g_assert_true(yd_service_set_part(f->service, "x", g_strdup("second"), g_free) == first);
    g_assert_true(yd_service_part(f->service, "x") == first);
}

static gpointer
other_thread(gpointer data)
{
    Fixture *f = data;
    g_autoptr(GError) error = NULL;
    YdStore *store = yd_service_store(f->service, &error);

    g_assert_no_error(error);
    g_assert_true(store != f->store);
    g_assert_true(store == yd_service_store(f->service, &error));
    return NULL;
}

static void
test_store_of_each_thread(Fixture *f, gconstpointer data)
{
    g_thread_join(g_thread_new("other", other_thread, f));
    g_assert_true(f->store == yd_service_store(f->service, NULL));
}

static void
test_bad_database(void)
{
    g_autoptr(GError) error = NULL;
    YdServiceConfig config;

    yd_service_config_init(&config);
    g_free(config.database);
    config.database = g_strdup("/nonexistent/yundesk.db");
    g_assert_null(yd_service_new(&config, yd_storage_local("/nonexistent"), &error));
    g_assert_nonnull(error);
    yd_service_config_clear(&config);
}

#define ADD(name, test) g_test_add(name, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/access/every-right", test_every_right);
    g_test_add_func("/access/page", test_page);
    g_test_add_func("/access/system", test_system_has_nothing_own);
    ADD("/access/scopes", test_scopes);
    ADD("/service/parts", test_parts);
    ADD("/service/threads", test_store_of_each_thread);
    g_test_add_func("/service/bad-database", test_bad_database);
    return g_test_run();
}
