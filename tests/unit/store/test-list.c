// SPDX-License-Identifier: Apache-2.0
// Lists: pages that stay stable, sorts with NULLs, filters, search, hostile input, scope.
#include <locale.h>
#include <string.h>

#include "base/error.h"
#include "base/id.h"
#include "fixture.h"

// Reads all pages; checks that no row comes twice. Calls between(store, n) after each page.
static guint
walk(YdStore *store, const YdRecordType *type, YdQuery query, void (*between)(YdStore *, guint),
     GString *order)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree char *cursor = NULL;
    guint pages = 0;
    do {
        g_autoptr(GError) error = NULL;
        query.cursor = cursor;
        g_autoptr(YdPage) page = yd_store_list(store, type, &query, &error);
        g_assert_no_error(error);
        for (guint i = 0; i < page->records->len; i++) {
            g_assert_true(g_hash_table_add(seen, g_strdup(*(char **)page->records->pdata[i])));
            if (order)
                g_string_append_printf(order, "%s ", ((YdDesktop *)page->records->pdata[i])->name);
        }
        g_free(cursor);
        cursor = g_steal_pointer(&page->next);
        if (between)
            between(store, ++pages);
    } while (cursor);
    return g_hash_table_size(seen);
}

static void
insert_more(YdStore *store, guint n)
{
    g_autofree char *first = g_strdup_printf("a-before-%u", n);
    g_autofree char *last = g_strdup_printf("z-behind-%u", n);
    if (n > 3)
        return;
    g_free(fixture_desktop(store, first, NULL, NULL));
    g_free(fixture_desktop(store, last, NULL, NULL));
}

static void
test_pages(void)
{
    g_autoptr(YdStore) store = fixture_open();
    for (guint i = 0; i < 25; i++) {
        g_autofree char *name = g_strdup_printf("desk-%02u", i);
        g_free(fixture_desktop(store, name, NULL, NULL));
    }
    YdQuery query = {.limit = 7, .want_total = TRUE};
    g_assert_cmpuint(walk(store, &yd_desktop_type, query, NULL, NULL), ==, 25);
    query.limit = 25; // exactly one page
    g_autoptr(YdPage) page = yd_store_list(store, &yd_desktop_type, &query, NULL);
    g_assert_null(page->next);
    g_assert_cmpint(page->total, ==, 25);
    query.limit = 0;
    g_assert_cmpuint(walk(store, &yd_desktop_type, query, NULL, NULL), ==, 25);
    // rows that come before the cursor are not seen, those behind it are; none is lost or doubled
    query.limit = 7;
    query.sort = "name";
    g_assert_cmpuint(walk(store, &yd_desktop_type, query, insert_more, NULL), ==, 28);
    query.sort = "-name";
    query.limit = 1;
    g_autoptr(GString) order = g_string_new(NULL);
    g_assert_cmpuint(walk(store, &yd_desktop_type, query, NULL, order), ==, 31);
    g_assert_true(g_str_has_prefix(order->str, "z-behind-3 z-behind-2 z-behind-1 desk-24 "));
    g_assert_true(g_str_has_suffix(order->str, "desk-00 a-before-3 a-before-2 a-before-1 "));
}

// Sorting by a joined column that is NULL for some, both ways, in pages of every size.
static void
test_nulls(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autofree char *bob = fixture_user(store, "bob", "user");
    g_autofree char *amy = fixture_user(store, "amy", "user");
    g_free(fixture_desktop(store, "1", NULL, bob));
    g_free(fixture_desktop(store, "2", NULL, NULL));
    g_free(fixture_desktop(store, "3", NULL, amy));
    g_free(fixture_desktop(store, "4", NULL, NULL));
    g_free(fixture_desktop(store, "5", NULL, bob));
    for (guint limit = 0; limit < 7; limit++) {
        g_autoptr(GString) up = g_string_new(NULL), down = g_string_new(NULL);
        YdQuery query = {.limit = limit, .sort = "username"};
        walk(store, &yd_desktop_type, query, NULL, up);
        g_assert_cmpstr(up->str, ==, "2 4 3 1 5 ");
        query.sort = "-username";
        walk(store, &yd_desktop_type, query, NULL, down);
        g_assert_cmpstr(down->str, ==, "5 1 3 4 2 ");
    }
}

// Every column that says it can be sorted, filtered or searched by can, for every type.
static void
test_flags(void)
{
    g_autoptr(YdStore) store = fixture_open();
    for (const YdRecordType *const *type = yd_record_types(); *type; type++) {
        for (guint i = 0; i < (*type)->n_fields; i++) {
            const YdField *field = &(*type)->fields[i];
            g_autofree char *down = g_strconcat("-", field->name, NULL);
            const char *values[] = {field->kind == YD_FIELD_TEXT ? "" : "1", "0", NULL};
            YdCondition condition = {field->name, "=", values};
            YdQuery sorted = {.limit = 2, .sort = down};
            YdQuery filtered = {.conditions = &condition, .n_conditions = 1, .want_total = TRUE};
            g_autoptr(GError) error = NULL;
            g_autoptr(YdPage) a = yd_store_list(store, *type, &sorted, &error);
            g_assert_true(field->flags & YD_FIELD_SORT || g_str_equal(field->name, "id")
                              ? a != NULL
                              : g_error_matches(error, YD_ERROR, YD_ERROR_INVALID));
            g_clear_error(&error);
            g_autoptr(YdPage) b = yd_store_list(store, *type, &filtered, &error);
            g_assert_true(field->flags & YD_FIELD_FILTER
                              ? b != NULL
                              : g_error_matches(error, YD_ERROR, YD_ERROR_INVALID));
        }
    }
}

static gint64
total(YdStore *store, const YdRecordType *type, YdQuery query)
{
    g_autoptr(GError) error = NULL;
    query.want_total = TRUE;
    g_autoptr(YdPage) page = yd_store_list(store, type, &query, &error);
    g_assert_no_error(error);
    g_assert_cmpint(page->total, ==, page->records->len);
    return page->total;
}

static gint64
filtered(YdStore *store, const char *column, const char *op, const char *a, const char *b)
{
    const char *values[] = {a, b, NULL};
    YdCondition condition = {column, op, values};
    return total(store, &yd_user_type, (YdQuery){.conditions = &condition, .n_conditions = 1});
}

static void
test_filters(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_free(fixture_user(store, "root-ish", "admin"));
    g_free(fixture_user(store, "ann", "manager"));
    g_free(fixture_user(store, "bob", "user"));
    g_free(fixture_user(store, "eve", "user"));
    g_assert_cmpint(filtered(store, "role", "=", "user", NULL), ==, 2);
    g_assert_cmpint(filtered(store, "role", "=", "user", "admin"), ==, 3);
    g_assert_cmpint(filtered(store, "role", "!=", "user", NULL), ==, 2);
    g_assert_cmpint(filtered(store, "role", "=", "' OR 1=1 --", NULL), ==, 0);
    g_assert_cmpint(filtered(store, "number", "=", "", NULL), ==, 4);
    g_assert_cmpint(filtered(store, "number", "=", "7", NULL), ==, 0);
    g_assert_cmpint(filtered(store, "enabled", "=", "true", NULL), ==, 4);
    g_assert_cmpint(filtered(store, "enabled", "=", "false", NULL), ==, 0);
    g_assert_cmpint(filtered(store, "username", ">", "ann", NULL), ==, 3);
    g_assert_cmpint(total(store, &yd_user_type, (YdQuery){.search = "NAME OF"}), ==, 4);
    g_assert_cmpint(total(store, &yd_user_type, (YdQuery){.search = "%"}), ==, 0);
    g_assert_cmpint(total(store, &yd_user_type, (YdQuery){.search = "b_b"}), ==, 0);
    g_assert_cmpint(total(store, &yd_user_type, (YdQuery){.search = "bo"}), ==, 1);
}

// More texts of statements than are kept.
static void
test_many_statements(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_free(fixture_user(store, "ann", "user"));
    const char *values[200] = {NULL};
    for (guint i = 0; i < 150; i++) {
        values[i] = i == 149 ? "ann" : "nobody";
        for (guint limit = 0; limit < 2; limit++) {
            YdCondition condition = {"username", "=", values};
            YdQuery query = {
                .conditions = &condition, .n_conditions = 1, .want_total = TRUE, .limit = limit};
            g_autoptr(YdPage) page = yd_store_list(store, &yd_user_type, &query, NULL);
            g_assert_cmpint(page->total, ==, i == 149);
        }
    }
}

static void
test_search_folds(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_free(fixture_department(store, "1", "Größe und Ärzte"));
    g_free(fixture_department(store, "2", "研发部"));
    g_assert_cmpint(total(store, &yd_department_type, (YdQuery){.search = "ÄRZTE"}), ==, 1);
    g_assert_cmpint(total(store, &yd_department_type, (YdQuery){.search = "grösse"}), ==, 1);
    g_assert_cmpint(total(store, &yd_department_type, (YdQuery){.search = "发"}), ==, 1);
}

static void
assert_refused(YdStore *store, YdQuery query)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(yd_store_list(store, &yd_user_type, &query, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_assert_true(g_utf8_validate(error->message, -1, NULL));
    g_assert_cmpuint(strlen(error->message), <, 1000);
}

static void
test_hostile(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autofree char *long_text = g_strnfill(100000, 'x');
    const char *bad[] = {"name; DROP TABLE users", "password", "-",      "--name", "1", "\xff\xfe",
                         "name DESC, (SELECT 1)",  "Name",     long_text};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        const char *values[] = {"x", NULL};
        YdCondition condition = {bad[i], "=", values};
        assert_refused(store, (YdQuery){.sort = bad[i]});
        assert_refused(store, (YdQuery){.conditions = &condition, .n_conditions = 1});
        assert_refused(store, (YdQuery){.cursor = bad[i]});
    }
    const char *values[] = {"1", NULL};
    YdCondition condition = {"role", "LIKE", values};
    assert_refused(store, (YdQuery){.conditions = &condition, .n_conditions = 1});
    condition = (YdCondition){"enabled", "=", (const char *[]){"maybe", NULL}};
    assert_refused(store, (YdQuery){.conditions = &condition, .n_conditions = 1});
    assert_refused(store, (YdQuery){.search = long_text});
    assert_refused(store, (YdQuery){.search = "\xc3\x28"});
    const char *many[202] = {NULL};
    for (guint i = 0; i < 201; i++)
        many[i] = "x";
    condition = (YdCondition){"username", "=", many};
    assert_refused(store, (YdQuery){.conditions = &condition, .n_conditions = 1});
    // cursors of another sort, and made-up ones
    g_free(fixture_user(store, "a", "user"));
    g_free(fixture_user(store, "b", "user"));
    YdQuery query = {.limit = 1, .sort = "username"};
    g_autoptr(YdPage) page = yd_store_list(store, &yd_user_type, &query, NULL);
    g_assert_nonnull(page->next);
    assert_refused(store, (YdQuery){.cursor = page->next});
    assert_refused(store, (YdQuery){.cursor = page->next, .sort = "-username"});
    const char *made_up[] = {"{}", "[]", "{\"s\":\"username\",\"v\":1,\"i\":\"x\"}",
                             "{\"s\":\"username\",\"v\":{},\"i\":\"x\"}",
                             "{\"s\":\"username\",\"v\":\"a\",\"i\":7}"};
    for (guint i = 0; i < G_N_ELEMENTS(made_up); i++) {
        g_autofree char *text = g_base64_encode((const guchar *)made_up[i], strlen(made_up[i]));
        assert_refused(store, (YdQuery){.cursor = text, .sort = "username"});
    }
}

// ---- scope: alice and ann in sales (managed by max), bob in buying (managed by nobody)

typedef struct {
    YdStore *store;
    char *alice, *ann, *bob, *max, *sales, *buying, *alice_desk, *bob_desk, *sales_pool, *bob_pool;
    char *alice_job, *admin_job;
} Office;

static Office
office_new(void)
{
    Office o = {.store = fixture_open()};
    o.alice = fixture_user(o.store, "alice", "user");
    o.ann = fixture_user(o.store, "ann", "user");
    o.bob = fixture_user(o.store, "bob", "user");
    o.max = fixture_user(o.store, "max", "manager");
    o.sales = fixture_department(o.store, "1", "Sales");
    o.buying = fixture_department(o.store, "2", "Buying");
    fixture_member(o.store, o.sales, o.alice);
    fixture_member(o.store, o.sales, o.ann);
    fixture_member(o.store, o.buying, o.bob);
    fixture_manager(o.store, o.sales, o.max);
    g_autofree char *version = fixture_template_version(o.store, "debian");
    g_autofree char *network = fixture_network(o.store, "net", "10.99.0.2", "10.99.0.9");
    o.sales_pool = fixture_pool(o.store, "sales", version, network);
    o.bob_pool = fixture_pool(o.store, "bob", version, network);
    fixture_entitle(o.store, o.sales_pool, o.sales, NULL);
    fixture_entitle(o.store, o.bob_pool, NULL, o.bob);
    o.alice_desk = fixture_desktop(o.store, "da", o.sales_pool, o.alice);
    o.bob_desk = fixture_desktop(o.store, "db", o.bob_pool, o.bob);
    g_free(fixture_connection(o.store, o.alice_desk, o.alice, "open"));
    g_free(fixture_connection(o.store, o.bob_desk, o.bob, "open"));
    o.alice_job = fixture_job(o.store, "desktop-start", o.alice_desk, o.alice);
    o.admin_job = fixture_job(o.store, "desktop-stop", o.bob_desk, NULL);
    return o;
}

static void
office_free(Office *o)
{
    yd_store_close(o->store);
    char **texts[] = {&o->alice,      &o->ann,      &o->bob,        &o->max,
                      &o->sales,      &o->buying,   &o->alice_desk, &o->bob_desk,
                      &o->sales_pool, &o->bob_pool, &o->alice_job,  &o->admin_job};
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(*texts[i]);
}

static void
assert_scope(Office *o, const YdRecordType *type, gint64 alice, gint64 bob, gint64 max,
             gint64 admin)
{
    g_assert_cmpint(total(o->store, type, (YdQuery){.only_user = o->alice}), ==, alice);
    g_assert_cmpint(total(o->store, type, (YdQuery){.only_user = o->bob}), ==, bob);
    g_assert_cmpint(total(o->store, type, (YdQuery){.only_manager = o->max}), ==, max);
    g_assert_cmpint(total(o->store, type, (YdQuery){0}), ==, admin);
    g_assert_cmpint(total(o->store, type, (YdQuery){.only_user = "usr-none"}), ==, 0);
    g_assert_cmpint(total(o->store, type, (YdQuery){.only_manager = "' OR '1'='1"}), ==, 0);
}

static void
test_scope_lists(void)
{
    Office o = office_new();
    assert_scope(&o, &yd_user_type, 1, 1, 3, 4);
    assert_scope(&o, &yd_department_type, 1, 1, 1, 2);
    assert_scope(&o, &yd_membership_type, 1, 1, 2, 3);
    assert_scope(&o, &yd_managership_type, 0, 0, 1, 1);
    assert_scope(&o, &yd_pool_type, 1, 1, 1, 2);
    assert_scope(&o, &yd_entitlement_type, 1, 1, 1, 2);
    assert_scope(&o, &yd_desktop_type, 1, 1, 1, 2);
    assert_scope(&o, &yd_connection_type, 1, 1, 1, 2);
    assert_scope(&o, &yd_job_type, 1, 1, 1, 2);
    assert_scope(&o, &yd_template_type, 0, 0, 0, 1);
    assert_scope(&o, &yd_network_type, 0, 0, 0, 1);
    assert_scope(&o, &yd_host_type, 0, 0, 0, 0);
    assert_scope(&o, &yd_audit_type, 0, 0, 0, 0);
    office_free(&o);
}

static void
test_visible(void)
{
    Office o = office_new();
    g_autoptr(GError) error = NULL;
    g_assert_true(yd_store_visible(o.store, &yd_desktop_type, o.alice_desk, o.alice, NULL, &error));
    g_assert_true(yd_store_visible(o.store, &yd_desktop_type, o.alice_desk, NULL, o.max, &error));
    g_assert_true(yd_store_visible(o.store, &yd_desktop_type, o.bob_desk, NULL, NULL, &error));
    g_assert_true(yd_store_visible(o.store, &yd_job_type, o.admin_job, o.bob, NULL, &error));
    g_assert_false(yd_store_visible(o.store, &yd_desktop_type, o.bob_desk, o.alice, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    // what may not be seen looks like what is not there
    g_autofree char *hidden = g_strdup(error->message);
    g_autoptr(GString) absent = g_string_new("There is no desktop with the id “");
    g_string_append_printf(absent, "%s”", o.bob_desk);
    g_assert_cmpstr(hidden, ==, absent->str);
    g_clear_error(&error);
    g_assert_false(yd_store_visible(o.store, &yd_desktop_type, o.bob_desk, NULL, o.max, NULL));
    g_assert_false(yd_store_visible(o.store, &yd_pool_type, o.bob_pool, o.alice, NULL, NULL));
    g_assert_false(yd_store_visible(o.store, &yd_template_type, "tpl-x", NULL, o.max, NULL));
    g_assert_false(yd_store_visible(o.store, &yd_desktop_type, "nothing", NULL, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    office_free(&o);
}

// By department, for people and for what is theirs; a manager sees nobody by a department that is
// not theirs.
static void
test_departments(void)
{
    Office o = office_new();
    fixture_member(o.store, o.buying, o.ann); // of two departments
    const struct {
        const YdRecordType *type;
        const char *first, *second, *manager;
        gint64 expected;
    } cases[] = {
        {&yd_user_type, o.sales, NULL, NULL, 2},      {&yd_user_type, o.buying, NULL, NULL, 2},
        {&yd_user_type, o.sales, o.buying, NULL, 3},  {&yd_user_type, "dep-none", NULL, NULL, 0},
        {&yd_user_type, o.sales, NULL, o.max, 2},     {&yd_user_type, o.buying, NULL, o.max, 1},
        {&yd_user_type, "' OR 1 = 1", NULL, NULL, 0}, {&yd_desktop_type, o.sales, NULL, NULL, 1},
        {&yd_desktop_type, o.buying, NULL, o.max, 0}, {&yd_connection_type, o.sales, NULL, NULL, 1},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *values[] = {cases[i].first, cases[i].second, NULL};
        YdCondition condition = {"department_ids", "=", values};
        YdQuery query = {
            .conditions = &condition, .n_conditions = 1, .only_manager = cases[i].manager};
        g_assert_cmpint(total(o.store, cases[i].type, query), ==, cases[i].expected);
    }
    g_autoptr(YdUser) ann = yd_store_get(o.store, &yd_user_type, o.ann, NULL);
    g_assert_nonnull(strstr(ann->department_ids, o.sales));
    g_assert_nonnull(strstr(ann->department_ids, o.buying));
    office_free(&o);
}

// Events carry whom they concern, also when the row is gone.
static void
test_event_owners(void)
{
    Office o = office_new();
    gint64 newest = 0;
    g_ptr_array_unref(yd_store_events(o.store, 0, 1, NULL, &newest, NULL));
    g_autoptr(GError) error = NULL;
    g_assert_true(yd_store_delete(o.store, &yd_desktop_type, o.alice_desk, 0, &error));
    g_autoptr(GPtrArray) events = yd_store_events(o.store, newest, 10, NULL, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(events->len, ==, 1);
    const YdEvent *event = events->pdata[0];
    g_assert_cmpstr(event->kind, ==, "deleted");
    g_assert_cmpstr(event->noun, ==, "desktop");
    g_assert_cmpstr(event->object_id, ==, o.alice_desk);
    g_assert_cmpstr(event->user_id, ==, o.alice);
    g_assert_cmpstr(event->department_ids, ==, o.sales);
    office_free(&o);
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/list/pages", test_pages);
    g_test_add_func("/list/nulls", test_nulls);
    g_test_add_func("/list/flags", test_flags);
    g_test_add_func("/list/filters", test_filters);
    g_test_add_func("/list/many-statements", test_many_statements);
    g_test_add_func("/list/search-folds", test_search_folds);
    g_test_add_func("/list/hostile", test_hostile);
    g_test_add_func("/list/scope", test_scope_lists);
    g_test_add_func("/list/visible", test_visible);
    g_test_add_func("/list/departments", test_departments);
    g_test_add_func("/list/event-owners", test_event_owners);
    return g_test_run();
}
