// SPDX-License-Identifier: Apache-2.0
// Secrets: strings that wipe themselves, passwords (argon2id), sealing with the master key
// (XSalsa20-Poly1305). All by libsodium. Any thread.
#pragma once

#include <glib.h>

// An owned secret text; wiped when freed. Never print it: there is no conversion but reveal.
typedef struct _YdSecret YdSecret;
YdSecret *yd_secret_new(const char *text);
// Takes text over (made by g_malloc; wiped at the end).
YdSecret *yd_secret_take(char *text);
void yd_secret_free(YdSecret *secret);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdSecret, yd_secret_free)
// The text itself; borrowed.
const char *yd_secret_reveal(const YdSecret *secret);

// Wipes and frees the string, sets it to NULL. NULL is allowed.
void yd_secret_wipe(char **text);

// Compares in a time that depends on the lengths only. NULL is equal to nothing.
gboolean yd_secret_equal(const char *a, const char *b);

// argon2id string of the password (interactive limits, or the least ones when cheap: tests only);
// owned. NULL when there is not enough memory (64 MiB).
char *yd_password_hash(const char *password, gboolean cheap);

// FALSE as well for a NULL or malformed hash, after the time that a real check takes.
gboolean yd_password_verify(const char *hash, const char *password);

// Whether the hash was made with other limits than yd_password_hash() would use now.
gboolean yd_password_needs_rehash(const char *hash, gboolean cheap);

// A random password that people can read and type: 16 characters without look-alikes, 79 bits;
// owned.
char *yd_password_random(void);

// SHA-512 hash of it with a salt of its own, as crypt(5) writes it and any Linux takes it; owned.
// For random passwords: it is not stretched.
char *yd_password_crypt(const char *password);

// The key that seals secrets at rest.
typedef struct _YdMasterKey YdMasterKey;
// Reads the file (32 bytes); makes it (mode 0600, durable) when it is missing and create is TRUE.
YdMasterKey *yd_master_key_load(const char *path, gboolean create, GError **error);
void yd_master_key_free(YdMasterKey *key);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdMasterKey, yd_master_key_free)

// nonce + box as base64; owned.
char *yd_secret_seal(const YdMasterKey *key, const char *text);
// The text of the seal; INVALID when it was made with another key or changed.
YdSecret *yd_secret_unseal(const YdMasterKey *key, const char *sealed, GError **error);
