// SPDX-License-Identifier: Apache-2.0
// Parsing of the URL. GUri does not know several hosts.
#include "store/sql-mariadb-url.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define SCHEME "mariadb://"
#define FIELD "database"
#define PORT 3306

static void
host_clear(gpointer data)
{
    g_free(((YdMariadbHost *)data)->host);
}

void
yd_mariadb_url_free(YdMariadbUrl *url)
{
    if (!url)
        return;
    char *texts[] = {url->user,   url->database, url->socket,  url->password_file,
                     url->ssl_ca, url->ssl_cert, url->ssl_key, url->tls};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(texts[i]);
    g_array_unref(url->hosts);
    g_free(url);
}

static gboolean
add_host(YdMariadbUrl *url, const char *text, GError **error)
{
    guint64 port = PORT;
    const char *colon = *text == '[' ? strstr(text, "]:") : strrchr(text, ':');
    if (colon && *colon == ']')
        colon++;
    gsize length = colon ? (gsize)(colon - text) : strlen(text);
    if (length == 0 || (colon && !g_ascii_string_to_unsigned(colon + 1, 10, 1, 65535, &port, NULL)))
        return yd_error_invalid(error, FIELD, "“%.100s” is no host, or HOST:PORT", text);
    gboolean brackets = *text == '[' && text[length - 1] == ']';
    YdMariadbHost host = {brackets ? g_strndup(text + 1, length - 2) : g_strndup(text, length),
                          (guint)port};
    g_array_append_val(url->hosts, host);
    return TRUE;
}

static gboolean
read_hosts(YdMariadbUrl *url, const char *text, GError **error)
{
    g_auto(GStrv) names = g_strsplit(text, ",", -1);
    if (!*names)
        return yd_error_invalid(error, FIELD, "names no host; give one, or socket=FILE");
    for (char **name = names; *name; name++) {
        if (!add_host(url, *name, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
read_options(YdMariadbUrl *url, const char *text, GError **error)
{
    const struct {
        const char *name;
        char **value;
    } table[] = {{"password-file", &url->password_file},
                 {"socket", &url->socket},
                 {"ssl-ca", &url->ssl_ca},
                 {"ssl-cert", &url->ssl_cert},
                 {"ssl-key", &url->ssl_key},
                 {"tls", &url->tls}};
    g_auto(GStrv) parts = g_strsplit(text, "&", -1);
    for (char **part = parts; *part; part++) {
        gboolean known = FALSE;
        const char *equals = strchr(*part, '=');
        for (gsize i = 0; equals && i < G_N_ELEMENTS(table); i++) {
            if (strlen(table[i].name) != (gsize)(equals - *part) ||
                strncmp(*part, table[i].name, strlen(table[i].name)) != 0)
                continue;
            known = TRUE;
            g_free(*table[i].value);
            *table[i].value = g_uri_unescape_string(equals + 1, NULL);
        }
        if (!known)
            return yd_error_invalid(error, FIELD,
                                    "“%.100s” is unknown behind the “?”; known are password-file, "
                                    "socket, ssl-ca, ssl-cert, ssl-key and tls=off",
                                    *part);
    }
    return TRUE;
}

static gboolean
is_local(const char *host)
{
    return !host || strcmp(host, "localhost") == 0 || g_str_has_prefix(host, "127.") ||
           strcmp(host, "::1") == 0;
}

static gboolean
check_tls(const YdMariadbUrl *url, GError **error)
{
    if (url->tls && strcmp(url->tls, "off") != 0)
        return yd_error_invalid(error, FIELD, "tls can only be “off”");
    for (guint i = 0; i < url->hosts->len && !url->tls && !url->ssl_ca; i++) {
        const char *host = g_array_index(url->hosts, YdMariadbHost, i).host;
        if (!is_local(host))
            return yd_error_invalid(error, FIELD,
                                    "%s is another machine: give ssl-ca=FILE, by which its "
                                    "certificate is verified, or tls=off where the network is "
                                    "trusted",
                                    host);
    }
    return TRUE;
}

// "user@hosts/database?options", taken apart in place.
static gboolean
read_parts(YdMariadbUrl *url, char *rest, GError **error)
{
    char *options = strchr(rest, '?');
    if (options)
        *options++ = '\0';
    char *at = strchr(rest, '@'), *slash = at ? strchr(at, '/') : NULL;
    if (!at || at == rest || !slash)
        return yd_error_invalid(error, FIELD,
                                "must be mariadb://USER@HOST:PORT/DATABASE, with several hosts "
                                "separated by commas");
    *at = *slash = '\0';
    if (strchr(rest, ':'))
        return yd_error_invalid(error, FIELD,
                                "a password does not stand in the URL; put it into a file of mode "
                                "0600 and add ?password-file=FILE");
    url->user = g_uri_unescape_string(rest, NULL);
    url->database = g_strdup(slash + 1);
    if (!url->user)
        return yd_error_invalid(error, FIELD, "the user “%.100s” is badly escaped", rest);
    if (!*url->database || strlen(url->database) > 64 ||
        strspn(url->database, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_") != strlen(url->database))
        return yd_error_invalid(error, FIELD,
                                "“%.100s” is no name for a database: letters, digits and _",
                                url->database);
    if (options && !read_options(url, options, error))
        return FALSE;
    if (!url->socket)
        return read_hosts(url, at + 1, error);
    YdMariadbHost host = {NULL, 0};
    g_array_append_val(url->hosts, host);
    return at[1] == '\0' || yd_error_invalid(error, FIELD, "give either hosts or a socket");
}

YdMariadbUrl *
yd_mariadb_url_parse(const char *text, GError **error)
{
    g_autoptr(YdMariadbUrl) url = g_new0(YdMariadbUrl, 1);
    url->hosts = g_array_new(FALSE, TRUE, sizeof(YdMariadbHost));
    g_array_set_clear_func(url->hosts, host_clear);
    if (!g_str_has_prefix(text, SCHEME)) {
        yd_error_invalid(error, FIELD, "must begin with " SCHEME);
        return NULL;
    }
    g_autofree char *rest = g_strdup(text + strlen(SCHEME));
    if (!read_parts(url, rest, error) || !check_tls(url, error))
        return NULL;
    return g_steal_pointer(&url);
}

char *
yd_mariadb_url_name(const YdMariadbUrl *url)
{
    GString *name = g_string_new(url->user);
    g_string_append_c(name, '@');
    for (guint i = 0; i < url->hosts->len; i++) {
        const YdMariadbHost *host = &g_array_index(url->hosts, YdMariadbHost, i);
        if (host->host)
            g_string_append_printf(name, "%s%s:%u", i ? "," : "", host->host, host->port);
        else
            g_string_append(name, url->socket);
    }
    g_string_append_printf(name, "/%s", url->database);
    return g_string_free(name, FALSE);
}

static gboolean
fail_file(const char *path, const char *why, GError **error)
{
    g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                "The password of the database can't be taken from %s: %s", path, why);
    return FALSE;
}

YdSecret *
yd_mariadb_url_password(const YdMariadbUrl *url, GError **error)
{
    char buffer[512] = "";
    if (!url->password_file)
        return yd_secret_new("");
    int fd = open(url->password_file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat info;
    gssize n = -1;
    gboolean good = FALSE;
    if (fd < 0 || fstat(fd, &info) != 0)
        fail_file(url->password_file, g_strerror(errno), error);
    else if (info.st_mode & 077)
        fail_file(url->password_file, "others may read it; give it the mode 0600", error);
    else if ((n = read(fd, buffer, sizeof buffer - 1)) < 0)
        fail_file(url->password_file, g_strerror(errno), error);
    else if (n == 0 || strcspn(buffer, "\r\n") == 0 || n == sizeof buffer - 1)
        fail_file(url->password_file, "its first line is empty or too long", error);
    else
        good = TRUE;
    if (fd >= 0)
        close(fd);
    buffer[strcspn(buffer, "\r\n")] = '\0';
    YdSecret *secret = good ? yd_secret_new(buffer) : NULL;
    explicit_bzero(buffer, sizeof buffer);
    return secret;
}
