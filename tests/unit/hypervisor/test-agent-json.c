// SPDX-License-Identifier: Apache-2.0
// The guest agent's words: commands as they go out, answers good, odd and hostile.
#include "hypervisor/agent-json.h"
#include "base/json-util.h"

#include <string.h>

static json_t *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    json_t *json = yd_json_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    return json;
}

static void
test_commands(void)
{
    g_autofree char *ping = yd_agent_command("guest-ping", NULL);
    g_assert_cmpstr(ping, ==, "{\"execute\":\"guest-ping\"}");
    g_autofree char *password = yd_agent_command(
        "guest-set-user-password", yd_agent_password_arguments("zhang", "a\"b", FALSE));
    g_assert_cmpstr(
        password, ==,
        "{\"execute\":\"guest-set-user-password\",\"arguments\":{\"username\":\"zhang\","
        "\"password\":\"YSJi\",\"crypted\":false}}");
    g_autofree char *hash = yd_agent_command("guest-set-user-password",
                                             yd_agent_password_arguments("zhang", "$6$", TRUE));
    g_assert_nonnull(strstr(hash, "\"password\":\"JDYk\",\"crypted\":true"));
    const char *argv[] = {"/bin/sh", "-s", "x y", NULL};
    g_autofree char *exec = yd_agent_command("guest-exec", yd_agent_exec_arguments(argv, "id\n"));
    g_assert_cmpstr(
        exec, ==,
        "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"/bin/sh\",\"arg\":[\"-s\","
        "\"x y\"],\"capture-output\":true,\"input-data\":\"aWQK\"}}");
    g_assert_null(yd_agent_password_arguments("\xff", "x", FALSE));
}

static void
test_return(void)
{
    static const char *const bad[] = {"",    "{}", "[]", "null", "{\"error\":{\"class\":\"x\"}}",
                                      "\xff"};
    g_autoptr(json_t) empty = yd_agent_return("{\"return\":{}}", NULL);
    g_assert_true(json_is_object(empty));
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(yd_agent_return(bad[i], &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INTERNAL);
    }
}

static void
test_exec(void)
{
    int status = -1;
    g_autofree char *output = NULL, *killed = NULL, *odd = NULL;
    g_autoptr(json_t) running = parse("{\"exited\":false}");
    g_assert_false(yd_agent_exec_ended(running, &status, &output));
    g_assert_null(output);
    g_autoptr(json_t) ended = parse(
        "{\"exited\":true,\"exitcode\":3,\"out-data\":\"b3V0Cg==\",\"err-data\":\"ZXJyCg==\"}");
    g_assert_true(yd_agent_exec_ended(ended, &status, &output));
    g_assert_cmpint(status, ==, 3);
    g_assert_cmpstr(output, ==, "out\nerr\n");
    g_autoptr(json_t) by_signal = parse("{\"exited\":true,\"signal\":9}");
    g_assert_true(yd_agent_exec_ended(by_signal, &status, &killed));
    g_assert_cmpint(status, ==, 137);
    g_assert_cmpstr(killed, ==, "");
    // not UTF-8, not base64, of another type
    g_autoptr(json_t) hostile =
        parse("{\"exited\":true,\"exitcode\":\"x\",\"out-data\":\"/w==\",\"err-data\":7}");
    g_assert_true(yd_agent_exec_ended(hostile, &status, &odd));
    g_assert_cmpint(status, ==, 0);
    g_assert_true(g_utf8_validate(odd, -1, NULL));
}

static void
test_output_is_cut(void)
{
    gsize length = 100 * 1024;
    g_autofree char *text = g_strnfill(length, 'x');
    g_autofree char *encoded = g_base64_encode((guchar *)text, length);
    g_autoptr(json_t) status = json_pack("{s:b, s:i, s:s, s:s}", "exited", 1, "exitcode", 0,
                                         "out-data", encoded, "err-data", encoded);
    g_autofree char *output = NULL;
    g_assert_true(yd_agent_exec_ended(status, NULL, &output));
    g_assert_cmpuint(strlen(output), ==, 64 * 1024);
}

static void
test_address(void)
{
    g_autoptr(json_t) nics =
        parse("[{\"name\":\"lo\",\"ip-addresses\":[{\"ip-address-type\":\"ipv4\",\"ip-address\":"
              "\"127.0.0.1\"}]},{\"name\":\"down\"},7,{\"name\":\"eth0\",\"ip-addresses\":["
              "{\"ip-address-type\":\"ipv6\",\"ip-address\":\"fe80::1\"},"
              "{\"ip-address-type\":\"ipv4\",\"ip-address\":\"169.254.3.4\"},"
              "{\"ip-address-type\":\"ipv4\",\"ip-address\":\"10.99.0.12; rm\"},"
              "{\"ip-address-type\":\"ipv4\",\"ip-address\":\"10.99.0.12\"}]}]");
    g_autofree char *address = yd_agent_first_address(nics);
    g_assert_cmpstr(address, ==, "10.99.0.12");
    g_autoptr(json_t) none = parse("[]");
    g_assert_null(yd_agent_first_address(none));
    g_autoptr(json_t) odd = parse("{\"a\":1}");
    g_assert_null(yd_agent_first_address(odd));
}

static void
test_users(void)
{
    g_autoptr(json_t) users = parse("[{\"user\":\"zhang\",\"login-time\":1.5},{\"user\":\"zhang\"},"
                                    "{\"user\":\"root\"},{\"user\":7},3]");
    g_autoptr(GPtrArray) names = yd_agent_user_names(users);
    g_assert_cmpuint(names->len, ==, 2);
    g_assert_cmpstr(names->pdata[0], ==, "zhang");
    g_assert_cmpstr(names->pdata[1], ==, "root");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/agent-json/commands", test_commands);
    g_test_add_func("/agent-json/return", test_return);
    g_test_add_func("/agent-json/exec", test_exec);
    g_test_add_func("/agent-json/output-is-cut", test_output_is_cut);
    g_test_add_func("/agent-json/address", test_address);
    g_test_add_func("/agent-json/users", test_users);
    return g_test_run();
}
