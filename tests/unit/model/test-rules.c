// SPDX-License-Identifier: Apache-2.0
// The small tables and rules: states, access, policy, names.
#include <string.h>

#include "base/error.h"
#include "model/access.h"
#include "model/desktop-state.h"
#include "model/names.h"
#include "model/policy.h"

static void
test_states(void)
{
    const char *const *states = yd_desktop_states();
    guint edges = 0;
    for (guint i = 0; states[i]; i++) {
        gboolean leaves = FALSE, reached = strcmp(states[i], YD_DESKTOP_NEW) == 0;
        g_assert_true(yd_desktop_state_known(states[i]));
        g_assert_true(yd_desktop_state_may(states[i], states[i]));
        g_assert_true(yd_desktop_state_may(states[i], YD_DESKTOP_FAILED));
        for (guint n = 0; states[n]; n++) {
            if (n == i)
                continue;
            edges += yd_desktop_state_may(states[i], states[n]);
            leaves |= yd_desktop_state_may(states[i], states[n]);
            reached |= yd_desktop_state_may(states[n], states[i]);
        }
        g_assert_true(leaves && reached); // no dead end, none that can't be reached
    }
    g_assert_cmpuint(edges, ==, 28 + 11); // each, and from eleven states to failed
    const char *const never[][2] = {
        {"new", "off"},      {"off", "preparing"},  {"ready", "deleting"},  {"ready", "rebuilding"},
        {"deleting", "off"}, {"starting", "ready"}, {"starting", "paused"}, {"off", "paused"},
        {"off", "saved"},    {"ready", "saved"},    {"failed", "ready"},    {"off", "new"}};
    for (guint i = 0; i < G_N_ELEMENTS(never); i++)
        g_assert_false(yd_desktop_state_may(never[i][0], never[i][1]));
    g_assert_false(yd_desktop_state_may("nonsense", "failed"));
    g_assert_false(yd_desktop_state_may("off", "nonsense"));
    g_assert_false(yd_desktop_state_may(NULL, NULL));
    g_assert_true(yd_desktop_state_runs("ready"));
    g_assert_true(yd_desktop_state_runs("stopping"));
    g_assert_true(yd_desktop_state_runs("paused")); // keeps its memory
    g_assert_false(yd_desktop_state_runs("saved"));
    g_assert_false(yd_desktop_state_runs("off"));
    g_assert_false(yd_desktop_state_runs(NULL));
}

static void
test_access(void)
{
    for (guint right = 0; right < YD_N_RIGHTS; right++) {
        YdScope user = yd_access_scope(YD_ROLE_USER, (YdRight)right);
        YdScope manager = yd_access_scope(YD_ROLE_MANAGER, (YdRight)right);
        YdScope admin = yd_access_scope(YD_ROLE_ADMIN, (YdRight)right);
        g_assert_cmpint(user, <=, manager); // a higher role never has less
        g_assert_cmpint(manager, <=, admin);
        if (right != YD_RIGHT_NONE && right != YD_RIGHT_SELF && right != YD_RIGHT_CONNECT)
            g_assert_cmpint(admin, ==, YD_SCOPE_ALL);
        g_assert_nonnull(yd_right_name((YdRight)right));
        for (guint other = 0; other < right; other++)
            g_assert_cmpstr(yd_right_name((YdRight)right), !=, yd_right_name((YdRight)other));
    }
    // managers: never templates, hosts, networks, roles
    const YdRight never[] = {YD_RIGHT_TEMPLATES_READ, YD_RIGHT_HOSTS_READ, YD_RIGHT_NETWORKS_READ,
                             YD_RIGHT_USERS_WRITE,    YD_RIGHT_CONSOLE,    YD_RIGHT_SETTINGS,
                             YD_RIGHT_AUDIT_READ,     YD_RIGHT_POOLS_WRITE};
    for (guint i = 0; i < G_N_ELEMENTS(never); i++)
        g_assert_cmpint(yd_access_scope(YD_ROLE_MANAGER, never[i]), ==, YD_SCOPE_NOTHING);
    // nobody connects to another's desktop
    g_assert_cmpint(yd_access_scope(YD_ROLE_ADMIN, YD_RIGHT_CONNECT), ==, YD_SCOPE_OWN);
    YdRole role = YD_ROLE_USER;
    g_assert_true(yd_role_from_name("admin", &role));
    g_assert_cmpint(role, ==, YD_ROLE_ADMIN);
    g_assert_cmpstr(yd_role_name(role), ==, "admin");
    g_assert_false(yd_role_from_name("Admin", &role));
    g_assert_false(yd_role_from_name(NULL, &role));
    g_assert_cmpint(yd_access_scope((YdRole)77, YD_RIGHT_CONNECT), ==, YD_SCOPE_NOTHING);
}

static void
test_policy(void)
{
    YdPolicy policy;
    g_autoptr(GError) error = NULL;
    const char *const empty[] = {NULL, "", "{}"};
    for (guint i = 0; i < G_N_ELEMENTS(empty); i++) {
        g_assert_true(yd_policy_parse(empty[i], &policy, &error));
        g_assert_true(policy.drives && policy.multimon && !policy.balloon_free_pages);
        g_assert_cmpstr(policy.source, ==, "exact");
        g_assert_cmpint(policy.shutdown_seconds, ==, 60);
        g_assert_cmpint(policy.idle_seconds, ==,
                        0); // nobody is disconnected unless it was asked for
    }
    g_assert_true(yd_policy_parse("{\"usb\":false,\"source\":\"net\",\"ready_seconds\":30}",
                                  &policy, &error));
    g_assert_false(policy.usb);
    g_autofree char *text = yd_policy_json(&policy);
    YdPolicy again;
    g_assert_true(yd_policy_parse(text, &again, &error));
    g_autofree char *text_again = yd_policy_json(&again);
    g_assert_cmpstr(text, ==, text_again);
    g_assert_cmpstr(again.source, ==, "net");
    g_assert_cmpint(again.ready_seconds, ==, 30);
    const char *const bad[] = {"{\"usb\":1}",
                               "{\"nonsense\":true}",
                               "{\"source\":\"any\"}",
                               "{\"source\":true}",
                               "{\"ready_seconds\":5}",
                               "{\"shutdown_seconds\":99999}",
                               "{\"idle_seconds\":-1}",
                               "{\"idle_notice_seconds\":0}",
                               "[]",
                               "{",
                               "{\"usb\":true,\"usb\":false}"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) why = NULL;
        g_assert_false(yd_policy_parse(bad[i], &policy, &why));
        g_assert_error(why, YD_ERROR, YD_ERROR_INVALID);
        g_assert_true(g_str_has_prefix(why->message, "policy"));
    }
    g_assert_cmpstr(policy.source, ==, "net"); // untouched by failures
}

static void
test_usernames(void)
{
    const char *const good[] = {"a", "alice", "a.b-c_d9", "abcdefghijklmnopqrstuvwxyz012345"};
    const char *const bad[] = {NULL,
                               "",
                               "Alice",
                               "9a",
                               ".a",
                               "-a",
                               "_a",
                               "a b",
                               "a/b",
                               "../etc",
                               "root",
                               "nobody",
                               "systemd-x",
                               "a:b",
                               "a\nb",
                               "ülf",
                               "a$",
                               "张三",
                               "abcdefghijklmnopqrstuvwxyz0123456"};
    for (guint i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_true(yd_username_check(good[i], NULL));
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(yd_username_check(bad[i], &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
        g_assert_true(g_str_has_prefix(error->message, "username: "));
    }
}

static void
test_texts(void)
{
    const char *const good[] = {"张伟 \"Büro\" <'; DROP TABLE>", "../../etc/passwd",
                                "👩‍💻 at work", "می‌خواهم"};
    const char *const bad[] = {"a\x01",  "a\x7f",    "\xff",     "x\u202ey",    "\u200fx",
                               "\ufeff", "a\u2028b", "tab\tbed", "\xed\xa0\x80"};
    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autofree char *text = NULL;
        g_assert_true(yd_text_check("name", good[i], 200, FALSE, &text, NULL));
        g_assert_cmpstr(text, ==, good[i]);
    }
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        char *text = (char *)"untouched";
        g_autoptr(GError) error = NULL;
        g_assert_false(yd_text_check("name", bad[i], 200, FALSE, &text, &error));
        g_assert_cmpstr(text, ==, "untouched");
        g_assert_true(g_str_has_prefix(error->message, "name: "));
    }
    char *text = (char *)"x";
    g_assert_true(yd_text_check("name", " \t ", 200, FALSE, &text, NULL));
    g_assert_null(text);
    g_autofree char *wide = g_strnfill(200 * 3, 'x');
    for (guint i = 0; i < 200; i++)
        memcpy(wide + i * 3, "張", 3);
    g_autofree char *copy = NULL; // characters count, not bytes
    g_assert_true(yd_text_check("name", wide, 200, FALSE, &copy, NULL));
    g_assert_false(yd_text_check("name", wide, 199, FALSE, &text, NULL));
}

static void
test_other_names(void)
{
    const char *const good[] = {NULL, "a@b.cn", "first.last+tag@mail.example.org"};
    const char *const bad[] = {"a",        "@b.cn", "a@b",  "a@b@c.cn",
                               "a b@c.cn", "a@.cn", "a@b.", "<a@b.cn>"};
    for (guint i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_true(yd_email_check("email", good[i], NULL));
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(yd_email_check("email", bad[i], NULL));
    const struct {
        const char *name, *host;
    } hosts[] = {{"Alice's PC", "alice-s-pc"}, {"张伟", "desk"}, {"--a--", "a"}, {"", "desk"}};
    for (guint i = 0; i < G_N_ELEMENTS(hosts); i++) {
        g_autofree char *host = yd_hostname_from(hosts[i].name, "desk");
        g_assert_cmpstr(host, ==, hosts[i].host);
    }
    g_autofree char *long_name = g_strnfill(300, 'a');
    g_autofree char *host = yd_hostname_from(long_name, "desk");
    g_assert_cmpuint(strlen(host), ==, 63);
    const char *const choices[] = {"rdp", "spice", NULL};
    g_autoptr(GError) error = NULL;
    g_assert_true(yd_choice_check("access", "rdp", choices, NULL));
    g_assert_false(yd_choice_check("access", "vnc", choices, &error));
    g_assert_cmpstr(error->message, ==, "access: “vnc” is none of rdp, spice");
    g_assert_false(yd_choice_check("access", NULL, choices, NULL));
}

static void
test_domain(void)
{
    static const char *const good[] = {"desks.example.org", "desks", "a-1.b"};
    static const char *const bad[] = {"",         "*.desks.example.org", "Desks.example",
                                      "a..b",     "-a.example",          "a.example.",
                                      "10.0.0.1", "a b.example",         "under_score.example"};
    const char *const taken[] = {"127.0.0.1", "gate", "gate.example.org", NULL};
    for (gsize i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_true(yd_domain_check("domain", good[i], taken, NULL));
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(yd_domain_check("domain", bad[i], NULL, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    }
    // A desktop must never get the gate's name.
    g_autoptr(GError) error = NULL;
    g_assert_false(yd_domain_check("domain", "example.org", taken, &error));
    g_assert_nonnull(strstr(error->message, "gate.example.org"));
    g_assert_true(yd_domain_check("domain", "gate.example.org", taken, NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rules/domain", test_domain);
    g_test_add_func("/rules/states", test_states);
    g_test_add_func("/rules/access", test_access);
    g_test_add_func("/rules/policy", test_policy);
    g_test_add_func("/rules/usernames", test_usernames);
    g_test_add_func("/rules/texts", test_texts);
    g_test_add_func("/rules/other-names", test_other_names);
    return g_test_run();
}
