// SPDX-License-Identifier: Apache-2.0
// The field tables, and records to JSON and back.
#include <string.h>

#include "base/error.h"
#include "base/id.h"
#include "model/record-json.h"
#include "model/records.h"

// Every member of every record is in its table, once, at a place of its own.
static void
test_tables(void)
{
    for (const YdRecordType *const *t = yd_record_types(); *t; t++) {
        const YdRecordType *type = *t;
        gsize covered = 0;
        g_assert_cmpstr(type->fields[0].name, ==, "id");
        g_assert_cmpuint(type->fields[0].offset, ==, 0);
        for (guint i = 0; i < type->n_fields; i++) {
            const YdField *field = &type->fields[i];
            gboolean is_bool = field->kind == YD_FIELD_BOOL;
            covered += is_bool ? sizeof(gboolean) : 8;
            for (guint n = 0; n < i; n++) {
                g_assert_cmpuint(type->fields[n].offset, !=, field->offset);
                g_assert_cmpstr(type->fields[n].name, !=, field->name);
            }
            g_assert_true(yd_record_field(type, field->name) == field);
            if (field->flags & YD_FIELD_SECRET) // people never get at it in any way
                g_assert_cmpuint(field->flags, ==, YD_FIELD_SECRET);
            if (field->flags & YD_FIELD_VIEW)
                g_assert_cmpuint(field->flags & (YD_FIELD_SET | YD_FIELD_MAKE), ==, 0);
        }
        // all but padding behind single gbooleans
        g_assert_cmpuint(covered, <=, type->size);
        g_assert_cmpuint(covered + 16, >, type->size);
        g_assert_null(yd_record_field(type, "nonsense"));
        g_assert_true(yd_record_type(type->noun) == type);
    }
    g_assert_null(yd_record_type("nonsense"));
}

static void
fill(const YdRecordType *type, gpointer record)
{
    for (guint i = 0; i < type->n_fields; i++) {
        const YdField *field = &type->fields[i];
        g_autofree char *text = g_strdup_printf("%s ü", field->name);
        if (field->kind == YD_FIELD_TEXT)
            yd_record_set_text(record, field, text);
        else if (field->kind == YD_FIELD_JSON)
            yd_record_set_text(record, field, "{\"a\":[1]}");
        else if (field->kind == YD_FIELD_DOUBLE)
            yd_record_set_double(record, field, 1.5);
        else
            yd_record_set_int(record, field, field->kind == YD_FIELD_BOOL ? 1 : 1000 + i);
    }
}

static void
test_copy(void)
{
    for (const YdRecordType *const *t = yd_record_types(); *t; t++) {
        gpointer record = yd_record_new(*t);
        fill(*t, record);
        gpointer copy = yd_record_copy(*t, record);
        g_autoptr(json_t) a = yd_record_json(*t, record), b = yd_record_json(*t, copy);
        g_assert_true(json_equal(a, b));
        g_assert_cmpuint(json_object_size(a), >, 0);
        yd_record_free(*t, record);
        (*t)->free_record(copy);
        yd_record_free(*t, NULL);
    }
}

static void
test_json(void)
{
    g_autoptr(YdUser) user = yd_user_new();
    user->id = g_strdup("usr-1");
    user->username = g_strdup("alice");
    user->password = g_strdup("$argon2id$…");
    user->enabled = TRUE;
    user->created = 1769847300250;
    g_autoptr(json_t) json = yd_record_json(&yd_user_type, user);
    g_assert_null(json_object_get(json, "password"));
    g_assert_cmpstr(json_string_value(json_object_get(json, "created")), ==,
                    "2026-01-31T08:15:00.250Z");
    g_assert_true(json_is_null(json_object_get(json, "last_login")));
    g_assert_true(json_is_null(json_object_get(json, "email")));
    g_assert_true(json_is_true(json_object_get(json, "enabled")));
    g_autoptr(YdPool) pool = yd_pool_new();
    pool->policy = g_strdup("{\"usb\":false}");
    g_autoptr(json_t) embedded = yd_record_json(&yd_pool_type, pool);
    g_assert_true(json_is_false(json_object_get(json_object_get(embedded, "policy"), "usb")));
    yd_set_string(&pool->policy, "broken");
    g_autoptr(json_t) broken = yd_record_json(&yd_pool_type, pool);
    g_assert_true(json_is_null(json_object_get(broken, "policy")));
}

static gboolean
apply(YdPool *pool, const char *text, gboolean creating, GPtrArray **ret_changed, GError **error)
{
    g_autoptr(GError) cause = NULL;
    g_autoptr(json_t) object = yd_json_parse(text, strlen(text), &cause);
    g_assert_no_error(cause);
    return yd_record_apply_json(&yd_pool_type, pool, object, creating, ret_changed, error);
}

static void
test_apply(void)
{
    g_autoptr(YdPool) pool = yd_pool_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) changed = NULL;
    pool->name = g_strdup("old");
    pool->vcpus = 2;
    g_assert_true(apply(pool,
                        "{\"name\":\"  Büro  \",\"description\":\" a\\r\\nb\\tc \",\"vcpus\":2,"
                        "\"enabled\":true,\"policy\":{\"usb\":false}}",
                        TRUE, &changed, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(pool->name, ==, "Büro");
    g_assert_cmpstr(pool->description, ==, "a\nb\tc");
    g_assert_cmpstr(pool->policy, ==, "{\"usb\":false}");
    g_assert_true(pool->enabled);
    g_assert_cmpuint(changed->len, ==, 4); // vcpus is as it was
    for (guint i = 0; i < changed->len; i++)
        g_assert_cmpstr(changed->pdata[i], !=, "vcpus");
    g_assert_true(apply(pool, "{\"description\":\"\",\"policy\":null}", FALSE, NULL, &error));
    g_assert_null(pool->description);
    g_assert_null(pool->policy);
    g_assert_true(apply(pool, "{}", FALSE, NULL, &error));
}

static void
test_refused(void)
{
    g_autofree char *long_name = g_strnfill(4096, 'n');
    g_autofree char *long_json = g_strdup_printf("{\"name\":\"%s\"}", long_name);
    const struct {
        const char *json, *start;
    } cases[] = {{"{\"nonsense\":1}", "nonsense: there is no such field; known are name"},
                 {"{\"Name\":\"x\"}", "There is no field “Name”"},
                 {"{\"id\":\"pol-1\"}", "id: can't be given"},
                 {"{\"version\":1}", "version: can't be given"},
                 {"{\"desktops\":1}", "desktops: can't be given"},
                 {"{\"created\":0}", "created: can't be given"},
                 {"{\"name\":5}", "name: must be a text, not a whole number"},
                 {"{\"name\":[\"x\"]}", "name: must be a text, not a list"},
                 {"{\"vcpus\":\"2\"}", "vcpus: must be a whole number, not a text"},
                 {"{\"vcpus\":2.5}", "vcpus: must be a whole number, not a decimal number"},
                 {"{\"vcpus\":null}", "vcpus: must be a whole number, not null"},
                 {"{\"vcpus\":-1}", "vcpus: -1 is out of bounds"},
                 {"{\"vcpus\":9007199254740993}", "vcpus: 9007199254740993 is out of bounds"},
                 {"{\"enabled\":1}", "enabled: must be true or false"},
                 {"{\"policy\":\"{}\"}", "policy: must be an object"},
                 {"{\"name\":\"a\\u0007b\"}", "name: has the character U+0007"},
                 {"{\"name\":\"a\\nb\"}", "name: has the character U+000A"},
                 {"{\"name\":\"a\\u202eb\"}", "name: has the character U+202E"},
                 {"{\"name\":\"\\u2066b\"}", "name: has the character U+2066"},
                 {"{\"description\":\"a\\u001b[31m\"}", "description: has the character U+001B"},
                 {"{\"name\":\"\\uffff\"}", "name: has the character U+FFFF"},
                 {long_json, "name: is longer than 200 characters"},
                 {"[]", "The body must be a JSON object, not a list"}};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(YdPool) pool = yd_pool_new();
        g_autoptr(GError) error = NULL;
        pool->name = g_strdup("old");
        g_assert_false(apply(pool, cases[i].json, TRUE, NULL, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
        if (!g_str_has_prefix(error->message, cases[i].start))
            g_error("%s: %s", cases[i].json, error->message);
        g_assert_cmpstr(pool->name, ==, "old");
    }
    // one bad field: the good ones before it are not taken either
    g_autoptr(YdPool) pool = yd_pool_new();
    g_assert_false(apply(pool, "{\"name\":\"new\",\"vcpus\":true}", TRUE, NULL, NULL));
    g_assert_null(pool->name);
}

static void
test_make_and_secret(void)
{
    g_autoptr(YdUser) user = yd_user_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(json_t) name = json_pack("{s:s}", "username", "alice");
    g_autoptr(json_t) password = json_pack("{s:s}", "password", "x");
    g_assert_true(yd_record_apply_json(&yd_user_type, user, name, TRUE, NULL, &error));
    g_assert_cmpstr(user->username, ==, "alice");
    g_assert_false(yd_record_apply_json(&yd_user_type, user, name, FALSE, NULL, &error));
    g_assert_cmpstr(error->message, ==, "username: can't be changed after the creation");
    g_clear_error(&error);
    g_assert_false(yd_record_apply_json(&yd_user_type, user, password, TRUE, NULL, &error));
    g_assert_cmpstr(error->message, ==, "password: can't be given");
    g_assert_false(yd_record_apply_json(&yd_user_type, user, NULL, TRUE, NULL, NULL));
}

// A NUL inside of a text would cut it: jansson takes it only by its own interface.
static void
test_nul(void)
{
    g_autoptr(YdPool) pool = yd_pool_new();
    g_autoptr(json_t) object = json_object();
    json_object_set_new(object, "name", json_stringn("a\0b", 3));
    g_autoptr(GError) error = NULL;
    g_assert_false(yd_record_apply_json(&yd_pool_type, pool, object, TRUE, NULL, &error));
    g_assert_cmpstr(error->message, ==, "name: has a NUL character");
}

static void
test_diff(void)
{
    g_autoptr(YdUser) before = yd_user_new();
    before->username = g_strdup("alice");
    before->password = g_strdup("one");
    g_autoptr(YdUser) after = yd_user_copy(before);
    yd_set_string(&after->password, "two");
    yd_set_string(&after->name, "Alice");
    after->version = 9;
    g_autoptr(json_t) diff = yd_record_diff(&yd_user_type, before, after);
    g_autofree char *text = yd_json_text(diff);
    g_assert_cmpstr(text, ==, "{\"name\":[null,\"Alice\"]}");
    g_autoptr(json_t) all = yd_record_diff(&yd_user_type, NULL, after);
    g_assert_nonnull(json_object_get(all, "username"));
    g_assert_null(json_object_get(all, "password"));
}

static void
test_set_string(void)
{
    char *text = g_strdup("abc");
    yd_set_string(&text, text);
    g_assert_cmpstr(text, ==, "abc");
    yd_set_string(&text, text + 1); // a part of itself
    g_assert_cmpstr(text, ==, "bc");
    yd_set_string(&text, NULL);
    g_assert_null(text);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/record/tables", test_tables);
    g_test_add_func("/record/copy", test_copy);
    g_test_add_func("/record/json", test_json);
    g_test_add_func("/record/apply", test_apply);
    g_test_add_func("/record/refused", test_refused);
    g_test_add_func("/record/make-and-secret", test_make_and_secret);
    g_test_add_func("/record/nul", test_nul);
    g_test_add_func("/record/diff", test_diff);
    g_test_add_func("/record/set-string", test_set_string);
    return g_test_run();
}
