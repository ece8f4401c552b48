// SPDX-License-Identifier: Apache-2.0
// Ids (ULID, https://github.com/ulid/spec), random tokens, hashes of tokens, the wall clock.
#include "base/id.h"

#include <sodium.h>
#include <string.h>

#define ULID_LENGTH 26

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

static GMutex ulid_lock;
static gint64 ulid_time;
static guint8 ulid_random[10];

static void
random_bytes(void *bytes, gsize length)
{
    if (sodium_init() < 0)
        g_error("libsodium does not start");
    randombytes_buf(bytes, length);
}

// Time (6 bytes) and randomness (10 bytes); counts the randomness up within a millisecond and never
// goes back in time, so that ids of one process sort by their making.
static void
next_ulid(guint8 bytes[16])
{
    gint64 now = yd_now_ms();
    g_mutex_lock(&ulid_lock);
    if (now > ulid_time) {
        ulid_time = now;
        random_bytes(ulid_random, sizeof ulid_random);
        ulid_random[0] &= 0x7f; // room to count up
    } else {
        for (int i = 9; i >= 0 && ++ulid_random[i] == 0; i--)
            ;
    }
    for (int i = 0; i < 6; i++)
        bytes[i] = (guint8)(ulid_time >> (8 * (5 - i)));
    memcpy(bytes + 6, ulid_random, 10);
    g_mutex_unlock(&ulid_lock);
}

char *
yd_id_new(const char *prefix)
{
    guint8 bytes[16];
    char text[ULID_LENGTH + 1];
    next_ulid(bytes);
    // 128 bits in 26 characters of 5 bits: two leading zero bits.
    for (int i = 0; i < ULID_LENGTH; i++) {
        guint value = 0;
        for (int bit = i * 5 - 2; bit < i * 5 + 3; bit++)
            value = value << 1 | (bit < 0 ? 0 : (bytes[bit / 8] >> (7 - bit % 8)) & 1);
        text[i] = alphabet[value];
    }
    text[ULID_LENGTH] = '\0';
    return g_strconcat(prefix, "-", text, NULL);
}

gboolean
yd_id_valid(const char *text, const char *prefix)
{
    gsize length = strlen(prefix);
    if (!text || !g_str_has_prefix(text, prefix) || text[length] != '-')
        return FALSE;
    text += length + 1;
    return strlen(text) == ULID_LENGTH && strspn(text, alphabet) == ULID_LENGTH && *text <= '7';
}

char *
yd_token_new(gsize n_bytes)
{
    g_autofree guint8 *bytes = g_malloc(n_bytes);
    random_bytes(bytes, n_bytes);
    gsize size = sodium_base64_ENCODED_LEN(n_bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *text = g_malloc(size);
    sodium_bin2base64(text, size, bytes, n_bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(bytes, n_bytes);
    return text;
}

char *
yd_hex(const guint8 *bytes, gsize n)
{
    char *text = g_malloc(2 * n + 1);
    return sodium_bin2hex(text, 2 * n + 1, bytes, n);
}

char *
yd_token_hash(const char *text)
{
    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}

gint64
yd_now_ms(void)
{
    return g_get_real_time() / 1000;
}

char *
yd_time_text(gint64 ms)
{
    gint64 seconds = ms / 1000, rest = ms % 1000;
    if (rest < 0) {
        rest += 1000;
        seconds--;
    }
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(seconds);
    if (!time)
        return g_strdup("");
    g_autofree char *text = g_date_time_format(time, "%Y-%m-%dT%H:%M:%S");
    return g_strdup_printf("%s.%03dZ", text, (int)rest);
}

gboolean
yd_time_parse(const char *text, gint64 *ret_ms)
{
    // Without a default zone GLib refuses times that name none.
    g_autoptr(GDateTime) time =
        strlen(text) <= 40 ? g_date_time_new_from_iso8601(text, NULL) : NULL;
    if (!time)
        return FALSE;
    *ret_ms = g_date_time_to_unix(time) * 1000 + g_date_time_get_microsecond(time) / 1000;
    return TRUE;
}
