// SPDX-License-Identifier: Apache-2.0
// Contexts for both ends, and reading names out of certificates.
#include "gate/peer-tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "gate/tls-error.h"

struct YdPeerTls {
    SSL_CTX *server, *client;
    char *registered;
};

static const unsigned char alpn[] = "\x0c" YD_PEER_ALPN;

static gboolean
load(SSL_CTX *context, const char *certificate, const char *key, const char *ca, GError **error)
{
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
        return yd_tls_fail(error, "cannot use the certificate for other gates", certificate);
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1)
        return yd_tls_fail(error, "cannot use the key for other gates", key);
    if (SSL_CTX_load_verify_locations(context, ca, NULL) != 1)
        return yd_tls_fail(error, "cannot use the CA for other gates", ca);
    return TRUE;
}

static SSL_CTX *
make(const SSL_METHOD *method, const char *certificate, const char *key, const char *ca,
     GError **error)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(method);
    if (context == NULL) {
        yd_tls_fail(error, "cannot make a TLS context for", certificate);
        return NULL;
    }
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    if (load(context, certificate, key, ca, error))
        return context;
    SSL_CTX_free(context);
    return NULL;
}

static int
choose(SSL *ssl, const guchar **out, guchar *out_len, const guchar *in, guint in_len, void *data)
{
    guchar *chosen = NULL;
    int result = SSL_select_next_proto(&chosen, out_len, alpn, sizeof alpn - 1, in, in_len);
    *out = chosen;
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

YdPeerTls *
yd_peer_tls_new(const char *certificate, const char *key, const char *ca, const char *registered,
                GError **error)
{
    if (certificate == NULL || !g_file_test(certificate, G_FILE_TEST_EXISTS))
        return NULL;
    g_autoptr(YdPeerTls) peers = g_new0(YdPeerTls, 1);
    peers->registered = g_strdup(registered);
    peers->server = make(TLS_server_method(), certificate, key, ca, error);
    peers->client =
        peers->server != NULL ? make(TLS_client_method(), certificate, key, ca, error) : NULL;
    if (peers->client == NULL)
        return NULL;
    SSL_CTX_set_alpn_select_cb(peers->server, choose, NULL);
    SSL_CTX_set_alpn_protos(peers->client, alpn, sizeof alpn - 1);
    return g_steal_pointer(&peers);
}

void
yd_peer_tls_free(YdPeerTls *peers)
{
    if (peers == NULL)
        return;
    SSL_CTX_free(peers->server);
    SSL_CTX_free(peers->client);
    g_free(peers->registered);
    g_free(peers);
}

// Whether the extension (RFC 7301 3.1: length of the list, then names with their length) names us.
static gboolean
offers_us(const unsigned char *data, gsize len)
{
    for (gsize at = 2; at < len; at += 1 + (gsize)data[at])
        if (len - at >= sizeof alpn - 1 && memcmp(data + at, alpn, sizeof alpn - 1) == 0)
            return TRUE;
    return FALSE;
}

static int
on_hello(SSL *ssl, int *alert, void *data)
{
    YdPeerTls *peers = data;
    const unsigned char *list = NULL;
    size_t len = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &list,
                                  &len) == 1 &&
        offers_us(list, len)) {
        SSL_set_SSL_CTX(ssl, peers->server);
        SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        SSL_set_options(ssl, SSL_OP_NO_TICKET);
    }
    return SSL_CLIENT_HELLO_SUCCESS;
}

void
yd_peer_tls_serve(YdPeerTls *peers, SSL_CTX *context)
{
    SSL_CTX_set_client_hello_cb(context, on_hello, peers);
}

SSL_CTX *
yd_peer_tls_client(YdPeerTls *peers)
{
    return peers->client;
}

gboolean
yd_peer_tls_is_peer(SSL *ssl)
{
    const unsigned char *chosen = NULL;
    unsigned int len = 0;
    SSL_get0_alpn_selected(ssl, &chosen, &len);
    return len == sizeof alpn - 2 && memcmp(chosen, alpn + 1, len) == 0;
}

static char *
uri_name(const GENERAL_NAME *name)
{
    if (name->type != GEN_URI)
        return NULL;
    const ASN1_IA5STRING *uri = name->d.uniformResourceIdentifier;
    g_autofree char *text =
        g_strndup((const char *)ASN1_STRING_get0_data(uri), (gsize)ASN1_STRING_length(uri));
    if (strlen(text) != (gsize)ASN1_STRING_length(uri) || !g_str_has_prefix(text, YD_PEER_URI) ||
        !yd_peer_name_valid(text + strlen(YD_PEER_URI)))
        return NULL;
    return g_strdup(text + strlen(YD_PEER_URI));
}

char *
yd_peer_tls_name(SSL *ssl)
{
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    if (certificate == NULL || SSL_get_verify_result(ssl) != X509_V_OK)
        return NULL;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    char *found = NULL;
    for (int i = 0; found == NULL && i < sk_GENERAL_NAME_num(names); i++)
        found = uri_name(sk_GENERAL_NAME_value(names, i));
    GENERAL_NAMES_free(names);
    return found;
}

gboolean
yd_peer_tls_is_registered(const YdPeerTls *peers, SSL *ssl, const char *name)
{
    g_autofree char *file = g_strconcat(name, ".pem", NULL);
    g_autofree char *path =
        peers->registered != NULL ? g_build_filename(peers->registered, file, NULL) : NULL;
    FILE *stream = path != NULL ? fopen(path, "re") : NULL;
    if (stream == NULL)
        return FALSE;
    X509 *known = PEM_read_X509(stream, NULL, NULL, NULL);
    fclose(stream);
    gboolean same = known != NULL && X509_cmp(known, SSL_get0_peer_certificate(ssl)) == 0;
    X509_free(known);
    ERR_clear_error();
    return same;
}
