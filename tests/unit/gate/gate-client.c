// SPDX-License-Identifier: Apache-2.0
// Blocking calls with SO_RCVTIMEO: a test that hangs fails instead.
#include "gate-client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_SECONDS 10

struct GateClient {
    int fd;
    SSL_CTX *context;
    SSL *ssl;
};

GateClient *
gate_client_new(guint16 port, gboolean tls)
{
    GateClient *client = g_new0(GateClient, 1);
    struct sockaddr_in in = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const int one = 1;
    const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    g_assert_cmpint(connect(client->fd, (struct sockaddr *)&in, sizeof in), ==, 0);
    if (!tls)
        return client;
    client->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_options(client->context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    client->ssl = SSL_new(client->context);
    SSL_set_fd(client->ssl, client->fd);
    g_assert_cmpint(SSL_connect(client->ssl), ==, 1);
    return client;
}

void
gate_client_free(GateClient *client)
{
    if (client == NULL)
        return;
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    close(client->fd);
    g_free(client);
}

int
gate_client_fd(const GateClient *client)
{
    return client->fd;
}

gboolean
gate_client_try_send(GateClient *client, const void *data, gsize len)
{
    for (const char *p = data; len > 0;) {
        gssize n = client->ssl != NULL ? SSL_write(client->ssl, p, (int)MIN(len, 1 << 20))
                                       : send(client->fd, p, len, MSG_NOSIGNAL);
        if (n <= 0)
            return FALSE;
        p += n;
        len -= (gsize)n;
    }
    return TRUE;
}

void
gate_client_send(GateClient *client, const void *data, gsize len)
{
    g_assert_true(gate_client_try_send(client, data, len));
}

void
gate_client_text(GateClient *client, const char *text)
{
    gate_client_send(client, text, strlen(text));
}

gssize
gate_client_read(GateClient *client, void *data, gsize len)
{
    if (client->ssl == NULL)
        return recv(client->fd, data, len, 0);
    int n = SSL_read(client->ssl, data, (int)MIN(len, 1 << 20));
    if (n > 0)
        return n;
    return SSL_get_error(client->ssl, n) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

void
gate_client_expect(GateClient *client, const void *data, gsize len)
{
    g_autofree char *got = g_malloc(len + 1);
    gsize at = 0;
    while (at < len) {
        gssize n = gate_client_read(client, got + at, len - at);
        g_assert_cmpint(n, >, 0);
        at += (gsize)n;
    }
    g_assert_cmpmem(got, len, data, len);
}

void
gate_client_expect_end(GateClient *client)
{
    char c;
    errno = 0;
    gssize n = gate_client_read(client, &c, 1);
    g_assert_cmpint(n, <=, 0);
    g_assert_cmpint(errno, !=, EAGAIN);
}

char *
gate_client_rest(GateClient *client)
{
    GString *text = g_string_new(NULL);
    char data[4096];
    for (gssize n; (n = gate_client_read(client, data, sizeof data)) > 0;)
        g_string_append_len(text, data, n);
    return g_string_free(text, FALSE);
}

char *
gate_client_answer(GateClient *client)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char data[65536];
    gsize wanted = G_MAXSIZE;
    while (text->len < wanted) {
        gsize more = wanted == G_MAXSIZE ? 1 : MIN(sizeof data, wanted - text->len);
        gssize n = gate_client_read(client, data, more);
        if (n <= 0)
            return NULL;
        g_string_append_len(text, data, n);
        if (wanted != G_MAXSIZE || !g_str_has_suffix(text->str, "\r\n\r\n"))
            continue;
        const char *field = strstr(text->str, "Content-Length: ");
        wanted = text->len + (field == NULL ? 0 : strtoul(field + 16, NULL, 10));
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

void
gate_client_shut(GateClient *client)
{
    if (client->ssl != NULL)
        SSL_shutdown(client->ssl);
    shutdown(client->fd, SHUT_WR);
}

void
gate_client_make_certificate(const char *certificate, const char *key)
{
    static long serial = 1;
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    X509 *x509 = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(x509), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, pkey);
    X509_NAME *name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const guchar *)"localhost", -1, -1, 0);
    X509_set_issuer_name(x509, name);
    g_assert_cmpint(X509_sign(x509, pkey, EVP_sha256()), >, 0);
    BIO *out = BIO_new_file(certificate, "w");
    g_assert_cmpint(PEM_write_bio_X509(out, x509), ==, 1);
    BIO_free(out);
    out = BIO_new_file(key, "w");
    g_assert_cmpint(PEM_write_bio_PrivateKey(out, pkey, NULL, NULL, 0, NULL, NULL), ==, 1);
    BIO_free(out);
    X509_free(x509);
    EVP_PKEY_free(pkey);
}

char *
gate_client_fingerprint(const char *path)
{
    FILE *file = fopen(path, "r");
    g_assert_nonnull(file);
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    guint8 *der = NULL;
    int n = i2d_X509(certificate, &der);
    char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, der, (gsize)n);
    OPENSSL_free(der);
    X509_free(certificate);
    fclose(file);
    return sum;
}

char *
gate_client_serial(const GateClient *client)
{
    X509 *x509 = SSL_get1_peer_certificate(client->ssl);
    char *text = g_strdup_printf("%ld", ASN1_INTEGER_get(X509_get0_serialNumber(x509)));
    X509_free(x509);
    return text;
}

GByteArray *
gate_client_rdp_request(const char *ticket)
{
    static const guint8 negotiation[8] = {1, 0, 8, 0, 3, 0, 0, 0};
    g_autofree char *cookie =
        ticket == NULL ? g_strdup("") : g_strdup_printf("Cookie: msts=%s\r\n", ticket);
    gsize n = 19 + strlen(cookie);
    const guint8 head[11] = {3, 0, (guint8)(n >> 8), (guint8)n, (guint8)(n - 5), 0xe0};
    GByteArray *bytes = g_byte_array_new();
    g_byte_array_append(bytes, head, sizeof head);
    g_byte_array_append(bytes, (const guint8 *)cookie, (guint)strlen(cookie));
    g_byte_array_append(bytes, negotiation, sizeof negotiation);
    return bytes;
}
