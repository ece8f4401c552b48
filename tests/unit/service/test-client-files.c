// SPDX-License-Identifier: Apache-2.0
// .rdp and .vv files: their lines, what the policy turns off, and the signature as a verifier that
// knows rdpsign's format would check it.
#include "service/ca.h"
#include "service/rdp-file.h"
#include "service/vv-file.h"

#include <string.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/pem.h>

#define TICKET "abcdefghijklmnopqrstuvwxyz0123456789-_ABCDE"

static const YdPolicy all = {.drives = TRUE,
                             .printers = TRUE,
                             .clipboard = TRUE,
                             .audio = TRUE,
                             .usb = TRUE,
                             .serial = TRUE,
                             .smartcards = TRUE,
                             .multimon = TRUE};
static const YdPolicy none;

static char *
rdp_text(const YdPolicy *policy)
{
    const YdRdpFile file = {.host = "desk.example.org",
                            .port = 443,
                            .ticket = TICKET,
                            .username = "anna",
                            .name = "Office",
                            .policy = policy};
    return yd_rdp_file(&file);
}

static gboolean
has_line(const char *text, const char *line)
{
    g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);
    return g_strv_contains((const char *const *)lines, line);
}

static void
rdp_lines(void)
{
    g_autofree char *text = rdp_text(&all);
    g_assert_true(has_line(text, "full address:s:desk.example.org:443"));
    g_assert_true(has_line(text, "username:s:anna"));
    g_assert_true(has_line(text, "redirectclipboard:i:1"));
    g_assert_true(has_line(text, "drivestoredirect:s:*"));
    g_assert_true(has_line(text, "audiomode:i:0"));
    const char *token = strstr(text, "loadbalanceinfo:s:");
    g_assert_nonnull(token);
    token += strlen("loadbalanceinfo:s:");
    gsize length = strcspn(token, "\r\n");
    g_assert_cmpuint(length % 2, ==, 0);
    g_assert_cmpuint(length, <=, 200);
    g_assert_true(g_str_has_prefix(token, "Cookie: msts=" TICKET "\r\n"));
    g_assert_null(strstr(text, "password"));
}

// Each switch is in the file, and turns off nothing but its own.
static void
rdp_single(void)
{
    static const struct {
        gsize offset;
        const char *on, *off;
    } cases[] = {
        {G_STRUCT_OFFSET(YdPolicy, clipboard), "redirectclipboard:i:1", "redirectclipboard:i:0"},
        {G_STRUCT_OFFSET(YdPolicy, drives), "drivestoredirect:s:*", "drivestoredirect:s:"},
        {G_STRUCT_OFFSET(YdPolicy, drives), "redirectdrives:i:1", "redirectdrives:i:0"},
        {G_STRUCT_OFFSET(YdPolicy, printers), "redirectprinters:i:1", "redirectprinters:i:0"},
        {G_STRUCT_OFFSET(YdPolicy, serial), "redirectcomports:i:1", "redirectcomports:i:0"},
        {G_STRUCT_OFFSET(YdPolicy, smartcards), "redirectsmartcards:i:1", "redirectsmartcards:i:0"},
        {G_STRUCT_OFFSET(YdPolicy, usb), "usbdevicestoredirect:s:*", "usbdevicestoredirect:s:"},
        {G_STRUCT_OFFSET(YdPolicy, usb), "camerastoredirect:s:*", "camerastoredirect:s:"},
        {G_STRUCT_OFFSET(YdPolicy, audio), "audiomode:i:0", "audiomode:i:2"},
        {G_STRUCT_OFFSET(YdPolicy, audio), "audiocapturemode:i:1", "audiocapturemode:i:0"},
        {G_STRUCT_OFFSET(YdPolicy, multimon), "use multimon:i:1", "use multimon:i:0"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        YdPolicy policy = all;
        *(gboolean *)(gpointer)((guint8 *)(gpointer)&policy + cases[i].offset) = FALSE;
        g_autofree char *text = rdp_text(&policy);
        g_assert_true(has_line(text, cases[i].off));
        for (gsize j = 0; j < G_N_ELEMENTS(cases); j++)
            g_assert_true(cases[j].offset == cases[i].offset || has_line(text, cases[j].on));
    }
}

static void
rdp_policy(void)
{
    g_autofree char *text = rdp_text(&none);
    static const char *const off[] = {
        "redirectclipboard:i:0",   "redirectdrives:i:0",     "redirectprinters:i:0",
        "redirectcomports:i:0",    "redirectsmartcards:i:0", "audiomode:i:2",
        "drivestoredirect:s:",     "devicestoredirect:s:",   "use multimon:i:0",
        "usbdevicestoredirect:s:", "camerastoredirect:s:",   "audiocapturemode:i:0",
        "redirectwebauthn:i:0",    "redirectlocation:i:0",   "redirectposdevices:i:0"};
    for (gsize i = 0; i < G_N_ELEMENTS(off); i++)
        g_assert_true(has_line(text, off[i]));
}

// A value cannot begin a line of its own.
static void
no_injection(void)
{
    const YdRdpFile file = {.host = "desk\r\nredirectdrives:i:1",
                            .port = 443,
                            .ticket = TICKET,
                            .username = "anna\nalternate shell:s:evil",
                            .name = "x",
                            .policy = &none};
    g_autofree char *rdp = yd_rdp_file(&file);
    g_assert_false(has_line(rdp, "redirectdrives:i:1"));
    g_assert_null(strstr(rdp, "\nalternate shell"));
    const YdVvFile vv = {.host = "desk",
                         .port = 443,
                         .ticket = TICKET,
                         .password = "pw\nproxy=http://evil",
                         .desktop_id = "dsk-1",
                         .name = "a\n[ovirt]\nhost=evil",
                         .policy = &none};
    g_autofree char *text = yd_vv_file(&vv);
    g_assert_null(strstr(text, "\n[ovirt]"));
    g_assert_null(strstr(text, "\nproxy=http://evil"));
}

static void
vv_lines(void)
{
    YdVvFile file = {.host = "desk.example.org",
                     .port = 443,
                     .ticket = TICKET,
                     .password = "secret",
                     .desktop_id = "dsk-1",
                     .name = "Office of anna",
                     .tls = TRUE,
                     .policy = &all};
    g_autofree char *text = yd_vv_file(&file);
    g_autoptr(GKeyFile) key_file = g_key_file_new();
    g_assert_true(g_key_file_load_from_data(key_file, text, (gsize)-1, 0, NULL));
    g_autofree char *proxy = g_key_file_get_string(key_file, "virt-viewer", "proxy", NULL);
    g_autofree char *type = g_key_file_get_string(key_file, "virt-viewer", "type", NULL);
    g_assert_cmpstr(proxy, ==, "https://ticket:" TICKET "@desk.example.org:443");
    g_assert_cmpstr(type, ==, "spice");
    g_assert_cmpint(g_key_file_get_integer(key_file, "virt-viewer", "delete-this-file", NULL), ==,
                    1);
    file.tls = FALSE;
    file.host = "2001:db8::7";
    g_autofree char *six = yd_vv_file(&file);
    g_assert_nonnull(strstr(six, "proxy=http://ticket:" TICKET "@[2001:db8::7]:443\n"));
}

// --- signature ---

static char *
value_of(const char *text, const char *key)
{
    const char *start = strstr(text, key);
    g_assert_nonnull(start);
    start += strlen(key);
    return g_strndup(start, strcspn(start, "\r\n"));
}

// The blob that the signature is over, rebuilt from what signscope says, as a verifier does.
static GBytes *
signed_blob(const char *text)
{
    g_autofree char *scope = value_of(text, "signscope:s:");
    g_auto(GStrv) names = g_strsplit(scope, ",", -1);
    g_autoptr(GString) message = g_string_new(NULL);
    g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);
    for (gsize i = 0; names[i]; i++) {
        g_autofree char *prefix = g_ascii_strdown(names[i], -1);
        for (gsize j = 0; lines[j]; j++) {
            if (g_str_has_prefix(lines[j], prefix) && lines[j][strlen(prefix)] == ':')
                g_string_append_printf(message, "%s\r\n", lines[j]);
        }
    }
    g_string_append_printf(message, "signscope:s:%s\r\n", scope);
    glong units = 0;
    gunichar2 *wide = g_utf8_to_utf16(message->str, -1, NULL, &units, NULL);
    return g_bytes_new_take(wide, (gsize)(units + 1) * 2);
}

static gboolean
verify(const char *text, const char *keys_dir)
{
    g_autofree char *encoded = value_of(text, "signature:s:");
    gsize length = 0;
    g_autofree guchar *data = g_base64_decode(encoded, &length);
    static const guchar head[] = {1, 0, 1, 0, 1, 0, 0, 0};
    g_assert_cmpuint(length, >, 12);
    g_assert_cmpmem(data, 8, head, 8);
    gsize inside = data[8] | (gsize)data[9] << 8 | (gsize)data[10] << 16;
    g_assert_cmpuint(inside, ==, length - 12);
    const unsigned char *der = data + 12;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &der, (long)inside);
    g_assert_nonnull(cms);
    g_autoptr(GBytes) blob = signed_blob(text);
    BIO *content = BIO_new_mem_buf(g_bytes_get_data(blob, NULL), (int)g_bytes_get_size(blob));
    X509_STORE *store = X509_STORE_new();
    g_autofree char *ca = g_build_filename(keys_dir, "ca.pem", NULL);
    X509_STORE_load_file(store, ca);
    X509_STORE_set_purpose(store, X509_PURPOSE_ANY);
    gboolean good = CMS_verify(cms, NULL, store, content, NULL, CMS_BINARY | CMS_DETACHED) == 1;
    X509_STORE_free(store);
    BIO_free(content);
    CMS_ContentInfo_free(cms);
    return good;
}

static void
signature(void)
{
    g_autofree char *dir = g_dir_make_tmp("yd-sign-XXXXXX", NULL);
    g_autoptr(GError) error = NULL;
    g_assert_null(yd_rdp_signer_new(dir, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_true(yd_ca_ensure(dir, NULL, &error));
    g_autoptr(YdRdpSigner) signer = yd_rdp_signer_new(dir, &error);
    g_assert_no_error(error);

    g_autofree char *text = rdp_text(&all);
    g_autofree char *done = yd_rdp_file_sign(signer, text, &error);
    g_assert_no_error(error);
    g_assert_true(g_str_has_prefix(done, text));
    g_assert_true(verify(done, dir));

    // Another host, and the signature is worth nothing.
    g_autoptr(GString) forged = g_string_new(done);
    g_string_replace(forged, "desk.example.org", "evil.example.org", 1);
    g_assert_false(verify(forged->str, dir));

    g_autofree char *command = g_strdup_printf("rm -rf '%s'", dir);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rdp-file/lines", rdp_lines);
    g_test_add_func("/rdp-file/policy", rdp_policy);
    g_test_add_func("/rdp-file/single", rdp_single);
    g_test_add_func("/client-files/no-injection", no_injection);
    g_test_add_func("/vv-file/lines", vv_lines);
    g_test_add_func("/rdp-file/signature", signature);
    return g_test_run();
}
