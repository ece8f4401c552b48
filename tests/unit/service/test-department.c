// SPDX-License-Identifier: Apache-2.0
// Departments, members, managers.

#include "people-fixture.h"
#include <string.h>

static YdDepartment *
load(Fixture *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    YdDepartment *department = yd_store_get(f->store, &yd_department_type, id, &error);

    g_assert_no_error(error);
    return department;
}

static void
test_create_and_change(Fixture *f, gconstpointer data)
{
    g_autofree char *network = fixture_network(f, "office", "10.60.0.0/24");
    g_autofree char *id = fixture_department(f, "D-1.a", "研发部");
    g_autoptr(YdDepartment) mine = load(f, id);
    g_autoptr(YdDepartment) old = load(f, id);
    g_autoptr(GError) error = NULL;

    g_assert_true(yd_id_valid(id, "dep"));
    mine->founded = 1998;
    yd_set_string(&mine->unit, " Institute ");
    yd_set_string(&mine->network_id, network);
    g_assert_true(yd_department_update(f->service, &f->system, mine, 0, &error));
    g_assert_cmpstr(mine->unit, ==, "Institute");
    g_assert_cmpstr(mine->network_name, ==, "office");
    g_assert_cmpint(mine->version, ==, 2);
    old->founded = 1999;
    g_assert_false(yd_department_update(f->service, &f->system, old, 0, &error));
    fixture_assert_error(error, YD_ERROR_STALE, "version 2");
    g_assert_true(yd_department_delete(f->service, &f->system, id, 2, &error));
    g_assert_cmpuint(fixture_audits(f, "department.create", "ok"), ==, 1);
    g_assert_cmpuint(fixture_audits(f, "department.change", "ok"), ==, 1);
    g_assert_cmpuint(fixture_audits(f, "department.delete", "ok"), ==, 1);
}

static void
test_bad_fields(Fixture *f, gconstpointer data)
{
    g_autofree char *big = g_strnfill(4096, 'a');
    G_GNUC_UNUSED g_autofree char *taken = fixture_department(f, "D1", "Taken");
    g_autoptr(GError) error = NULL;
    const struct {
        const char *number, *name, *unit, *network_id;
        gint64 founded;
        int code;
        const char *message;
    } bad[] = {
        {NULL, "N", NULL, NULL, 0, YD_ERROR_INVALID, "number: "},
        {"", "N", NULL, NULL, 0, YD_ERROR_INVALID, "number: "},
        {"a b", "N", NULL, NULL, 0, YD_ERROR_INVALID, "number: "},
        {"../x", "N", NULL, NULL, 0, YD_ERROR_INVALID, "number: "},
        {"x\xff", "N", NULL, NULL, 0, YD_ERROR_INVALID, "\\xff"},
        {big, "N", NULL, NULL, 0, YD_ERROR_INVALID, "number: "},
        {"D2", NULL, NULL, NULL, 0, YD_ERROR_INVALID, "name: "},
        {"D2", big, NULL, NULL, 0, YD_ERROR_INVALID, "name: "},
        {"D2", "a|b", NULL, NULL, 0, YD_ERROR_INVALID, "name: "},
        {"D2", "a\u202eb", NULL, NULL, 0, YD_ERROR_INVALID, "name: "},
        {"D2", "N", big, NULL, 0, YD_ERROR_INVALID, "unit: "},
        {"D2", "N", "a\nb", NULL, 0, YD_ERROR_INVALID, "unit: "},
        {"D2", "N", NULL, "net-none", 0, YD_ERROR_INVALID, "network_id: "},
        {"D2", "N", NULL, big, 0, YD_ERROR_INVALID, "network_id: "},
        {"D2", "N", NULL, NULL, 999, YD_ERROR_INVALID, "founded: "},
        {"D2", "N", NULL, NULL, G_MAXINT64, YD_ERROR_INVALID, "founded: "},
        {"D1", "N", NULL, NULL, 0, YD_ERROR_EXISTS, "number: “D1”"},
        {"D2", "Taken", NULL, NULL, 0, YD_ERROR_EXISTS, "name: “Taken”"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(YdDepartment) department = yd_department_new();
        department->number = g_strdup(bad[i].number);
        department->name = g_strdup(bad[i].name);
        department->unit = g_strdup(bad[i].unit);
        department->network_id = g_strdup(bad[i].network_id);
        department->founded = bad[i].founded;
        g_assert_false(yd_department_create(f->service, &f->system, department, &error));
        fixture_assert_error(error, (int)bad[i].code, bad[i].message);
    }
}

static guint
count(YdPage *page)
{
    guint n = page ? page->records->len : 0;

    yd_page_free(page);
    return n;
}

static void
test_members(Fixture *f, gconstpointer data)
{
    g_autofree char *ours = fixture_department(f, "D1", "Ours");
    g_autofree char *theirs = fixture_department(f, "D2", "Theirs");
    g_autofree char *li = fixture_user(f, "li", "user");
    g_autofree char *boss = fixture_user(f, "boss", "manager");
    g_autoptr(YdActorOwned) manager = fixture_actor(f, boss);
    g_autoptr(YdActorOwned) user = fixture_actor(f, li);
    g_autoptr(YdMembership) row = NULL;
    g_autoptr(GError) error = NULL;
    YdQuery query = {0};

    g_assert_true(yd_department_add_member(f->service, &f->system, ours, li, &row, &error));
    g_assert_cmpstr(row->username, ==, "li");
    g_assert_cmpstr(row->department_name, ==, "Ours");
    g_assert_false(yd_department_add_member(f->service, &f->system, ours, li, NULL, &error));
    fixture_assert_error(error, YD_ERROR_EXISTS, "“li”");
    g_assert_false(yd_department_add_member(f->service, &f->system, ours, "usr-x", NULL, &error));
    fixture_assert_error(error, YD_ERROR_NOT_FOUND, "usr-x");
    g_assert_false(yd_department_add_member(f->service, &f->system, "dep-x", li, NULL, &error));
    fixture_assert_error(error, YD_ERROR_NOT_FOUND, "dep-x");
    g_assert_true(yd_department_add_manager(f->service, &f->system, ours, boss, NULL, &error));
    g_assert_false(yd_department_add_manager(f->service, &f->system, ours, li, NULL, &error));
    fixture_assert_error(error, YD_ERROR_STATE, "role “manager” first");

    g_assert_cmpuint(
        count(yd_department_members(f->service, &manager->actor, ours, &query, &error)), ==, 1);
    g_assert_cmpuint(
        count(yd_department_managers(f->service, &manager->actor, ours, &query, &error)), ==, 1);
    g_assert_null(yd_department_members(f->service, &manager->actor, theirs, &query, &error));
    fixture_assert_error(error, YD_ERROR_NOT_FOUND, theirs);
    g_assert_null(yd_department_members(f->service, &user->actor, ours, &query, &error));
    fixture_assert_error(error, YD_ERROR_FORBIDDEN, "departments.read");
    g_assert_false(yd_department_add_member(f->service, &manager->actor, ours, boss, NULL, &error));
    fixture_assert_error(error, YD_ERROR_FORBIDDEN, "departments.write");
    g_assert_false(yd_department_remove_member(f->service, &manager->actor, ours, li, &error));
    fixture_assert_error(error, YD_ERROR_FORBIDDEN, "departments.write");
    g_assert_false(
        yd_department_add_manager(f->service, &manager->actor, theirs, boss, NULL, &error));
    fixture_assert_error(error, YD_ERROR_FORBIDDEN, "departments.write");

    g_assert_false(yd_department_delete(f->service, &f->system, ours, 0, &error));
    fixture_assert_error(error, YD_ERROR_IN_USE, "1 member(s)");
    g_assert_true(yd_department_remove_member(f->service, &f->system, ours, li, &error));
    g_assert_false(yd_department_remove_member(f->service, &f->system, ours, li, &error));
    fixture_assert_error(error, YD_ERROR_NOT_FOUND, li);
    g_assert_true(yd_department_delete(f->service, &f->system, ours, 0, &error));
    g_assert_cmpuint(fixture_audits(f, "department.member.add", "ok"), ==, 1);
    g_assert_cmpuint(fixture_audits(f, "department.member.remove", "ok"), ==, 1);
    g_assert_cmpuint(fixture_audits(f, "department.manager.add", "ok"), ==, 1);
}

// Who leaves a department loses what was given to them by it, and by nothing else.
static void
test_leaving_cuts(Fixture *f, gconstpointer data)
{
    g_autofree char *first = fixture_department(f, "D1", "First");
    g_autofree char *second = fixture_department(f, "D2", "Second");
    g_autofree char *li = fixture_user(f, "li", "user");
    g_autofree char *pool = fixture_pool(f, "pool");
    g_autofree char *desktop = fixture_desktop(f, pool, li, "d");
    g_autofree char *connection = fixture_connection(f, desktop, li, NULL);
    const char *const departments[] = {first, second};
    g_autoptr(GError) error = NULL;

    for (int i = 0; i < 2; i++) {
        yd_department_add_member(f->service, &f->system, departments[i], li, NULL, &error);
        yd_pool_entitle(f->service, &f->system, pool, departments[i], NULL, NULL, &error);
        g_assert_no_error(error);
    }
    for (int i = 0; i < 2; i++) {
        g_autofree char *state = NULL;
        g_assert_true(
            yd_department_remove_member(f->service, &f->system, departments[i], li, &error));
        state = fixture_connection_state(f, connection);
        g_assert_cmpstr(state, ==, i ? "ended" : "open");
    }
}

#define ADD(name, test) g_test_add(name, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/department/create-and-change", test_create_and_change);
    ADD("/department/bad-fields", test_bad_fields);
    ADD("/department/members", test_members);
    ADD("/department/leaving-cuts", test_leaving_cuts);
    return g_test_run();
}
