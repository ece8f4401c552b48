// SPDX-License-Identifier: Apache-2.0
// Pools and to whom they are given.

#include "people-fixture.h"
#include <string.h>

static YdPool *
load(Fixture *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    YdPool *pool = yd_store_get(f->store, &yd_pool_type, id, &error);

    g_assert_no_error(error);
    return pool;
}

static void
test_create_and_change(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_pool(f, "office");
    g_autoptr(YdPool) pool = load(f, id);
    g_autoptr(YdPool) old = load(f, id);
    g_autoptr(GError) error = NULL;

    g_assert_nonnull(strstr(pool->policy, "\"clipboard\"")); // canonical: all members
    yd_set_string(&pool->policy, "{\"clipboard\":false}");
    pool->memory_mib = 4096;
    pool->disk_gib = 1;
    g_assert_true(yd_pool_update(f->service, &f->system, pool, 0, &error));
    g_assert_nonnull(strstr(pool->policy, "\"clipboard\":false"));
    g_assert_cmpint(pool->version, ==, 2);
    old->vcpus = 3;
    g_assert_false(yd_pool_update(f->service, &f->system, old, 0, &error));
    fixture_assert_error(error, YD_ERROR_STALE, "load it again");
    g_assert_true(yd_pool_delete(f->service, &f->system, id, 0, &error));
    g_assert_cmpuint(fixture_audits(f, "pool.create", "ok"), ==, 1);
    g_assert_cmpuint(fixture_audits(f, "pool.change", "ok"), ==, 1);
    g_assert_cmpuint(fixture_audits(f, "pool.delete", "ok"), ==, 1);
}

static void
test_bad_texts(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_pool(f, "office");
    G_GNUC_UNUSED g_autofree char *other = fixture_pool(f, "other");
    g_autofree char *big = g_strnfill(4096, 'a');
    g_autoptr(GError) error = NULL;
    const struct {
        const char *field, *value;
        int code;
    } bad[] = {
        {"name", NULL, YD_ERROR_INVALID},
        {"name", " ", YD_ERROR_INVALID},
        {"name", big, YD_ERROR_INVALID},
        {"name", "a\u2066b", YD_ERROR_INVALID},
        {"name", "other", YD_ERROR_EXISTS},
        {"description", big, YD_ERROR_INVALID},
        {"policy", "{", YD_ERROR_INVALID},
        {"policy", "[]", YD_ERROR_INVALID},
        {"policy", "{\"clipboard\":1}", YD_ERROR_INVALID},
        {"policy", "{\"root\":true}", YD_ERROR_INVALID},
        {"template_version_id", NULL, YD_ERROR_INVALID},
        {"template_version_id", "tpv-none", YD_ERROR_INVALID},
        {"template_version_id", big, YD_ERROR_INVALID},
        {"network_id", NULL, YD_ERROR_INVALID},
        {"network_id", "net-none\x01", YD_ERROR_INVALID},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(YdPool) pool = load(f, id);
        yd_record_set_text(pool, yd_record_field(&yd_pool_type, bad[i].field), bad[i].value);
        g_assert_false(yd_pool_update(f->service, &f->system, pool, 0, &error));
        fixture_assert_error(error, (int)bad[i].code, bad[i].field);
    }
}

static void
test_bad_hardware(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_pool(f, "office");
    g_autoptr(YdPool) good = load(f, id);
    g_autoptr(YdTemplateVersion) version =
        yd_store_get(f->store, &yd_template_version_type, good->template_version_id, NULL);
    g_autoptr(GError) error = NULL;
    const struct {
        const char *field;
        gint64 value;
    } bad[] = {
        {"vcpus", 0},       {"vcpus", 65},           {"vcpus", G_MININT64},
        {"memory_mib", 63}, {"memory_mib", 1048577}, {"memory_mib", G_MAXINT64},
        {"disk_gib", -1},   {"disk_gib", 16385},     {"disk_gib", G_MAXINT64},
        {"disk_gib", 4},    {"max_desktops", -1},    {"max_desktops", 100001},
    };

    version->virtual_bytes = ((gint64)4 << 30) + 1; // more than 4 GiB
    g_assert_true(yd_store_update(f->store, &yd_template_version_type, version, NULL));
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(YdPool) pool = load(f, id);
        yd_record_set_int(pool, yd_record_field(&yd_pool_type, bad[i].field), bad[i].value);
        g_assert_false(yd_pool_update(f->service, &f->system, pool, 0, &error));
        fixture_assert_error(error, YD_ERROR_INVALID, bad[i].field);
    }
    good->disk_gib = 5;
    g_assert_true(yd_pool_update(f->service, &f->system, good, 0, &error));
}

static void
test_template_and_network(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_pool(f, "office");
    g_autofree char *foreign = fixture_version(f, "foreign");
    g_autoptr(YdPool) pool = load(f, id);
    g_autoptr(YdTemplateVersion) next = yd_template_version_new();
    g_autoptr(YdNetwork) network = NULL;
    g_autoptr(GError) error = NULL;

    yd_set_string(&pool->template_version_id, foreign);
    g_assert_false(yd_pool_update(f->service, &f->system, pool, 0, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "“foreign”");
    next->template_id = g_strdup(pool->template_id);
    next->number = 2;
    next->state = g_strdup("importing");
    g_assert_true(yd_store_insert(f->store, &yd_template_version_type, next, NULL));
    yd_set_string(&pool->template_version_id, next->id);
    g_assert_false(yd_pool_update(f->service, &f->system, pool, 0, &error));
    fixture_assert_error(error, YD_ERROR_STATE, "“importing”");
    yd_set_string(&next->state, "ready");
    g_assert_true(yd_store_update(f->store, &yd_template_version_type, next, NULL));
    g_assert_true(yd_pool_update(f->service, &f->system, pool, 0, &error));
    g_assert_cmpint(pool->template_number, ==, 2);
    network = yd_store_get(f->store, &yd_network_type, pool->network_id, NULL);
    yd_set_string(&network->state, "failed");
    g_assert_true(yd_store_update(f->store, &yd_network_type, network, NULL));
    yd_set_string(&pool->description, "x");
    g_assert_false(yd_pool_update(f->service, &f->system, pool, 0, &error));
    fixture_assert_error(error, YD_ERROR_STATE, "“failed”");
}

static void
test_entitle(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_pool(f, "office");
    g_autofree char *other = fixture_pool(f, "other");
    g_autofree char *department = fixture_department(f, "D1", "Ours");
    g_autofree char *li = fixture_user(f, "li", "user");
    g_autoptr(YdActorOwned) actor = fixture_actor(f, li);
    g_autoptr(YdEntitlement) row = NULL;
    g_autoptr(GPtrArray) own = NULL;
    g_autoptr(YdPage) page = NULL;
    g_autoptr(GError) error = NULL;
    YdQuery query = {0};

    g_assert_false(yd_pool_entitle(f->service, &f->system, id, NULL, NULL, NULL, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "either");
    g_assert_false(yd_pool_entitle(f->service, &f->system, id, department, li, NULL, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "either");
    g_assert_false(yd_pool_entitle(f->service, &f->system, id, "dep-x", NULL, NULL, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "department_id: ");
    g_assert_false(yd_pool_entitle(f->service, &f->system, id, NULL, "usr-x", NULL, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "user_id: ");
    g_assert_false(yd_pool_entitle(f->service, &f->system, "pol-x", NULL, li, NULL, &error));
    fixture_assert_error(error, YD_ERROR_NOT_FOUND, "pol-x");
    g_assert_false(yd_pool_entitle(f->service, &actor->actor, id, NULL, li, NULL, &error));
    fixture_assert_error(error, YD_ERROR_FORBIDDEN, "pools.write");
    own = yd_pool_list_own(f->service, &actor->actor, &error);
    g_assert_cmpuint(own->len, ==, 0);
    g_clear_pointer(&own, g_ptr_array_unref);

    g_assert_true(yd_pool_entitle(f->service, &f->system, id, department, NULL, NULL, &error));
    g_assert_true(yd_pool_entitle(f->service, &f->system, id, NULL, li, &row, &error));
    g_assert_cmpstr(row->username, ==, "li");
    g_assert_false(yd_pool_entitle(f->service, &f->system, id, NULL, li, NULL, &error));
    fixture_assert_error(error, YD_ERROR_EXISTS, "“li”");
    page = yd_pool_entitlements(f->service, &f->system, id, &query, &error);
    g_assert_cmpuint(page->records->len, ==, 2);
    g_assert_null(yd_pool_entitlements(f->service, &actor->actor, id, &query, &error));
    fixture_assert_error(error, YD_ERROR_FORBIDDEN, "users.read");
    own = yd_pool_list_own(f->service, &actor->actor, &error);
    g_assert_cmpuint(own->len, ==, 1);
    g_assert_null(((YdOwnPool *)own->pdata[0])->desktop);
    g_clear_pointer(&own, g_ptr_array_unref);
    g_free(fixture_desktop(f, id, li, "mine"));
    own = yd_pool_list_own(f->service, &actor->actor, &error);
    g_assert_cmpstr(((YdOwnPool *)own->pdata[0])->desktop->name, ==, "mine");

    g_assert_false(yd_pool_unentitle(f->service, &f->system, other, row->id, &error));
    fixture_assert_error(error, YD_ERROR_NOT_FOUND, row->id);
    g_assert_true(yd_pool_unentitle(f->service, &f->system, id, row->id, &error));
    g_assert_false(yd_pool_unentitle(f->service, &f->system, id, row->id, &error));
    fixture_assert_error(error, YD_ERROR_NOT_FOUND, row->id);
    g_assert_cmpuint(fixture_audits(f, "pool.entitle", "ok"), ==, 2);
    g_assert_cmpuint(fixture_audits(f, "pool.unentitle", "ok"), ==, 1);

    g_assert_false(yd_pool_delete(f->service, &f->system, id, 0, &error));
    fixture_assert_error(error, YD_ERROR_IN_USE, "1 desktop(s)");
    g_assert_true(yd_pool_delete(f->service, &f->system, other, 0, &error));
}

// A pool that is taken away by one way but given by another stays.
static void
test_taking_away_cuts(Fixture *f, gconstpointer data)
{
    g_autofree char *pool = fixture_pool(f, "office");
    g_autofree char *department = fixture_department(f, "D1", "Ours");
    g_autofree char *li = fixture_user(f, "li", "user");
    g_autofree char *wang = fixture_user(f, "wang", "user");
    g_autofree char *li_desktop = fixture_desktop(f, pool, li, "l");
    g_autofree char *wang_desktop = fixture_desktop(f, pool, wang, "w");
    g_autofree char *li_session = fixture_connection(f, li_desktop, li, NULL);
    g_autofree char *wang_session = fixture_connection(f, wang_desktop, wang, NULL);
    g_autofree char *li_state = NULL, *wang_state = NULL;
    g_autoptr(YdEntitlement) all = NULL;
    g_autoptr(YdDesktop) kept = NULL;
    g_autoptr(GError) error = NULL;

    yd_department_add_member(f->service, &f->system, department, li, NULL, &error);
    yd_department_add_member(f->service, &f->system, department, wang, NULL, &error);
    yd_pool_entitle(f->service, &f->system, pool, department, NULL, &all, &error);
    yd_pool_entitle(f->service, &f->system, pool, NULL, wang, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(yd_pool_unentitle(f->service, &f->system, pool, all->id, &error));
    li_state = fixture_connection_state(f, li_session);
    wang_state = fixture_connection_state(f, wang_session);
    g_assert_cmpstr(li_state, ==, "ended");
    g_assert_cmpstr(wang_state, ==, "open");
    kept = yd_store_get(f->store, &yd_desktop_type, li_desktop, &error);
    g_assert_nonnull(kept);
}

// A manager sees of a pool's entitlements those of their departments.
static void
test_manager_sees(Fixture *f, gconstpointer data)
{
    g_autofree char *pool = fixture_pool(f, "office");
    g_autofree char *ours = fixture_department(f, "D1", "Ours");
    g_autofree char *theirs = fixture_department(f, "D2", "Theirs");
    g_autofree char *boss = fixture_user(f, "boss", "manager");
    g_autoptr(YdActorOwned) actor = fixture_actor(f, boss);
    g_autoptr(YdPage) page = NULL;
    g_autoptr(GError) error = NULL;
    YdQuery query = {0};

    yd_department_add_manager(f->service, &f->system, ours, boss, NULL, &error);
    yd_pool_entitle(f->service, &f->system, pool, theirs, NULL, NULL, &error);
    g_assert_no_error(error);
    g_assert_null(yd_pool_entitlements(f->service, &actor->actor, pool, &query, &error));
    fixture_assert_error(error, YD_ERROR_NOT_FOUND, pool);
    yd_pool_entitle(f->service, &f->system, pool, ours, NULL, NULL, &error);
    page = yd_pool_entitlements(f->service, &actor->actor, pool, &query, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(page->records->len, ==, 1);
}

#define ADD(name, test) g_test_add(name, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/pool/create-and-change", test_create_and_change);
    ADD("/pool/bad-texts", test_bad_texts);
    ADD("/pool/bad-hardware", test_bad_hardware);
    ADD("/pool/template-and-network", test_template_and_network);
    ADD("/pool/entitle", test_entitle);
    ADD("/pool/taking-away-cuts", test_taking_away_cuts);
    ADD("/pool/manager-sees", test_manager_sees);
    return g_test_run();
}
