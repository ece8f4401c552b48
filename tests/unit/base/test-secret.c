// SPDX-License-Identifier: Apache-2.0
// Passwords, sealing, comparing.
#include "base/secret.h"

#include <crypt.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"

static void
test_passwords(void)
{
    g_autofree char *hash = yd_password_hash("correct horse", TRUE);
    g_autofree char *again = yd_password_hash("correct horse", TRUE);
    g_assert_true(g_str_has_prefix(hash, "$argon2id$"));
    g_assert_cmpstr(hash, !=, again); // salted
    g_assert_true(yd_password_verify(hash, "correct horse"));
    g_assert_false(yd_password_verify(hash, "correct horsf"));
    g_assert_false(yd_password_verify(hash, ""));
    g_assert_false(yd_password_verify("correct horse", "correct horse"));
    g_assert_false(yd_password_verify("$argon2id$broken", "x"));
    g_assert_false(yd_password_verify(NULL, "x"));
    g_assert_false(yd_password_needs_rehash(hash, TRUE));
    g_assert_true(yd_password_needs_rehash(hash, FALSE));
}

static void
test_random(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < 500; i++) {
        char *password = yd_password_random();
        g_assert_cmpuint(strlen(password), ==, 16);
        g_assert_null(strpbrk(password, "01oliOIL"));
        g_assert_nonnull(strpbrk(password, "23456789"));
        g_assert_true(g_hash_table_add(seen, password));
    }
}

static void
test_crypt(void)
{
    g_autofree char *hash = yd_password_crypt("correct horse");
    g_autofree char *again = yd_password_crypt("correct horse");
    struct crypt_data data = {0};
    g_assert_true(g_str_has_prefix(hash, "$6$"));
    g_assert_null(strpbrk(hash, ":\n"));
    g_assert_cmpstr(hash, !=, again); // salted
    g_assert_cmpstr(crypt_r("correct horse", hash, &data), ==, hash);
    g_assert_cmpstr(crypt_r("correct horsf", hash, &data), !=, hash);
}

static void
test_equal(void)
{
    g_assert_true(yd_secret_equal("abc", "abc"));
    g_assert_true(yd_secret_equal("", ""));
    g_assert_false(yd_secret_equal("abc", "abd"));
    g_assert_false(yd_secret_equal("abc", "abcd"));
    g_assert_false(yd_secret_equal(NULL, NULL));
    g_assert_false(yd_secret_equal("abc", NULL));
    g_autoptr(YdSecret) secret = yd_secret_new("abc");
    g_assert_cmpstr(yd_secret_reveal(secret), ==, "abc");
    char *text = g_strdup("abc");
    yd_secret_wipe(&text);
    g_assert_null(text);
    yd_secret_wipe(&text);
}

static void
test_seal(void)
{
    g_autofree char *dir = g_dir_make_tmp("secret-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "master.key", NULL);
    g_autofree char *other_path = g_build_filename(dir, "other.key", NULL);
    g_autoptr(GError) error = NULL;
    g_assert_null(yd_master_key_load(path, FALSE, &error));
    g_assert_nonnull(error);
    g_clear_error(&error);
    g_autoptr(YdMasterKey) key = yd_master_key_load(path, TRUE, &error);
    g_assert_no_error(error);
    struct stat info;
    g_assert_cmpint(g_stat(path, &info), ==, 0);
    g_assert_cmpint(info.st_mode & 0777, ==, 0600);
    g_autofree char *sealed = yd_secret_seal(key, "geheim 密");
    g_assert_null(strstr(sealed, "geheim"));
    g_autoptr(YdMasterKey) same = yd_master_key_load(path, TRUE, &error);
    g_autoptr(YdSecret) open = yd_secret_unseal(same, sealed, &error);
    g_assert_cmpstr(yd_secret_reveal(open), ==, "geheim 密");
    g_autoptr(YdMasterKey) other = yd_master_key_load(other_path, TRUE, &error);
    g_assert_null(yd_secret_unseal(other, sealed, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    sealed[10] = sealed[10] == 'A' ? 'B' : 'A';
    g_assert_null(yd_secret_unseal(key, sealed, NULL));
    g_assert_null(yd_secret_unseal(key, "", NULL));
    g_assert_null(yd_secret_unseal(key, "AAAA", NULL));
    // a key of the wrong size is never used or overwritten
    g_clear_error(&error);
    g_assert_true(g_file_set_contents(path, "short", -1, NULL));
    g_assert_null(yd_master_key_load(path, TRUE, &error));
    g_assert_nonnull(strstr(error->message, "5 bytes"));
    g_unlink(path);
    g_unlink(other_path);
    g_rmdir(dir);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/secret/passwords", test_passwords);
    g_test_add_func("/secret/crypt", test_crypt);
    g_test_add_func("/secret/random", test_random);
    g_test_add_func("/secret/equal", test_equal);
    g_test_add_func("/secret/seal", test_seal);
    return g_test_run();
}
