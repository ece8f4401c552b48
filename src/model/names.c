// SPDX-License-Identifier: Apache-2.0
// Checks of names and texts.
#include "model/names.h"

#include <string.h>

#include "base/error.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

gboolean
yd_username_check(const char *username, GError **error)
{
    static const char *const taken[] = {
        "root",     "daemon", "bin",      "sys",        "sync",    "games", "man",     "lp",
        "mail",     "news",   "uucp",     "proxy",      "backup",  "list",  "irc",     "nobody",
        "www-data", "gnats",  "sshd",     "messagebus", "polkitd", "avahi", "pulse",   "rtkit",
        "xrdp",     "adm",    "tty",      "disk",       "sudo",    "audio", "video",   "users",
        "operator", "wheel",  "colord",   "geoclue",    "ntp",     "tss",   "lightdm", "dnsmasq",
        "usbmux",   "saned",  "shutdown", "halt",       "ftp",     NULL};
    gsize length = username ? strlen(username) : 0;
    if (length == 0)
        return yd_error_invalid(error, "username", "must be given");
    if (length > YD_USERNAME_MAX)
        return yd_error_invalid(error, "username", "is longer than %d characters", YD_USERNAME_MAX);
    if (!g_ascii_islower(*username) || strspn(username, LOWER DIGITS "._-") != length)
        return yd_error_invalid(error, "username",
                                "may have a-z, 0-9, “.”, “_” and “-” and begins with a letter");
    if (g_strv_contains(taken, username) || g_str_has_prefix(username, "systemd-"))
        return yd_error_invalid(error, "username",
                                "“%s” is an account that systems have; choose "
                                "another",
                                username);
    return TRUE;
}

static gboolean
may_stand(gunichar c, gboolean long_text)
{
    switch (g_unichar_type(c)) {
    case G_UNICODE_CONTROL:
        return long_text && (c == '\n' || c == '\t');
    case G_UNICODE_FORMAT: // only the joiners, which Persian and emoji need
        return c == 0x200c || c == 0x200d;
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
    case G_UNICODE_SURROGATE:
        return FALSE;
    default:
        return (c & 0xfffe) != 0xfffe;
    }
}

gboolean
yd_text_check(const char *field, const char *text, guint max, gboolean long_text, char **ret_text,
              GError **error)
{
    if (!text) {
        *ret_text = NULL;
        return TRUE;
    }
    if (!g_utf8_validate(text, -1, NULL))
        return yd_error_invalid(error, field, "is not valid UTF-8");
    g_autofree char *clean = g_strdup(text);
    if (long_text) { // line ends of any system
        g_auto(GStrv) lines = g_strsplit(clean, "\r\n", -1);
        g_free(clean);
        clean = g_strjoinv("\n", lines);
    }
    g_strstrip(clean);
    if (g_utf8_strlen(clean, -1) > max)
        return yd_error_invalid(error, field, "is longer than %u characters", max);
    for (const char *c = clean; *c; c = g_utf8_next_char(c)) {
        if (!may_stand(g_utf8_get_char(c), long_text))
            return yd_error_invalid(error, field,
                                    "has the character U+%04X, which may not stand "
                                    "in it",
                                    g_utf8_get_char(c));
    }
    *ret_text = *clean ? g_steal_pointer(&clean) : NULL;
    return TRUE;
}

gboolean
yd_choice_check(const char *field, const char *value, const char *const *choices, GError **error)
{
    if (value && g_strv_contains(choices, value))
        return TRUE;
    g_autofree char *list = g_strjoinv(", ", (char **)choices);
    return yd_error_invalid(error, field, "“%s” is none of %s", value ? value : "", list);
}

gboolean
yd_email_check(const char *field, const char *email, GError **error)
{
    if (!email)
        return TRUE;
    const char *at = strchr(email, '@');
    gboolean good = at && at != email && !strchr(at + 1, '@') && strchr(at + 1, '.') &&
                    at[1] != '.' && !g_str_has_suffix(email, ".") && !strpbrk(email, " \t,;<>\"");
    return good || yd_error_invalid(error, field, "“%s” is not a mail address", email);
}

static gboolean
is_label(const char *label)
{
    gsize length = strlen(label);
    return length >= 1 && length <= 63 && strspn(label, LOWER DIGITS "-") == length &&
           label[0] != '-' && label[length - 1] != '-';
}

gboolean
yd_domain_check(const char *field, const char *domain, const char *const *taken, GError **error)
{
    g_auto(GStrv) labels = g_strsplit(domain, ".", -1);
    guint n = g_strv_length(labels);
    if (g_str_has_prefix(domain, "*."))
        return yd_error_invalid(error, field, "write “%s” without “*.”", domain);
    if (n == 0 || strlen(domain) > 200)
        return yd_error_invalid(error, field, "1 to 200 characters, please");
    for (guint i = 0; i < n; i++) {
        if (!is_label(labels[i]))
            return yd_error_invalid(error, field,
                                    "“%s” is no domain: labels of a-z, 0-9 and “-” with dots "
                                    "between them, such as desks.example.org",
                                    domain);
    }
    if (strspn(labels[n - 1], DIGITS) == strlen(labels[n - 1]))
        return yd_error_invalid(error, field, "“%s” is an address, not a domain", domain);
    for (gsize i = 0; taken && taken[i]; i++) {
        const char *dot = strchr(taken[i], '.');
        if (dot && g_ascii_strcasecmp(dot + 1, domain) == 0)
            return yd_error_invalid(error, field,
                                    "the gate’s own name “%s” is in it, and a desktop could get "
                                    "that name; choose a domain of its own, such as desks.%s",
                                    taken[i], domain);
    }
    return TRUE;
}

char *
yd_hostname_from(const char *name, const char *fallback)
{
    GString *label = g_string_new(NULL);
    for (const char *c = name ? name : ""; *c && label->len < 63; c++) {
        if (g_ascii_isalnum(*c))
            g_string_append_c(label, g_ascii_tolower(*c));
        else if (label->len > 0 && label->str[label->len - 1] != '-')
            g_string_append_c(label, '-');
    }
    while (label->len > 0 && label->str[label->len - 1] == '-')
        g_string_truncate(label, label->len - 1);
    if (label->len == 0)
        g_string_assign(label, fallback);
    return g_string_free(label, FALSE);
}
