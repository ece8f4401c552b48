// SPDX-License-Identifier: Apache-2.0
// The certificate authority on a folder of its own, checked by OpenSSL's own verification.
#include "service/ca.h"

#include <string.h>
#include <sys/stat.h>
#include <glib/gstdio.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

typedef struct {
    char *dir;
} Keys;

static void
set_up(Keys *keys, gconstpointer data)
{
    static const char *const names[] = {"desk.example.org", "192.0.2.7", NULL};
    g_autofree char *top = g_dir_make_tmp("yd-ca-XXXXXX", NULL);
    keys->dir = g_build_filename(top, "keys", NULL);
    g_autoptr(GError) error = NULL;
    g_assert_true(yd_ca_ensure(keys->dir, names, &error));
    g_assert_no_error(error);
}

static void
tear_down(Keys *keys, gconstpointer data)
{
    g_autofree char *top = g_path_get_dirname(keys->dir);
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", top);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    g_free(keys->dir);
}

static char *
text_of(const Keys *keys, const char *name)
{
    g_autofree char *path = g_build_filename(keys->dir, name, NULL);
    char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    return text;
}

static X509 *
parse(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    g_assert_nonnull(certificate);
    return certificate;
}

// Whether a TLS client that trusts the CA takes the certificate.
static gboolean
verifies(const Keys *keys, X509 *certificate, const char *host)
{
    g_autofree char *ca_text = text_of(keys, "ca.pem");
    X509 *ca = parse(ca_text);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_add_cert(store, ca);
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    X509_STORE_CTX_init(context, store, certificate, NULL);
    X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER);
    X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
    if (host)
        X509_VERIFY_PARAM_set1_host(parameters, host, 0);
    gboolean good = X509_verify_cert(context) == 1;
    if (!good)
        g_test_message("%s", X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    X509_free(ca);
    return good;
}

static mode_t
mode_of(const Keys *keys, const char *name)
{
    g_autofree char *path = g_build_filename(keys->dir, name, NULL);
    GStatBuf status;
    g_assert_cmpint(g_stat(path, &status), ==, 0);
    return status.st_mode & 07777;
}

static void
gate_is_trusted(Keys *keys, gconstpointer data)
{
    g_autofree char *pem = text_of(keys, "gate.pem");
    X509 *gate = parse(pem);
    g_assert_true(verifies(keys, gate, "desk.example.org"));
    g_assert_true(verifies(keys, gate, "localhost"));
    g_assert_true(verifies(keys, gate, g_get_host_name()));
    g_assert_false(verifies(keys, gate, "evil.example.org"));
    g_assert_cmpint(X509_check_ip_asc(gate, "192.0.2.7", 0), ==, 1);
    g_assert_cmpint(X509_check_ip_asc(gate, "127.0.0.1", 0), ==, 1);
    g_assert_cmpint(X509_check_ip_asc(gate, "::1", 0), ==, 1);
    X509_free(gate);
}

static void
rights_of_files(Keys *keys, gconstpointer data)
{
    g_assert_cmpuint(mode_of(keys, ""), ==, 0750);
    g_assert_cmpuint(mode_of(keys, "ca.key"), ==, 0600);
    g_assert_cmpuint(mode_of(keys, "gate.key"), ==, 0640);
    g_assert_cmpuint(mode_of(keys, "rdp-sign.key"), ==, 0600);
    g_assert_cmpuint(mode_of(keys, "ca.pem"), ==, 0644);
}

static void
kept_when_good(Keys *keys, gconstpointer data)
{
    static const char *const same[] = {"desk.example.org", "192.0.2.7", NULL};
    static const char *const more[] = {"desk.example.org", "other.example.org", NULL};
    g_autofree char *ca = text_of(keys, "ca.pem");
    g_autofree char *gate = text_of(keys, "gate.pem");
    g_autofree char *sign = text_of(keys, "rdp-sign.pem");
    g_assert_true(yd_ca_ensure(keys->dir, same, NULL));
    g_autofree char *gate_again = text_of(keys, "gate.pem");
    g_assert_cmpstr(gate, ==, gate_again);

    g_assert_true(yd_ca_ensure(keys->dir, more, NULL));
    g_autofree char *gate_new = text_of(keys, "gate.pem");
    g_autofree char *ca_again = text_of(keys, "ca.pem");
    g_autofree char *sign_again = text_of(keys, "rdp-sign.pem");
    g_assert_cmpstr(gate, !=, gate_new);
    g_assert_cmpstr(ca, ==, ca_again);
    g_assert_cmpstr(sign, ==, sign_again);
}

// A kill between key and certificate leaves a pair that does not fit: it is made anew.
static void
half_made_pair(Keys *keys, gconstpointer data)
{
    g_autofree char *ca_key = text_of(keys, "ca.key");
    g_autofree char *gate_key = g_build_filename(keys->dir, "gate.key", NULL);
    g_assert_true(g_file_set_contents(gate_key, ca_key, -1, NULL));
    g_assert_true(yd_ca_ensure(keys->dir, NULL, NULL));
    g_autofree char *key = text_of(keys, "gate.key");
    g_assert_cmpstr(key, !=, ca_key);

    // But a CA that lost its key is not thrown away.
    g_autofree char *ca_path = g_build_filename(keys->dir, "ca.key", NULL);
    g_assert_cmpint(g_unlink(ca_path), ==, 0);
    g_autoptr(GError) error = NULL;
    g_assert_false(yd_ca_ensure(keys->dir, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INTERNAL);
    g_assert_nonnull(strstr(error->message, "ca.key"));
}

static void
desktop_certificate(Keys *keys, gconstpointer data)
{
    g_autofree char *pem = NULL;
    g_autofree char *key = NULL;
    g_autofree char *print = NULL;
    g_autoptr(GError) error = NULL;
    g_assert_true(yd_ca_issue_desktop(keys->dir, "office-anna", "anna.desks.example", "10.99.0.12",
                                      &pem, &key, &print, &error));
    X509 *certificate = parse(pem);
    g_assert_true(verifies(keys, certificate, "office-anna.desk.internal"));
    g_assert_true(verifies(keys, certificate, "anna.desks.example"));
    g_assert_false(verifies(keys, certificate, "bob.desks.example"));
    g_assert_false(verifies(keys, certificate, "desks.example"));
    g_assert_cmpint(X509_check_ip_asc(certificate, "10.99.0.12", 0), ==, 1);
    unsigned char *der = NULL;
    int length = i2d_X509(certificate, &der);
    g_autofree char *digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, der, (gsize)length);
    g_assert_cmpstr(print, ==, digest);
    OPENSSL_free(der);
    BIO *bio = BIO_new_mem_buf(key, -1);
    EVP_PKEY *private = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    g_assert_cmpint(X509_check_private_key(certificate, private), ==, 1);
    EVP_PKEY_free(private);
    BIO_free(bio);
    X509_free(certificate);
}

// A new key at an administrator's word; the former one is kept.
static void
signing_key_is_renewed(Keys *keys, gconstpointer data)
{
    g_autofree char *before = text_of(keys, "rdp-sign.pem");
    g_autofree char *sha1 = NULL, *sha256 = NULL;
    g_autoptr(GError) error = NULL;
    g_assert_true(yd_ca_renew_sign(keys->dir, &sha1, &sha256, &error));
    g_assert_no_error(error);
    g_autofree char *after = text_of(keys, "rdp-sign.pem");
    g_autofree char *old = text_of(keys, "rdp-sign.old.pem");
    g_assert_cmpstr(before, ==, old);
    g_assert_cmpstr(before, !=, after);
    g_assert_cmpuint(strlen(sha1), ==, 40);
    g_assert_cmpuint(strlen(sha256), ==, 64);
    g_assert_cmpuint(mode_of(keys, "rdp-sign.key"), ==, 0600);
    g_assert_cmpuint(mode_of(keys, "rdp-sign.old.key"), ==, 0600);
    X509 *certificate = parse(after);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    g_assert_cmpint(X509_digest(certificate, EVP_sha1(), digest, &length), ==, 1);
    g_autofree char *first = g_strdup_printf("%02x%02x", digest[0], digest[1]);
    g_assert_true(g_str_has_prefix(sha1, first));
    X509_free(certificate);
}

// The organisation's own certificate stays; one that does not fit its key is made anew.
static void
signing_key_of_others_stays(Keys *keys, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *command = g_strdup_printf(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=Office' -keyout "
        "'%s/rdp-sign.key' -out '%s/rdp-sign.pem'",
        keys->dir, keys->dir);
    g_autofree char *noise = NULL;
    g_assert_true(g_spawn_command_line_sync(command, NULL, &noise, NULL, NULL));
    g_autofree char *own = text_of(keys, "rdp-sign.pem");
    g_assert_nonnull(own);
    g_assert_true(yd_ca_ensure(keys->dir, NULL, &error));
    g_autofree char *after = text_of(keys, "rdp-sign.pem");
    g_assert_cmpstr(own, ==, after);
    g_autofree char *path = g_build_filename(keys->dir, "rdp-sign.key", NULL);
    g_autofree char *other = text_of(keys, "gate.key");
    g_assert_true(g_file_set_contents(path, other, -1, NULL));
    g_assert_true(yd_ca_ensure(keys->dir, NULL, &error));
    g_autofree char *made = text_of(keys, "rdp-sign.pem");
    g_assert_cmpstr(own, !=, made);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/ca/gate-is-trusted", Keys, NULL, set_up, gate_is_trusted, tear_down);
    g_test_add("/ca/rights-of-files", Keys, NULL, set_up, rights_of_files, tear_down);
    g_test_add("/ca/kept-when-good", Keys, NULL, set_up, kept_when_good, tear_down);
    g_test_add("/ca/half-made-pair", Keys, NULL, set_up, half_made_pair, tear_down);
    g_test_add("/ca/signing-key-is-renewed", Keys, NULL, set_up, signing_key_is_renewed, tear_down);
    g_test_add("/ca/signing-key-of-others-stays", Keys, NULL, set_up, signing_key_of_others_stays,
               tear_down);
    g_test_add("/ca/desktop-certificate", Keys, NULL, set_up, desktop_certificate, tear_down);
    return g_test_run();
}
