// SPDX-License-Identifier: Apache-2.0
// Makes OpenSSL contexts. Session tickets are OpenSSL's own (a random key per context), so that a
// client comes back without a full handshake until the certificate is reloaded.
#include "gate/tls.h"

#include <openssl/err.h>
#include <string.h>
#include <time.h>

#include "gate/tls-error.h"

#define GUEST_READ (64 * 1024)

struct YdGateTls {
    char *certificate;
    char *key;
    GMutex lock;
    SSL_CTX *context;
    SSL_CTX *client;
    YdPeerTls *peers; // NULL: no other gates
    gboolean ktls;
    YdGateTlsCount count; // with the lock held
};

// Only HTTP/1.1 is spoken inside; a client that offers other protocols only goes on without one.
static int
choose_protocol(SSL *ssl, const guchar **out, guchar *out_len, const guchar *in, guint in_len,
                void *data)
{
    static const guchar http[] = "\x08http/1.1";
    guchar *chosen = NULL;
    int result = SSL_select_next_proto(&chosen, out_len, http, sizeof http - 1, in, in_len);
    *out = chosen;
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static gboolean
load(SSL_CTX *context, const YdGateTls *tls, GError **error)
{
    if (SSL_CTX_use_certificate_chain_file(context, tls->certificate) != 1)
        return yd_tls_fail(error, "cannot use the gate's certificate", tls->certificate);
    if (SSL_CTX_use_PrivateKey_file(context, tls->key, SSL_FILETYPE_PEM) != 1)
        return yd_tls_fail(error, "cannot use the gate's key", tls->key);
    if (SSL_CTX_check_private_key(context) != 1)
        return yd_tls_fail(error, "the gate's key does not fit its certificate", tls->key);
    return TRUE;
}

static SSL_CTX *
make_context(const YdGateTls *tls, GError **error)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL) {
        yd_tls_fail(error, "cannot make a TLS context for", tls->certificate);
        return NULL;
    }
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    // AES-128 first: 256 bits cost a third more and keep nothing safer that goes through here.
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                      "TLS_CHACHA20_POLY1305_SHA256");
    SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
    SSL_CTX_set_read_ahead(context, 1); // header and body of a record by one call
    // Clients go without close_notify all the time; HTTP and the desktop protocols know their ends.
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_PRIORITIZE_CHACHA);
    if (tls->ktls)
        SSL_CTX_set_options(context, SSL_OP_ENABLE_KTLS);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set1_groups_list(context, "P-256:X25519:P-384");
    SSL_CTX_set_session_id_context(context, (const guchar *)"deskgate", strlen("deskgate"));
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    if (!load(context, tls, error)) {
        SSL_CTX_free(context);
        return NULL;
    }
    return context;
}

// Guests' certificates are their own: whoever connects compares them with the one deskd names.
static SSL_CTX *
make_client(GError **error)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL) {
        yd_tls_fail(error, "cannot make a TLS context for", "guests");
        return NULL;
    }
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, GUEST_READ); // some records by one call
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    return context;
}

YdGateTls *
yd_gate_tls_new(const char *certificate, const char *key, gboolean ktls, GError **error)
{
    g_autoptr(YdGateTls) tls = g_new0(YdGateTls, 1);
    g_mutex_init(&tls->lock);
    tls->certificate = g_strdup(certificate);
    tls->key = g_strdup(key);
    tls->ktls = ktls;
    tls->context = make_context(tls, error);
    tls->client = tls->context != NULL ? make_client(error) : NULL;
    return tls->client == NULL ? NULL : g_steal_pointer(&tls);
}

void
yd_gate_tls_free(YdGateTls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->context);
    SSL_CTX_free(tls->client);
    g_free(tls->certificate);
    g_free(tls->key);
    g_mutex_clear(&tls->lock);
    g_free(tls);
}

gboolean
yd_gate_tls_reload(YdGateTls *tls, GError **error)
{
    SSL_CTX *context = make_context(tls, error);
    if (context == NULL)
        return FALSE;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&tls->lock);
    SSL_CTX_free(tls->context);
    tls->context = context;
    if (tls->peers != NULL)
        yd_peer_tls_serve(tls->peers, context);
    return TRUE;
}

void
yd_gate_tls_serve_peers(YdGateTls *tls, YdPeerTls *peers)
{
    tls->peers = peers;
    yd_peer_tls_serve(peers, tls->context);
}

void
yd_gate_tls_note(YdGateTls *tls, gboolean in_kernel)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&tls->lock);
    tls->count.handshakes++;
    tls->count.in_kernel += in_kernel ? 1 : 0;
}

void
yd_gate_tls_count(YdGateTls *tls, YdGateTlsCount *ret_count)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&tls->lock);
    *ret_count = tls->count;
}

gint64
yd_gate_tls_expires(YdGateTls *tls)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&tls->lock);
    const X509 *certificate = SSL_CTX_get0_certificate(tls->context);
    struct tm end = {0};
    if (certificate == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
        return 0;
    return timegm(&end);
}

SSL_CTX *
yd_gate_tls_context(YdGateTls *tls)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&tls->lock);
    SSL_CTX_up_ref(tls->context);
    return tls->context;
}

SSL_CTX *
yd_gate_tls_client(YdGateTls *tls)
{
    return tls->client;
}
