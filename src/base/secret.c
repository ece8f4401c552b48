// SPDX-License-Identifier: Apache-2.0
// Secrets by libsodium: wiping, argon2id, secretbox.
#include "base/secret.h"

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

struct _YdSecret {
    char *text;
};

struct _YdMasterKey {
    guint8 bytes[crypto_secretbox_KEYBYTES];
};

static void
start(void)
{
    if (sodium_init() < 0)
        g_error("libsodium does not start");
}

YdSecret *
yd_secret_new(const char *text)
{
    return yd_secret_take(g_strdup(text));
}

YdSecret *
yd_secret_take(char *text)
{
    YdSecret *secret = g_new0(YdSecret, 1);
    secret->text = text;
    return secret;
}

void
yd_secret_free(YdSecret *secret)
{
    if (!secret)
        return;
    yd_secret_wipe(&secret->text);
    g_free(secret);
}

const char *
yd_secret_reveal(const YdSecret *secret)
{
    return secret->text;
}

void
yd_secret_wipe(char **text)
{
    if (*text)
        sodium_memzero(*text, strlen(*text));
    g_clear_pointer(text, g_free);
}

gboolean
yd_secret_equal(const char *a, const char *b)
{
    if (!a || !b)
        return FALSE;
    gsize length = strlen(a);
    return length == strlen(b) && sodium_memcmp(a, b, length) == 0;
}

static unsigned long long
ops_limit(gboolean cheap)
{
    return cheap ? crypto_pwhash_OPSLIMIT_MIN : crypto_pwhash_OPSLIMIT_INTERACTIVE;
}

static size_t
memory_limit(gboolean cheap)
{
    return cheap ? crypto_pwhash_MEMLIMIT_MIN : crypto_pwhash_MEMLIMIT_INTERACTIVE;
}

char *
yd_password_hash(const char *password, gboolean cheap)
{
    start();
    g_autofree char *hash = g_malloc0(crypto_pwhash_STRBYTES);
    if (crypto_pwhash_str(hash, password, strlen(password), ops_limit(cheap),
                          memory_limit(cheap)) != 0)
        return NULL;
    return g_steal_pointer(&hash);
}

gboolean
yd_password_verify(const char *hash, const char *password)
{
    start();
    if (!hash || !g_str_has_prefix(hash, crypto_pwhash_STRPREFIX)) {
        // So that unknown users can't be told by the time it takes.
        g_free(yd_password_hash(password, FALSE));
        return FALSE;
    }
    return crypto_pwhash_str_verify(hash, password, strlen(password)) == 0;
}

gboolean
yd_password_needs_rehash(const char *hash, gboolean cheap)
{
    return crypto_pwhash_str_needs_rehash(hash, ops_limit(cheap), memory_limit(cheap)) != 0;
}

char *
yd_password_random(void)
{
    // 31 characters, without 0 o 1 l i: 16 of them are 79 bits.
    static const char alphabet[] = "23456789abcdefghjkmnpqrstuvwxyz";
    start();
    char *text = g_malloc0(17);
    do {
        for (int i = 0; i < 16; i++)
            text[i] = alphabet[randombytes_uniform(sizeof alphabet - 1)];
        // Password rules commonly want a digit and a letter.
    } while (!strpbrk(text, "23456789") || strspn(text, "23456789") == 16);
    return text;
}

char *
yd_password_crypt(const char *password)
{
    guint8 salt[16];
    g_autofree struct crypt_data *data = g_new0(struct crypt_data, 1);
    start();
    randombytes_buf(salt, sizeof salt);
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    if (!crypt_gensalt_rn("$6$", 0, (const char *)salt, sizeof salt, setting, sizeof setting))
        g_error("libcrypt makes no salt: %s", g_strerror(errno));
    const char *hash = crypt_r(password, setting, data);
    if (!hash || hash[0] == '*')
        g_error("libcrypt makes no hash: %s", g_strerror(errno));
    char *copy = g_strdup(hash);
    sodium_memzero(data, sizeof *data);
    return copy;
}

static gboolean
write_key(const char *path, const YdMasterKey *key, GError **error)
{
    int fd = g_open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    gboolean good =
        fd >= 0 && write(fd, key->bytes, sizeof key->bytes) == sizeof key->bytes && fsync(fd) == 0;
    if (!good)
        g_set_error(error, YD_ERROR, errno == ENOSPC ? YD_ERROR_NO_SPACE : YD_ERROR_INTERNAL,
                    "The master key %s can't be written: %s", path, g_strerror(errno));
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && !good)
        g_unlink(path);
    return good;
}

YdMasterKey *
yd_master_key_load(const char *path, gboolean create, GError **error)
{
    start();
    g_autoptr(YdMasterKey) key = g_new0(YdMasterKey, 1);
    if (create && !g_file_test(path, G_FILE_TEST_EXISTS)) {
        crypto_secretbox_keygen(key->bytes);
        return write_key(path, key, error) ? g_steal_pointer(&key) : NULL;
    }
    char *bytes = NULL;
    gsize length = 0;
    g_autoptr(GError) cause = NULL;
    if (!g_file_get_contents(path, &bytes, &length, &cause)) {
        g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "The master key can't be read: %s",
                    cause->message);
        return NULL;
    }
    if (length == sizeof key->bytes)
        memcpy(key->bytes, bytes, length);
    sodium_memzero(bytes, length);
    g_free(bytes);
    if (length != sizeof key->bytes) {
        g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL,
                    "The master key %s has %" G_GSIZE_FORMAT
                    " bytes in place of %d; restore it from the backup",
                    path, length, (int)sizeof key->bytes);
        return NULL;
    }
    return g_steal_pointer(&key);
}

void
yd_master_key_free(YdMasterKey *key)
{
    if (key)
        sodium_memzero(key, sizeof *key);
    g_free(key);
}

char *
yd_secret_seal(const YdMasterKey *key, const char *text)
{
    start();
    gsize length = strlen(text), size = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
    g_autofree guint8 *bytes = g_malloc(size + length);
    randombytes_buf(bytes, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(bytes + crypto_secretbox_NONCEBYTES, (const guint8 *)text, length, bytes,
                          key->bytes);
    return g_base64_encode(bytes, size + length);
}

YdSecret *
yd_secret_unseal(const YdMasterKey *key, const char *sealed, GError **error)
{
    start();
    gsize length = 0, head = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
    g_autofree guint8 *bytes = g_base64_decode(sealed, &length);
    if (bytes && length >= head) {
        char *text = g_malloc0(length - head + 1);
        if (crypto_secretbox_open_easy((guint8 *)text, bytes + crypto_secretbox_NONCEBYTES,
                                       length - crypto_secretbox_NONCEBYTES, bytes,
                                       key->bytes) == 0)
            return yd_secret_take(text);
        g_free(text);
    }
    yd_error_invalid(error, NULL,
                     "A sealed secret can't be opened: another master key made it, "
                     "or it was changed");
    return NULL;
}
