// SPDX-License-Identifier: Apache-2.0
// One walk through the log. What a transaction writes and revokes counts when its commit block was
// seen; a revoked block's older copies are forgotten. Numbers are big-endian.
#include "deskread/journal.h"

#include "base/error.h"

#define MAGIC 0xc03b3998
#define HEAD 12
#define BLOCKS_MAX (16 * 1024 * 1024)
#define PENDING_MAX (1024 * 1024) // of one transaction

enum { DESCRIPTOR = 1, COMMIT, HEAD_1, HEAD_2, REVOKE };
enum { WIDE = 2, CSUM_2 = 8, CSUM_3 = 16, FAST_COMMIT = 32 }; // incompatible features
enum { TAG_ESCAPED = 1, TAG_SAME_UUID = 2, TAG_LAST = 8 };

struct tag {
    guint64 target;
    YdJournalCopy copy;
};

struct log {
    YdJournalRead read;
    gpointer data;
    guint32 size, first, end, features; // first and end: blocks of the ring
    guint32 at, sequence;
    guint8 *block;
    GHashTable *map;
    GArray *tags, *revoked; // of the transaction under way
};

static guint32
tag_bytes(const struct log *log)
{
    if (log->features & CSUM_3)
        return 16;
    return (log->features & WIDE ? 12 : 8) + (log->features & CSUM_2 ? 2 : 0);
}

static void
step(struct log *log)
{
    if (++log->at >= log->end)
        log->at = log->first;
}

// Takes the tags of the descriptor in log->block, and steps over the blocks that they are about.
static void
take_descriptor(struct log *log)
{
    guint32 each = tag_bytes(log), tail = log->features & (CSUM_2 | CSUM_3) ? 4 : 0;
    gboolean last = FALSE;
    step(log);
    for (guint32 i = HEAD; !last && i + each <= log->size - tail;) {
        const guint8 *at = log->block + i;
        guint32 flags =
            (guint32)(log->features & CSUM_3 ? yd_bytes_be(at + 4, 4) : yd_bytes_be(at + 6, 2));
        struct tag tag = {yd_bytes_be(at, 4), {log->at, (flags & TAG_ESCAPED) != 0}};
        if (log->features & WIDE)
            tag.target |= yd_bytes_be(at + 8, 4) << 32;
        if (log->tags->len < PENDING_MAX)
            g_array_append_val(log->tags, tag);
        last = (flags & TAG_LAST) != 0;
        i += each + (flags & TAG_SAME_UUID ? 0 : 16);
        step(log);
    }
}

static void
take_revoked(struct log *log)
{
    guint32 each = log->features & WIDE ? 8 : 4;
    guint64 end = MIN(yd_bytes_be(log->block + HEAD, 4), log->size);
    for (guint32 i = HEAD + 4; i + each <= end && log->revoked->len < PENDING_MAX; i += each) {
        guint64 target = yd_bytes_be(log->block + i, each);
        g_array_append_val(log->revoked, target);
    }
    step(log);
}

static void
commit(struct log *log)
{
    for (guint i = 0; i < log->tags->len; i++) {
        const struct tag *tag = &g_array_index(log->tags, struct tag, i);
        g_hash_table_insert(log->map, g_memdup2(&tag->target, sizeof tag->target),
                            g_memdup2(&tag->copy, sizeof tag->copy));
    }
    for (guint i = 0; i < log->revoked->len; i++)
        g_hash_table_remove(log->map, &g_array_index(log->revoked, guint64, i));
    g_array_set_size(log->tags, 0);
    g_array_set_size(log->revoked, 0);
    log->sequence++;
    step(log);
}

// FALSE at the log's end, or with error.
static gboolean
one(struct log *log, GError **error)
{
    if (!log->read(log->data, log->at, log->block, error) || yd_bytes_be(log->block, 4) != MAGIC ||
        yd_bytes_be(log->block + 8, 4) != log->sequence)
        return FALSE;
    switch (yd_bytes_be(log->block + 4, 4)) {
    case DESCRIPTOR:
        take_descriptor(log);
        return TRUE;
    case REVOKE:
        take_revoked(log);
        return TRUE;
    case COMMIT:
        commit(log);
        return TRUE;
    default:
        return FALSE;
    }
}

// FALSE with error when the head is damaged.
static gboolean
read_head(struct log *log, guint32 blocks, GError **error)
{
    const guint8 *head = log->block;
    if (!log->read(log->data, 0, log->block, error))
        return FALSE;
    guint64 type = yd_bytes_be(head + 4, 4);
    guint32 fast = 0;
    log->end = (guint32)yd_bytes_be(head + 16, 4);
    log->first = (guint32)yd_bytes_be(head + 20, 4);
    log->sequence = (guint32)yd_bytes_be(head + 24, 4);
    log->at = (guint32)yd_bytes_be(head + 28, 4);
    if (type == HEAD_2) {
        log->features = (guint32)yd_bytes_be(head + 40, 4);
        fast = (guint32)yd_bytes_be(head + 84, 4);
    }
    if (log->features & FAST_COMMIT) // its blocks are the ring's last; 0: the default number
        log->end -= MIN(log->end, fast ? fast : 256);
    if (yd_bytes_be(head, 4) == MAGIC && (type == HEAD_1 || type == HEAD_2) &&
        yd_bytes_be(head + 12, 4) == log->size && log->end <= MIN(blocks, BLOCKS_MAX) &&
        log->first > 0 && log->first < log->end && log->at < log->end &&
        (log->at == 0 || log->at >= log->first))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID,
                "the file system is damaged: its journal has no sound head");
    return FALSE;
}

GHashTable *
yd_journal_replay(YdJournalRead read, gpointer data, guint32 block_size, guint32 blocks,
                  GError **error)
{
    g_autofree guint8 *block = g_malloc(block_size);
    g_autoptr(GHashTable) map = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    g_autoptr(GArray) tags = g_array_new(FALSE, FALSE, sizeof(struct tag));
    g_autoptr(GArray) revoked = g_array_new(FALSE, FALSE, sizeof(guint64));
    g_autoptr(GError) why = NULL;
    struct log log = {.read = read,
                      .data = data,
                      .size = block_size,
                      .block = block,
                      .map = map,
                      .tags = tags,
                      .revoked = revoked};
    if (!read_head(&log, blocks, error))
        return NULL;
    // Never longer than the ring, whatever its blocks say.
    for (guint32 n = 0; log.at != 0 && n < log.end && one(&log, &why);)
        n++;
    if (why) {
        g_propagate_error(error, g_steal_pointer(&why));
        return NULL;
    }
    return g_steal_pointer(&map);
}
