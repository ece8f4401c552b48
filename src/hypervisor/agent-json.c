// SPDX-License-Identifier: Apache-2.0
// Builds and reads what goes to and comes from the guest agent. What a guest answers is a
// stranger's word: every member is checked for its type.
#include "hypervisor/agent-json.h"
#include "base/json-util.h"

#include <string.h>

#define OUTPUT_MAX (64 * 1024)

char *
yd_agent_command(const char *execute, json_t *arguments)
{
    g_autoptr(json_t) command = json_pack("{s:s}", "execute", execute);
    if (arguments)
        json_object_set_new(command, "arguments", arguments);
    return yd_json_text(command);
}

json_t *
yd_agent_return(const char *text, GError **error)
{
    g_autoptr(json_t) answer = yd_json_parse_object(text, NULL);
    json_t *result = json_object_get(answer, "return");
    if (result)
        return json_incref(result);
    g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "the guest agent answered '%.200s'", text);
    return NULL;
}

json_t *
yd_agent_password_arguments(const char *user, const char *password, gboolean crypted)
{
    char *encoded = g_base64_encode((const guchar *)password, strlen(password));
    json_t *arguments =
        json_pack("{s:s, s:s, s:b}", "username", user, "password", encoded, "crypted", crypted);
    memset(encoded, 0, strlen(encoded));
    g_free(encoded);
    return arguments;
}

json_t *
yd_agent_exec_arguments(const char *const *argv, const char *input)
{
    json_t *rest = json_array();
    for (guint i = 1; argv[i]; i++)
        json_array_append_new(rest, json_string(argv[i]));
    json_t *arguments =
        json_pack("{s:s, s:o, s:b}", "path", argv[0], "arg", rest, "capture-output", 1);
    if (input) {
        g_autofree char *encoded = g_base64_encode((const guchar *)input, strlen(input));
        json_object_set_new(arguments, "input-data", json_string(encoded));
    }
    return arguments;
}

static void
append_decoded(GString *output, const json_t *text)
{
    gsize length = 0;
    if (!json_is_string(text) || output->len >= OUTPUT_MAX)
        return;
    g_autofree guchar *bytes = g_base64_decode(json_string_value(text), &length);
    g_string_append_len(output, (char *)bytes, (gssize)MIN(length, OUTPUT_MAX - output->len));
}

gboolean
yd_agent_exec_ended(const json_t *status, int *ret_status, char **ret_output)
{
    if (!json_is_true(json_object_get(status, "exited")))
        return FALSE;
    const json_t *code = json_object_get(status, "exitcode");
    const json_t *signal = json_object_get(status, "signal");
    if (ret_status)
        *ret_status = json_is_integer(signal) ? 128 + (int)json_integer_value(signal)
                                              : (int)json_integer_value(code);
    if (ret_output) {
        g_autoptr(GString) output = g_string_new(NULL);
        append_decoded(output, json_object_get(status, "out-data"));
        append_decoded(output, json_object_get(status, "err-data"));
        *ret_output = g_utf8_make_valid(output->str, (gssize)output->len);
    }
    return TRUE;
}

static const char *
usable_address(const json_t *address)
{
    const char *type = json_string_value(json_object_get(address, "ip-address-type"));
    const char *text = json_string_value(json_object_get(address, "ip-address"));
    if (g_strcmp0(type, "ipv4") != 0 || !text || g_str_has_prefix(text, "127.") ||
        g_str_has_prefix(text, "169.254.") || !g_hostname_is_ip_address(text))
        return NULL;
    return text;
}

char *
yd_agent_first_address(const json_t *interfaces)
{
    size_t i, j;
    json_t *nic, *address;
    json_array_foreach((json_t *)interfaces, i, nic) json_array_foreach(
        json_object_get(nic, "ip-addresses"), j,
        address) if (usable_address(address)) return g_strdup(usable_address(address));
    return NULL;
}

GPtrArray *
yd_agent_user_names(const json_t *users)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    size_t i;
    json_t *user;
    json_array_foreach((json_t *)users, i, user)
    {
        const char *name = json_string_value(json_object_get(user, "user"));
        if (name && !g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL))
            g_ptr_array_add(names, g_strdup(name));
    }
    return names;
}
