// SPDX-License-Identifier: Apache-2.0
// Writes and signs .rdp files. The password is not in them: "password 51" can only be made on the
// user's own Windows (DPAPI).
#include "service/rdp-file.h"

#include <string.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/error.h"

// Settings that a signature covers, with the names that signscope lists them by, in the order in
// which they are signed: those that mstsc takes as security relevant.
static const struct {
    const char *prefix, *name;
} scope[] = {
    {"full address:s:", "Full Address"},
    {"alternate full address:s:", "Alternate Full Address"},
    {"server port:i:", "Server Port"},
    {"negotiate security layer:i:", "Negotiate Security Layer"},
    {"enablecredsspsupport:i:", "EnableCredSspSupport"},
    {"autoreconnection enabled:i:", "AutoReconnection Enabled"},
    {"gatewayusagemethod:i:", "GatewayUsageMethod"},
    {"prompt for credentials:i:", "Prompt For Credentials"},
    {"authentication level:i:", "Authentication Level"},
    {"audiomode:i:", "AudioMode"},
    {"redirectdrives:i:", "RedirectDrives"},
    {"redirectprinters:i:", "RedirectPrinters"},
    {"redirectcomports:i:", "RedirectCOMPorts"},
    {"redirectsmartcards:i:", "RedirectSmartCards"},
    {"redirectposdevices:i:", "RedirectPOSDevices"},
    {"redirectclipboard:i:", "RedirectClipboard"},
    {"devicestoredirect:s:", "DevicesToRedirect"},
    {"drivestoredirect:s:", "DrivesToRedirect"},
    {"loadbalanceinfo:s:", "LoadBalanceInfo"},
    {"redirectdirectx:i:", "RedirectDirectX"},
};

static void
add(GString *text, const char *key, const char *value)
{
    g_string_append_printf(text, "%s:s:", key);
    for (const char *c = value; *c; c++) {
        if ((guchar)*c >= 0x20 && *c != 0x7f)
            g_string_append_c(text, *c);
    }
    g_string_append(text, "\r\n");
}

static void
add_int(GString *text, const char *key, int value)
{
    g_string_append_printf(text, "%s:i:%d\r\n", key, value);
}

static void
add_devices(GString *text, const YdPolicy *policy)
{
    add_int(text, "redirectclipboard", policy->clipboard);
    add_int(text, "redirectdrives", policy->drives);
    add(text, "drivestoredirect", policy->drives ? "*" : "");
    add_int(text, "redirectprinters", policy->printers);
    add_int(text, "redirectcomports", policy->serial);
    add_int(text, "redirectsmartcards", policy->smartcards);
    add_int(text, "redirectposdevices", 0);
    add_int(text, "redirectdirectx", 1);
    add(text, "devicestoredirect", policy->usb ? "*" : "");
    add(text, "usbdevicestoredirect", policy->usb ? "*" : "");
    add(text, "camerastoredirect", policy->usb ? "*" : "");
    add_int(text, "redirectwebauthn", policy->smartcards); // keys for log-ins at web pages
    add_int(text, "redirectlocation", 0);
    add_int(text, "audiomode", policy->audio ? 0 : 2);        // 0 play here, 2 do not play
    add_int(text, "audiocapturemode", policy->audio ? 1 : 0); // microphone
    add_int(text, "use multimon", policy->multimon);
}

char *
yd_rdp_file(const YdRdpFile *file)
{
    GString *text = g_string_new(NULL);
    gboolean colons = strchr(file->host, ':') != NULL;
    g_autofree char *address =
        g_strdup_printf("%s%s%s:%u", colons ? "[" : "", file->host, colons ? "]" : "", file->port);
    // MS-RDPBCGR 2.2.1.1 routing token; mstsc wants an even number of characters.
    g_autofree char *token = g_strdup_printf("Cookie: msts=%s", file->ticket);
    add(text, "full address", address);
    add(text, "alternate full address", address);
    add_int(text, "server port", file->port);
    add(text, "username", file->username);
    add(text, "loadbalanceinfo", token);
    add_int(text, "gatewayusagemethod", 0);
    add_int(text, "negotiate security layer", 1);
    add_int(text, "enablecredsspsupport", 1);
    add_int(text, "prompt for credentials", 0);
    add_int(text, "promptcredentialonce", 1);
    add_int(text, "authentication level", 2); // warn: not every client knows the product's CA
    add_int(text, "autoreconnection enabled", 1);
    add_int(text, "screen mode id", 2);
    add_int(text, "smart sizing", 1);
    add_int(text, "dynamic resolution", 1);
    add_int(text, "session bpp", 32);
    add_int(text, "compression", 1);
    add_int(text, "networkautodetect", 1);
    add_int(text, "bandwidthautodetect", 1);
    add_int(text, "connection type", 7);
    add_int(text, "videoplaybackmode", 1);
    add_int(text, "keyboardhook", 2);
    add_devices(text, file->policy);
    return g_string_free(text, FALSE);
}

// --- signature ---

static gboolean
crypto_error(GError **error, const char *what)
{
    char reason[160];
    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    ERR_clear_error();
    g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "OpenSSL could not %s: %s", what, reason);
    return FALSE;
}

struct _YdRdpSigner {
    X509 *certificate;
    EVP_PKEY *key;
};

YdRdpSigner *
yd_rdp_signer_new(const char *keys_dir, GError **error)
{
    g_autofree char *certificate_path = g_build_filename(keys_dir, "rdp-sign.pem", NULL);
    g_autofree char *key_path = g_build_filename(keys_dir, "rdp-sign.key", NULL);
    BIO *certificate_bio = BIO_new_file(certificate_path, "r");
    BIO *key_bio = certificate_bio ? BIO_new_file(key_path, "r") : NULL;
    if (!key_bio) {
        ERR_clear_error();
        BIO_free(certificate_bio);
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND,
                    "no key to sign .rdp files with in \"%s\" (rdp-sign.pem, rdp-sign.key)",
                    keys_dir);
        return NULL;
    }
    g_autoptr(YdRdpSigner) signer = g_new0(YdRdpSigner, 1);
    signer->certificate = PEM_read_bio_X509(certificate_bio, NULL, NULL, NULL);
    signer->key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
    BIO_free(certificate_bio);
    BIO_free(key_bio);
    if (signer->certificate && signer->key)
        return g_steal_pointer(&signer);
    crypto_error(error, "read rdp-sign.pem and rdp-sign.key");
    return NULL;
}

void
yd_rdp_signer_free(YdRdpSigner *signer)
{
    if (!signer)
        return;
    X509_free(signer->certificate);
    EVP_PKEY_free(signer->key);
    g_free(signer);
}

// The lines that are signed, in the order of the table, and their names joined by ",".
static char *
canonical(const char *text, char **ret_names)
{
    g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);
    GString *message = g_string_new(NULL);
    GString *names = g_string_new(NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(scope); i++) {
        for (gsize j = 0; lines[j]; j++) {
            if (!g_str_has_prefix(lines[j], scope[i].prefix))
                continue;
            g_string_append_printf(message, "%s\r\n", lines[j]);
            g_string_append_printf(names, "%s%s", names->len ? "," : "", scope[i].name);
        }
    }
    g_string_append_printf(message, "signscope:s:%s\r\n", names->str);
    *ret_names = g_string_free(names, FALSE);
    return g_string_free(message, FALSE);
}

static GBytes *
sign(const YdRdpSigner *signer, const char *message, GError **error)
{
    glong units = 0;
    g_autofree gunichar2 *wide = g_utf8_to_utf16(message, -1, NULL, &units, error);
    if (!wide)
        return NULL;
    for (glong i = 0; i < units; i++)
        wide[i] = GUINT16_TO_LE(wide[i]);
    // With the NUL at the end.
    BIO *data = BIO_new_mem_buf(wide, (int)((units + 1) * (glong)sizeof *wide));
    const unsigned int flags =
        CMS_DETACHED | CMS_BINARY | CMS_NOATTR | CMS_NOSMIMECAP | CMS_PARTIAL;
    CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, data, flags);
    unsigned char *der = NULL;
    int length = -1;
    if (cms && CMS_add1_signer(cms, signer->certificate, signer->key, EVP_sha256(), flags) &&
        CMS_final(cms, data, NULL, flags))
        length = i2d_CMS_ContentInfo(cms, &der);
    CMS_ContentInfo_free(cms);
    BIO_free(data);
    if (length < 0) {
        crypto_error(error, "sign an .rdp file");
        return NULL;
    }
    GBytes *bytes = g_bytes_new(der, (gsize)length);
    OPENSSL_free(der);
    return bytes;
}

// The header that rdpsign.exe puts before the signature: 0x00010001, 1, length; little-endian.
static char *
encode(GBytes *signature)
{
    gsize length = 0;
    gconstpointer data = g_bytes_get_data(signature, &length);
    const guint32 header[] = {GUINT32_TO_LE(0x00010001), GUINT32_TO_LE(1),
                              GUINT32_TO_LE((guint32)length)};
    g_autoptr(GByteArray) all = g_byte_array_new();
    g_byte_array_append(all, (const guint8 *)header, sizeof header);
    g_byte_array_append(all, data, (guint)length);
    return g_base64_encode(all->data, all->len);
}

char *
yd_rdp_file_sign(const YdRdpSigner *signer, const char *text, GError **error)
{
    g_autofree char *names = NULL;
    g_autofree char *message = canonical(text, &names);
    g_autoptr(GBytes) signature = sign(signer, message, error);
    if (!signature)
        return NULL;
    g_autofree char *encoded = encode(signature);
    return g_strdup_printf("%ssignscope:s:%s\r\nsignature:s:%s\r\n", text, names, encoded);
}
