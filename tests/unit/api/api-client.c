// SPDX-License-Identifier: Apache-2.0
// See api-fixture.h: the client's side.
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api-fixture.h"
#include "base/proxy-v2.h"

#define PATIENCE_MS 20000 // for answers; a busy machine may need it

void
answer_free(Answer *answer)
{
    if (!answer)
        return;
    g_hash_table_unref(answer->fields);
    g_free(answer->body);
    json_decref(answer->json);
    g_free(answer);
}

gboolean
client_write(Client *client, const void *data, gsize length)
{
    const guint8 *at = data;
    while (length > 0) {
        gssize n = send(client->fd, at, length, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return FALSE;
        at += n;
        length -= (gsize)n;
    }
    return TRUE;
}

Client *
client_new(Fixture *f, const char *address)
{
    Client *client = g_new0(Client, 1);
    client->buffer = g_byte_array_new();
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    g_strlcpy(name.sun_path, f->socket, sizeof name.sun_path);
    g_assert_cmpint(connect(client->fd, (struct sockaddr *)&name, sizeof name), ==, 0);
    YdProxyV2 proxy = {.local = !address, .source_port = 50000, .destination_port = 443};
    if (address) {
        g_strlcpy(proxy.source, address, sizeof proxy.source);
        g_strlcpy(proxy.destination, "192.0.2.1", sizeof proxy.destination);
    }
    guint8 header[YD_PROXY_V2_WRITE_MAX];
    gsize length = yd_proxy_v2_write(&proxy, header);
    client_write(client, header, length);
    return client;
}

void
client_free(Client *client)
{
    if (!client)
        return;
    close(client->fd);
    g_byte_array_unref(client->buffer);
    g_free(client->token);
    g_free(client->cookie);
    g_free(client->csrf);
    g_free(client);
}

// More bytes into the buffer: -1 time-out, 0 end, else how many.
static int
read_more(Client *client, guint milliseconds)
{
    struct pollfd wait = {.fd = client->fd, .events = POLLIN};
    if (poll(&wait, 1, (int)milliseconds) <= 0)
        return -1;
    guint8 bytes[65536];
    gssize n = recv(client->fd, bytes, sizeof bytes, 0);
    if (n <= 0)
        return 0;
    g_byte_array_append(client->buffer, bytes, (guint)n);
    return (int)n;
}

gboolean
client_wait_for(Client *client, const char *text, guint milliseconds)
{
    gint64 until = g_get_monotonic_time() + milliseconds * 1000;
    while (!client->buffer->len ||
           !g_strstr_len((char *)client->buffer->data, client->buffer->len, text)) {
        gint64 left = (until - g_get_monotonic_time()) / 1000;
        if (left <= 0 || read_more(client, (guint)left) <= 0)
            return FALSE;
    }
    return TRUE;
}

gboolean
client_closed(Client *client, guint milliseconds)
{
    gint64 until = g_get_monotonic_time() + milliseconds * 1000;
    for (;;) {
        gint64 left = (until - g_get_monotonic_time()) / 1000;
        int n = left > 0 ? read_more(client, (guint)left) : -1;
        if (n == 0)
            return TRUE;
        if (n < 0)
            return FALSE;
    }
}

// A line without its end; NULL at the end of the connection.
static char *
read_line(Client *client)
{
    for (;;) {
        guint8 *end =
            client->buffer->len ? memchr(client->buffer->data, '\n', client->buffer->len) : NULL;
        if (end) {
            gsize length = (gsize)(end - client->buffer->data);
            char *line = g_strndup((char *)client->buffer->data, length);
            g_byte_array_remove_range(client->buffer, 0, (guint)length + 1);
            return g_strchomp(line);
        }
        if (read_more(client, PATIENCE_MS) <= 0)
            return NULL;
    }
}

static void
read_body(Client *client, Answer *answer)
{
    const char *length = answer_field(answer, "content-length");
    answer->length = length ? g_ascii_strtoull(length, NULL, 10) : 0;
    while (client->buffer->len < answer->length && read_more(client, PATIENCE_MS) > 0)
        ;
    g_assert_cmpuint(client->buffer->len, >=, answer->length);
    answer->body = g_strndup((char *)client->buffer->data, answer->length);
    g_byte_array_remove_range(client->buffer, 0, (guint)answer->length);
    answer->json = json_loadb(answer->body, answer->length, 0, NULL);
}

Answer *
client_read(Client *client, gboolean head_only)
{
    Answer *answer = g_new0(Answer, 1);
    answer->fields = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autofree char *first = read_line(client);
    if (first && g_str_has_prefix(first, "HTTP/1."))
        answer->status = (guint)atoi(first + 9);
    for (char *line = read_line(client); line; line = read_line(client)) {
        char *colon = strchr(line, ':');
        if (!colon) {
            g_free(line);
            break;
        }
        *colon = '\0';
        g_hash_table_replace(answer->fields, g_ascii_strdown(line, -1),
                             g_strstrip(g_strdup(colon + 1)));
        g_free(line);
    }
    if (head_only)
        answer->body = g_strdup("");
    else
        read_body(client, answer);
    return answer;
}

Answer *
client_send_bytes(Client *client, const char *method, const char *path, const char *headers,
                  const char *body, gsize length)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(text, "%s %s HTTP/1.1\r\nHost: desk.example\r\n", method, path);
    if (client->token)
        g_string_append_printf(text, "Authorization: Bearer %s\r\n", client->token);
    if (client->cookie)
        g_string_append_printf(text, "Cookie: other=1; yd_login=%s\r\n", client->cookie);
    if (client->csrf)
        g_string_append_printf(text, "X-CSRF-Token: %s\r\n", client->csrf);
    if (headers)
        g_string_append(text, headers);
    if (body && (!headers || !strstr(headers, "Content-Type:")))
        g_string_append(text, "Content-Type: application/json\r\n");
    if (body || strcmp(method, "GET") != 0)
        g_string_append_printf(text, "Content-Length: %" G_GSIZE_FORMAT "\r\n", length);
    g_string_append(text, "\r\n");
    if (body)
        g_string_append_len(text, body, (gssize)length);
    client_write(client, text->str, text->len);
    return client_read(client, strcmp(method, "HEAD") == 0);
}

Answer *
client_send(Client *client, const char *method, const char *path, const char *headers,
            const char *body)
{
    return client_send_bytes(client, method, path, headers, body, body ? strlen(body) : 0);
}

Answer *
client_get(Client *client, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *path = g_strdup_vprintf(format, args);
    va_end(args);
    return client_send(client, "GET", path, NULL, NULL);
}

Client *
client_login(Fixture *f, const char *username)
{
    Client *client = client_new(f, "198.51.100.7");
    g_autofree char *body =
        g_strdup_printf("{\"username\":\"%s\",\"password\":\"" PASSWORD "\"}", username);
    g_autoptr(Answer) answer = client_send(client, "POST", "/api/v1/login", NULL, body);
    assert_status(answer, 201);
    client->token = g_strdup(answer_text(answer, "token"));
    return client;
}

const char *
answer_field(const Answer *answer, const char *name)
{
    return g_hash_table_lookup(answer->fields, name);
}

const char *
answer_text(const Answer *answer, const char *member)
{
    const char *text = json_string_value(json_object_get(answer->json, member));
    return text ? text : "";
}

guint
open_files(void)
{
    guint count = 0;
    GDir *dir = g_dir_open("/proc/self/fd", 0, NULL);
    while (dir && g_dir_read_name(dir))
        count++;
    g_clear_pointer(&dir, g_dir_close);
    return count;
}
