// SPDX-License-Identifier: Apache-2.0
// An io_manager of libext2fs. Reads go in pieces of 64 KiB that are kept, since the library asks
// for single blocks and each question goes through a socket.
#include "deskread/ext-io.h"

#include <string.h>

#include "base/error.h"
#include "deskread/journal.h"

#define PIECE (64 * 1024)
#define PIECES 128

struct piece {
    gboolean filled;
    guint64 number;
    guint8 *bytes;
};

struct _YdExtIo {
    const YdBlocks *disk;
    YdVolume volume;
    struct piece pieces[PIECES];
    guint32 block_size;
    GHashTable *map; // NULL: no overlay
    GArray *physical;
    GError *error; // of the last read that failed below the library
};

static YdExtIo *opening; // the library's open takes a name only

YdExtIo *
yd_ext_io_new(const YdBlocks *disk, const YdVolume *volume)
{
    YdExtIo *io = g_new0(YdExtIo, 1);
    io->disk = disk;
    io->volume = *volume;
    return io;
}

void
yd_ext_io_free(YdExtIo *io)
{
    if (!io)
        return;
    for (guint i = 0; i < PIECES; i++)
        g_free(io->pieces[i].bytes);
    g_clear_pointer(&io->map, g_hash_table_unref);
    g_clear_pointer(&io->physical, g_array_unref);
    g_clear_error(&io->error);
    g_free(io);
}

void
yd_ext_io_overlay(YdExtIo *io, guint32 block_size, GHashTable *map, GArray *physical)
{
    io->block_size = block_size;
    io->map = map;
    io->physical = physical;
}

// The piece with that number; NULL with io->error.
static const guint8 *
piece_of(YdExtIo *io, guint64 number)
{
    struct piece *piece = &io->pieces[number % PIECES];
    if (piece->filled && piece->number == number)
        return piece->bytes;
    guint64 at = number * PIECE, left = io->volume.bytes - at;
    if (!piece->bytes)
        piece->bytes = g_malloc(PIECE);
    g_clear_error(&io->error);
    piece->filled = yd_blocks_read(io->disk, io->volume.offset + at, piece->bytes,
                                   (gsize)MIN(left, PIECE), &io->error);
    piece->number = number;
    return piece->filled ? piece->bytes : NULL;
}

static gboolean
read_raw(YdExtIo *io, guint64 at, guint8 *into, gsize n)
{
    if (at > io->volume.bytes || n > io->volume.bytes - at)
        return FALSE;
    while (n > 0) {
        const guint8 *piece = piece_of(io, at / PIECE);
        gsize begin = at % PIECE, some = MIN(n, PIECE - begin);
        if (!piece)
            return FALSE;
        memcpy(into, piece + begin, some);
        into += some;
        at += some;
        n -= some;
    }
    return TRUE;
}

// Bytes within one block of the file system.
static gboolean
read_block_part(YdExtIo *io, guint64 block, gsize begin, guint8 *into, gsize n)
{
    const YdJournalCopy *copy = g_hash_table_lookup(io->map, &block);
    if (!copy)
        return read_raw(io, block * io->block_size + begin, into, n);
    if (copy->block >= io->physical->len ||
        !read_raw(io, g_array_index(io->physical, guint64, copy->block) * io->block_size + begin,
                  into, n))
        return FALSE;
    for (gsize i = begin; copy->escaped && i < 4 && i < begin + n; i++)
        into[i - begin] = (guint8)(0xc03b3998u >> (24 - 8 * i));
    return TRUE;
}

static gboolean
read_bytes(YdExtIo *io, guint64 at, guint8 *into, gsize n)
{
    if (!io->map)
        return read_raw(io, at, into, n);
    while (n > 0) {
        gsize begin = at % io->block_size, some = MIN(n, io->block_size - begin);
        if (!read_block_part(io, at / io->block_size, begin, into, some))
            return FALSE;
        into += some;
        at += some;
        n -= some;
    }
    return TRUE;
}

// --- the library's table ---

static errcode_t io_open(const char *name, int flags, io_channel *ret_channel);

static errcode_t
io_close(io_channel channel)
{
    if (--channel->refcount > 0)
        return 0;
    ext2fs_free_mem(&channel->name);
    ext2fs_free_mem(&channel);
    return 0;
}

static errcode_t
io_set_blksize(io_channel channel, int bytes)
{
    channel->block_size = bytes;
    return 0;
}

static errcode_t
io_read_64(io_channel channel, unsigned long long block, int count, void *data)
{
    // A negative count is one of bytes.
    guint64 size = (guint64)channel->block_size;
    guint64 n = count < 0 ? (guint64) - (gint64)count : (guint64)count * size;
    if (block > G_MAXUINT64 / MAX(size, 1) || n > G_MAXINT32)
        return EXT2_ET_SHORT_READ;
    return read_bytes(channel->private_data, block * size, data, (gsize)n) ? 0 : EXT2_ET_SHORT_READ;
}

static errcode_t
io_read(io_channel channel, unsigned long block, int count, void *data)
{
    return io_read_64(channel, block, count, data);
}

static errcode_t
io_write_64(io_channel channel, unsigned long long block, int count, const void *data)
{
    return EXT2_ET_RO_FILSYS;
}

static errcode_t
io_write(io_channel channel, unsigned long block, int count, const void *data)
{
    return EXT2_ET_RO_FILSYS;
}

static errcode_t
io_flush(io_channel channel)
{
    return 0;
}

static struct struct_io_manager manager = {
    .magic = EXT2_ET_MAGIC_IO_MANAGER,
    .name = "Yundesk's reader",
    .open = io_open,
    .close = io_close,
    .set_blksize = io_set_blksize,
    .read_blk = io_read,
    .write_blk = io_write,
    .flush = io_flush,
    .read_blk64 = io_read_64,
    .write_blk64 = io_write_64,
};

static errcode_t
io_open(const char *name, int flags, io_channel *ret_channel)
{
    io_channel channel = NULL;
    errcode_t code = ext2fs_get_memzero(sizeof *channel, &channel);
    if (code)
        return code;
    code = ext2fs_get_memzero(strlen(name) + 1, &channel->name);
    if (code) {
        ext2fs_free_mem(&channel);
        return code;
    }
    strcpy(channel->name, name);
    channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
    channel->manager = &manager;
    channel->block_size = 1024;
    channel->refcount = 1;
    channel->private_data = opening;
    *ret_channel = channel;
    return 0;
}

ext2_filsys
yd_ext_io_open(YdExtIo *io, GError **error)
{
    ext2_filsys fs = NULL;
    opening = io;
    errcode_t code = ext2fs_open("disk", EXT2_FLAG_64BITS, 0, 0, &manager, &fs);
    opening = NULL;
    if (code == 0)
        return fs;
    yd_ext_io_fail(io, code, "the file system is damaged: it cannot be opened", error);
    return NULL;
}

gboolean
yd_ext_io_fail(YdExtIo *io, errcode_t code, const char *what, GError **error)
{
    if (io->error && !g_error_matches(io->error, YD_ERROR, YD_ERROR_INVALID)) {
        g_propagate_error(error, g_steal_pointer(&io->error));
        return FALSE;
    }
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "%s (%s)", what, error_message(code));
    return FALSE;
}
