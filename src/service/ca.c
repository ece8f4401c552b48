// SPDX-License-Identifier: Apache-2.0
// The certificate authority: makes keys and certificates (RFC 5280) with OpenSSL and keeps them as
// PEM files. It knows nothing of TLS connections.
#include "service/ca.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/stat.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/id.h"
#include "base/secret.h"

#define DAY (24 * 3600L)
#define GATE_URI "yundesk-gate:" // as src/gate/peer-message.h has it

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free_all)

// What a certificate says.
typedef struct {
    const char *common_name;
    const char *const *names; // DNS names and addresses; NULL: none
    const char *usage;        // extended key usage, NULL: none
    gboolean is_ca;
    int days;
} Request;

static gboolean
crypto_error(GError **error, const char *what)
{
    char reason[160];
    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    ERR_clear_error();
    g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "OpenSSL could not %s: %s", what, reason);
    return FALSE;
}

static gboolean
file_error(GError **error, const char *verb, const char *path)
{
    int number = errno;
    g_set_error(error, YD_ERROR, number == ENOSPC ? YD_ERROR_NO_SPACE : YD_ERROR_INTERNAL,
                "cannot %s \"%s\": %s; check owner and rights of that folder", verb, path,
                g_strerror(number));
    return FALSE;
}

// --- PEM files ---

static gboolean
write_all(int fd, const char *data, gsize length)
{
    while (length > 0) {
        ssize_t n = write(fd, data, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FALSE;
        data += n;
        length -= (gsize)n;
    }
    return fsync(fd) == 0;
}

// Durable and never half there: a temporary file of that mode, then a rename.
static gboolean
write_file(const char *path, mode_t mode, BIO *bio, GError **error)
{
    g_autofree char *temporary = g_strdup_printf("%s.new", path);
    unlink(temporary);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return file_error(error, "make", temporary);
    char *data = NULL;
    long length = BIO_get_mem_data(bio, &data);
    gboolean good = fchmod(fd, mode) == 0 && write_all(fd, data, (gsize)length);
    good = close(fd) == 0 && good;
    if (good && rename(temporary, path) == 0)
        return TRUE;
    file_error(error, "write", path);
    unlink(temporary);
    return FALSE;
}

static gboolean
save_key(const char *path, mode_t mode, EVP_PKEY *key, GError **error)
{
    g_autoptr(BIO) bio = BIO_new(BIO_s_secmem());
    if (!bio || !PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
        return crypto_error(error, "write a key");
    return write_file(path, mode, bio, error);
}

static gboolean
save_certificate(const char *path, X509 *certificate, X509 *issuer, GError **error)
{
    g_autoptr(BIO) bio = BIO_new(BIO_s_mem());
    if (!bio || !PEM_write_bio_X509(bio, certificate) ||
        (issuer && !PEM_write_bio_X509(bio, issuer)))
        return crypto_error(error, "write a certificate");
    return write_file(path, 0644, bio, error);
}

// NULL without an error when the file is not there.
static FILE *
open_pem(const char *path, GError **error)
{
    FILE *file = fopen(path, "re");
    if (!file && errno != ENOENT)
        file_error(error, "read", path);
    return file;
}

// As open_pem().
static EVP_PKEY *
load_key(const char *path, GError **error)
{
    FILE *file = open_pem(path, error);
    if (!file)
        return NULL;
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    if (!key)
        crypto_error(error, path);
    return key;
}

// As open_pem().
static X509 *
load_certificate(const char *path, GError **error)
{
    FILE *file = open_pem(path, error);
    if (!file)
        return NULL;
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    if (!certificate)
        crypto_error(error, path);
    return certificate;
}

// --- certificates ---

static gboolean
is_address(const char *name)
{
    unsigned char buffer[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, buffer) == 1 || inet_pton(AF_INET6, name, buffer) == 1;
}

static gboolean
add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    gboolean good = extension && X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return good;
}

static gboolean
add_names(X509 *certificate, X509 *issuer, const char *const *names)
{
    g_autoptr(GString) value = g_string_new(NULL);
    for (gsize i = 0; names && names[i]; i++)
        g_string_append_printf(value, "%s%s:%s", i ? "," : "",
                               is_address(names[i])                   ? "IP"
                               : g_str_has_prefix(names[i], GATE_URI) ? "URI"
                                                                      : "DNS",
                               names[i]);
    return value->len == 0 || add_extension(certificate, issuer, NID_subject_alt_name, value->str);
}

static gboolean
add_usage(X509 *certificate, X509 *issuer, const Request *request)
{
    if (request->is_ca)
        return add_extension(certificate, issuer, NID_basic_constraints,
                             "critical,CA:TRUE,pathlen:0") &&
               add_extension(certificate, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
    return add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, issuer, NID_key_usage,
                         "critical,digitalSignature,keyEncipherment") &&
           add_extension(certificate, issuer, NID_ext_key_usage, request->usage);
}

static gboolean
set_serial(X509 *certificate)
{
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return FALSE;
    bytes[0] &= 0x7f; // positive
    bytes[0] |= 0x40; // of full length
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    gboolean good = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return good;
}

// issuer NULL: signs itself.
static X509 *
make_certificate(const Request *request, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
                 GError **error)
{
    g_autoptr(X509) certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);
    const unsigned char *organisation = (const unsigned char *)"Yundesk";
    const unsigned char *name = (const unsigned char *)request->common_name;
    X509 *signer = issuer ? issuer : certificate;
    gboolean good =
        X509_set_version(certificate, X509_VERSION_3) && set_serial(certificate) &&
        X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY) &&
        X509_gmtime_adj(X509_getm_notAfter(certificate), request->days * DAY) &&
        X509_set_pubkey(certificate, key) &&
        X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, organisation, -1, -1, 0) &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, name, -1, -1, 0) &&
        X509_set_issuer_name(certificate, X509_get_subject_name(signer)) &&
        add_extension(certificate, signer, NID_subject_key_identifier, "hash") &&
        add_extension(certificate, signer, NID_authority_key_identifier, "keyid") &&
        add_usage(certificate, signer, request) && add_names(certificate, signer, request->names) &&
        X509_sign(certificate, issuer ? issuer_key : key, EVP_sha256());
    if (good)
        return g_steal_pointer(&certificate);
    crypto_error(error, "make a certificate");
    return NULL;
}

static gboolean
has_uri(X509 *certificate, const char *uri)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    gboolean found = FALSE;
    for (int i = 0; !found && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        const ASN1_STRING *text = name->d.uniformResourceIdentifier;
        found = name->type == GEN_URI && (gsize)ASN1_STRING_length(text) == strlen(uri) &&
                memcmp(ASN1_STRING_get0_data(text), uri, strlen(uri)) == 0;
    }
    GENERAL_NAMES_free(names);
    return found;
}

static gboolean
has_name(X509 *certificate, const char *name)
{
    if (g_str_has_prefix(name, GATE_URI))
        return has_uri(certificate, name);
    return is_address(name) ? X509_check_ip_asc(certificate, name, 0) == 1
                            : X509_check_host(certificate, name, 0,
                                              X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
}

// Whether the pair is there, belongs together, is signed by the CA and lasts for some days more.
static gboolean
pair_is_good(X509 *certificate, EVP_PKEY *key, X509 *ca, const char *const *names, int days)
{
    if (!certificate || !key || X509_check_private_key(certificate, key) != 1) {
        ERR_clear_error();
        return FALSE;
    }
    if (X509_verify(certificate, X509_get0_pubkey(ca)) != 1) {
        ERR_clear_error();
        return FALSE;
    }
    time_t until = time(NULL) + days * DAY;
    if (X509_cmp_time(X509_get0_notAfter(certificate), &until) <= 0)
        return FALSE;
    for (gsize i = 0; names && names[i]; i++) {
        if (!has_name(certificate, names[i]))
            return FALSE;
    }
    return TRUE;
}

// --- the kept pairs ---

static char *
pair_path(const char *keys_dir, const char *name, const char *suffix)
{
    g_autofree char *file = g_strconcat(name, suffix, NULL);
    return g_build_filename(keys_dir, file, NULL);
}

static gboolean
load_pair(const char *keys_dir, const char *name, X509 **ret_certificate, EVP_PKEY **ret_key,
          GError **error)
{
    g_autofree char *certificate_path = pair_path(keys_dir, name, ".pem");
    g_autofree char *key_path = pair_path(keys_dir, name, ".key");
    GError *local = NULL;
    g_autoptr(X509) certificate = load_certificate(certificate_path, &local);
    g_autoptr(EVP_PKEY) key = local ? NULL : load_key(key_path, &local);
    if (local) {
        g_propagate_error(error, local);
        return FALSE;
    }
    *ret_certificate = g_steal_pointer(&certificate);
    *ret_key = g_steal_pointer(&key);
    return TRUE;
}

static gboolean
save_pair(const char *keys_dir, const char *name, X509 *certificate, X509 *issuer, EVP_PKEY *key,
          mode_t key_mode, GError **error)
{
    g_autofree char *certificate_path = pair_path(keys_dir, name, ".pem");
    g_autofree char *key_path = pair_path(keys_dir, name, ".key");
    return save_key(key_path, key_mode, key, error) &&
           save_certificate(certificate_path, certificate, issuer, error);
}

static gboolean
ensure_ca(const char *keys_dir, X509 **ret_ca, EVP_PKEY **ret_key, GError **error)
{
    g_autoptr(X509) ca = NULL;
    g_autoptr(EVP_PKEY) key = NULL;
    if (!load_pair(keys_dir, "ca", &ca, &key, error))
        return FALSE;
    if (ca && (!key || X509_check_private_key(ca, key) != 1)) {
        ERR_clear_error();
        g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL,
                    "\"%s/ca.key\" is missing or does not fit ca.pem; restore it from a backup, or "
                    "remove ca.pem to begin anew (clients must then trust the new one)",
                    keys_dir);
        return FALSE;
    }
    if (!ca) { // a key alone is what a kill between both files leaves
        g_clear_pointer(&key, EVP_PKEY_free);
        key = EVP_EC_gen("P-256");
        const Request request = {
            .common_name = "Yundesk certificate authority", .is_ca = TRUE, .days = 3650};
        ca = key ? make_certificate(&request, key, NULL, NULL, error) : NULL;
        if (!key)
            return crypto_error(error, "make a key");
        if (!ca || !save_pair(keys_dir, "ca", ca, NULL, key, 0600, error))
            return FALSE;
    }
    *ret_ca = g_steal_pointer(&ca);
    *ret_key = g_steal_pointer(&key);
    return TRUE;
}

static gboolean
ensure_pair(const char *keys_dir, const char *name, const Request *request, gboolean rsa,
            mode_t key_mode, X509 *ca, EVP_PKEY *ca_key, GError **error)
{
    g_autoptr(X509) certificate = NULL;
    g_autoptr(EVP_PKEY) key = NULL;
    if (!load_pair(keys_dir, name, &certificate, &key, error))
        return FALSE;
    if (pair_is_good(certificate, key, ca, request->names, 30))
        return TRUE;
    g_clear_pointer(&certificate, X509_free);
    g_clear_pointer(&key, EVP_PKEY_free);
    key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
    if (!key)
        return crypto_error(error, "make a key");
    certificate = make_certificate(request, key, ca, ca_key, error);
    return certificate && save_pair(keys_dir, name, certificate, ca, key, key_mode, error);
}

// A pair that another CA has signed was put there on purpose and stays, as long as both fit.
static gboolean
ensure_sign(const char *keys_dir, X509 *ca, EVP_PKEY *ca_key, GError **error)
{
    const Request sign = {
        .common_name = "Yundesk connection files", .usage = "codeSigning", .days = 3600};
    g_autoptr(X509) certificate = NULL;
    g_autoptr(EVP_PKEY) key = NULL;
    if (!load_pair(keys_dir, "rdp-sign", &certificate, &key, error))
        return FALSE;
    gboolean fits = certificate && key && X509_check_private_key(certificate, key) == 1;
    ERR_clear_error();
    if (fits && X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(ca)) != 0)
        return TRUE;
    return ensure_pair(keys_dir, "rdp-sign", &sign, TRUE, 0600, ca, ca_key, error);
}

// NAME.pem and NAME.key are kept as NAME.old.pem and NAME.old.key. None there is fine.
static gboolean
put_aside(const char *keys_dir, const char *name, GError **error)
{
    static const char *const suffixes[] = {".pem", ".key"};
    g_autofree char *old = g_strconcat(name, ".old", NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *from = pair_path(keys_dir, name, suffixes[i]);
        g_autofree char *to = pair_path(keys_dir, old, suffixes[i]);
        if (rename(from, to) != 0 && errno != ENOENT)
            return file_error(error, "rename", from);
    }
    return TRUE;
}

static char *
fingerprint(X509 *certificate, const EVP_MD *method)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    if (!X509_digest(certificate, method, digest, &length))
        return NULL;
    return yd_hex(digest, length);
}

static void
add_name(GPtrArray *names, const char *name)
{
    if (name[0] && !g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL))
        g_ptr_array_add(names, (gpointer)name);
}

gboolean
yd_ca_ensure(const char *keys_dir, const char *const *names, GError **error)
{
    if (g_mkdir_with_parents(keys_dir, 0750) < 0 || chmod(keys_dir, 0750) < 0)
        return file_error(error, "make the folder", keys_dir);
    g_autoptr(X509) ca = NULL;
    g_autoptr(EVP_PKEY) ca_key = NULL;
    if (!ensure_ca(keys_dir, &ca, &ca_key, error))
        return FALSE;

    g_autoptr(GPtrArray) all = g_ptr_array_new();
    for (gsize i = 0; names && names[i]; i++)
        add_name(all, names[i]);
    add_name(all, "localhost");
    add_name(all, "127.0.0.1");
    add_name(all, "::1");
    add_name(all, g_get_host_name());
    g_ptr_array_add(all, NULL);
    const Request gate = {.common_name = g_ptr_array_index(all, 0),
                          .names = (const char *const *)all->pdata,
                          .usage = "serverAuth",
                          .days = 398};
    return ensure_pair(keys_dir, "gate", &gate, FALSE, 0640, ca, ca_key, error) &&
           ensure_sign(keys_dir, ca, ca_key, error);
}

gboolean
yd_ca_renew_sign(const char *keys_dir, char **ret_sha1, char **ret_sha256, GError **error)
{
    g_autoptr(X509) ca = NULL;
    g_autoptr(EVP_PKEY) ca_key = NULL;
    g_autoptr(X509) certificate = NULL;
    g_autoptr(EVP_PKEY) key = NULL;
    if (!ensure_ca(keys_dir, &ca, &ca_key, error) || !put_aside(keys_dir, "rdp-sign", error) ||
        !ensure_sign(keys_dir, ca, ca_key, error) ||
        !load_pair(keys_dir, "rdp-sign", &certificate, &key, error))
        return FALSE;
    *ret_sha1 = fingerprint(certificate, EVP_sha1());
    *ret_sha256 = fingerprint(certificate, EVP_sha256());
    return TRUE;
}

// --- desktops ---

static char *
bio_text(BIO *bio)
{
    char *data = NULL;
    long length = BIO_get_mem_data(bio, &data);
    return g_strndup(data, (gsize)length);
}

gboolean
yd_ca_issue_desktop(const char *keys_dir, const char *name, const char *dns_name,
                    const char *address, char **ret_certificate, char **ret_key,
                    char **ret_fingerprint, GError **error)
{
    g_autoptr(X509) ca = NULL;
    g_autoptr(EVP_PKEY) ca_key = NULL;
    if (!load_pair(keys_dir, "ca", &ca, &ca_key, error))
        return FALSE;
    if (!ca || !ca_key) {
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND,
                    "no certificate authority in \"%s\"; deskd makes one when it starts", keys_dir);
        return FALSE;
    }
    g_autofree char *full = g_strdup_printf("%s.desk.internal", name);
    const char *names[4] = {NULL};
    guint n = 0;
    if (dns_name)
        names[n++] = dns_name;
    names[n++] = full;
    names[n] = address;
    // A common name has 64 characters at most (RFC 5280, ub-common-name).
    const Request request = {.common_name = dns_name && strlen(dns_name) <= 64 ? dns_name : full,
                             .names = names,
                             .usage = "serverAuth",
                             .days = YD_CA_DESKTOP_DAYS};
    g_autoptr(EVP_PKEY) key = EVP_EC_gen("P-256");
    if (!key)
        return crypto_error(error, "make a key");
    g_autoptr(X509) certificate = make_certificate(&request, key, ca, ca_key, error);
    if (!certificate)
        return FALSE;
    g_autoptr(BIO) certificate_bio = BIO_new(BIO_s_mem());
    g_autoptr(BIO) key_bio = BIO_new(BIO_s_secmem());
    if (!PEM_write_bio_X509(certificate_bio, certificate) ||
        !PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL))
        return crypto_error(error, "write a certificate");
    *ret_fingerprint = fingerprint(certificate, EVP_sha256());
    *ret_certificate = bio_text(certificate_bio);
    *ret_key = bio_text(key_bio);
    return TRUE;
}

gboolean
yd_ca_ensure_link(const char *keys_dir, const char *gate_name, GError **error)
{
    g_autoptr(X509) ca = NULL;
    g_autoptr(EVP_PKEY) ca_key = NULL;
    g_autofree char *uri = g_strconcat(GATE_URI, gate_name, NULL);
    const char *names[] = {uri, NULL};
    const Request link = {
        .common_name = gate_name, .names = names, .usage = "serverAuth,clientAuth", .days = 398};
    return ensure_ca(keys_dir, &ca, &ca_key, error) &&
           ensure_pair(keys_dir, "link", &link, FALSE, 0640, ca, ca_key, error);
}

gboolean
yd_ca_issue_gate(const char *keys_dir, const char *name, const char *const *names, const char *out,
                 GError **error)
{
    g_autoptr(X509) ca = NULL;
    g_autoptr(EVP_PKEY) ca_key = NULL;
    g_autofree char *uri = g_strconcat(GATE_URI, name, NULL);
    g_autofree char *registered = g_build_filename(keys_dir, "gates", NULL);
    const char *link_names[] = {uri, NULL};
    const Request link = {
        .common_name = name, .names = link_names, .usage = "serverAuth,clientAuth", .days = 825};
    const Request gate = {
        .common_name = names && names[0] ? names[0] : name,
        .names = names,
        .usage = "serverAuth",
        .days = 825,
    };
    if (!ensure_ca(keys_dir, &ca, &ca_key, error))
        return FALSE;
    if (g_mkdir_with_parents(out, 0700) < 0)
        return file_error(error, "make the folder", out);
    if (g_mkdir_with_parents(registered, 0750) < 0)
        return file_error(error, "make the folder", registered);
    g_autoptr(X509) made = NULL;
    g_autoptr(EVP_PKEY) key = NULL;
    g_autofree char *ca_path = pair_path(out, "ca", ".pem");
    g_autofree char *known = pair_path(registered, name, ".pem");
    return ensure_pair(out, "gate", &gate, FALSE, 0640, ca, ca_key, error) &&
           ensure_pair(out, "link", &link, FALSE, 0640, ca, ca_key, error) &&
           save_certificate(ca_path, ca, NULL, error) &&
           load_pair(out, "link", &made, &key, error) && save_certificate(known, made, NULL, error);
}

// --- hosts ---

// A fresh pair FILEcert.pem and FILEkey.pem, as libvirt names them.
static gboolean
issue_libvirt(const char *folder, const char *file, const Request *request, X509 *ca,
              EVP_PKEY *ca_key, mode_t key_mode, GError **error)
{
    g_autofree char *certificate_path = pair_path(folder, file, "cert.pem");
    g_autofree char *key_path = pair_path(folder, file, "key.pem");
    g_autoptr(EVP_PKEY) key = EVP_EC_gen("P-256");
    if (!key)
        return crypto_error(error, "make a key");
    g_autoptr(X509) certificate = make_certificate(request, key, ca, ca_key, error);
    return certificate && save_key(key_path, key_mode, key, error) &&
           save_certificate(certificate_path, certificate, NULL, error);
}

static gboolean
ensure_manager_pair(const char *hosts_dir, X509 *ca, EVP_PKEY *ca_key, GError **error)
{
    const Request manager = {.common_name = "Yundesk manager", .usage = "clientAuth", .days = 825};
    g_autofree char *ca_path = pair_path(hosts_dir, "cacert", ".pem");
    g_autofree char *certificate_path = pair_path(hosts_dir, "clientcert", ".pem");
    g_autofree char *key_path = pair_path(hosts_dir, "clientkey", ".pem");
    GError *why = NULL;
    g_autoptr(X509) certificate = load_certificate(certificate_path, &why);
    g_autoptr(EVP_PKEY) key = why ? NULL : load_key(key_path, &why);
    if (why) {
        g_propagate_error(error, why);
        return FALSE;
    }
    return save_certificate(ca_path, ca, NULL, error) &&
           (pair_is_good(certificate, key, ca, NULL, 60) ||
            issue_libvirt(hosts_dir, "client", &manager, ca, ca_key, 0640, error));
}

gboolean
yd_ca_issue_host(const char *keys_dir, const char *name, const char *address, const char *out,
                 GError **error)
{
    g_autoptr(X509) ca = NULL;
    g_autoptr(EVP_PKEY) ca_key = NULL;
    g_autofree char *hosts_dir = g_build_filename(keys_dir, "hosts", NULL);
    g_autofree char *ca_path = pair_path(out, "cacert", ".pem");
    const char *names[] = {address, NULL};
    const Request server = {
        .common_name = name, .names = names, .usage = "serverAuth,clientAuth", .days = 825};
    const Request client = {.common_name = name, .usage = "clientAuth", .days = 825};
    if (g_mkdir_with_parents(hosts_dir, 0750) < 0)
        return file_error(error, "make the folder", hosts_dir);
    if (g_mkdir_with_parents(out, 0700) < 0)
        return file_error(error, "make the folder", out);
    return ensure_ca(hosts_dir, &ca, &ca_key, error) &&
           ensure_manager_pair(hosts_dir, ca, ca_key, error) &&
           save_certificate(ca_path, ca, NULL, error) &&
           issue_libvirt(out, "server", &server, ca, ca_key, 0600, error) &&
           issue_libvirt(out, "client", &client, ca, ca_key, 0600, error);
}

char *
yd_ca_certificate(const char *keys_dir, GError **error)
{
    g_autofree char *path = pair_path(keys_dir, "ca", ".pem");
    char *text = NULL;
    g_autoptr(GError) local = NULL;
    if (g_file_get_contents(path, &text, NULL, &local))
        return text;
    g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "cannot read \"%s\": %s", path,
                local->message);
    return NULL;
}
