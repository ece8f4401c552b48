// SPDX-License-Identifier: Apache-2.0
// Reads the stream byte by byte as QEMU 7.2 writes it, and writes it anew without one block's
// pages.
#include "storage/ram-stream.h"

#include <errno.h>
#include <string.h>

#define PAGE 4096
#define MAX_BLOCKS 64
#define MAX_BLOCK_BYTES (G_GUINT64_CONSTANT(1) << 42)
#define MAX_PARTS (1 << 22)
#define RAM_VERSION 4
#define COPY (64 * 1024)

enum { // migration/savevm.h
    SECTION_EOF = 0x00,
    SECTION_START = 0x01,
    SECTION_PART = 0x02,
    SECTION_END = 0x03,
    SECTION_FULL = 0x04,
    SECTION_CONFIGURATION = 0x07,
    SECTION_FOOTER = 0x7e,
};

enum { // migration/ram.c
    RAM_ZERO = 0x02,
    RAM_MEM_SIZE = 0x04,
    RAM_PAGE = 0x08,
    RAM_EOS = 0x10,
    RAM_CONTINUE = 0x20,
};

struct block {
    char name[256];
    guint64 bytes;
};

struct strip {
    FILE *in, *out;
    guint64 at, written; // bytes read and written so far
    const char *target;
    guint64 target_bytes;
    struct block blocks[MAX_BLOCKS];
    guint n_blocks;
    const struct block *read_last, *wrote_last; // what CONTINUE means on either side
    guint64 taken;
    guint32 section;
    GError **error;
};

static gboolean G_GNUC_PRINTF(2, 3) refuse(struct strip *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(s->error, YD_ERROR, YD_ERROR_INVALID,
                "the saved machine cannot be used, at byte %" G_GUINT64_FORMAT " of its stream: %s",
                s->at, what);
    return FALSE;
}

static gboolean
write_failed(GError **error)
{
    g_set_error(error, YD_ERROR, errno == ENOSPC ? YD_ERROR_NO_SPACE : YD_ERROR_INTERNAL,
                "cannot write the RAM image: %s", g_strerror(errno));
    return FALSE;
}

static gboolean
take(struct strip *s, void *bytes, gsize length)
{
    if (fread(bytes, 1, length, s->in) != length)
        return refuse(s, "it is cut off");
    s->at += length;
    return TRUE;
}

static gboolean
put(struct strip *s, const void *bytes, gsize length)
{
    if (fwrite(bytes, 1, length, s->out) != length)
        return write_failed(s->error);
    s->written += length;
    return TRUE;
}

static gboolean
pass(struct strip *s, void *bytes, gsize length)
{
    return take(s, bytes, length) && put(s, bytes, length);
}

static guint32
be32(const guint8 *bytes)
{
    guint32 value;
    memcpy(&value, bytes, sizeof value);
    return GUINT32_FROM_BE(value);
}

static guint64
be64(const guint8 *bytes)
{
    guint64 value;
    memcpy(&value, bytes, sizeof value);
    return GUINT64_FROM_BE(value);
}

// A name with its length before it; kept as text, so it must be some.
static gboolean
take_name(struct strip *s, char name[256])
{
    guint8 length;
    if (!take(s, &length, 1) || !take(s, name, length))
        return FALSE;
    name[length] = '\0';
    return strlen(name) == length && length > 0 ? TRUE : refuse(s, "a name is no text");
}

static gboolean
put_name(struct strip *s, const char *name)
{
    guint8 length = (guint8)strlen(name);
    return put(s, &length, 1) && put(s, name, length);
}

static const struct block *
find_block(const struct strip *s, const char *name)
{
    for (guint i = 0; i < s->n_blocks; i++)
        if (strcmp(s->blocks[i].name, name) == 0)
            return &s->blocks[i];
    return NULL;
}

// --- the RAM section ---

static gboolean
pass_blocks(struct strip *s, guint64 total)
{
    guint8 size[8];
    if (s->n_blocks > 0)
        return refuse(s, "its blocks are listed twice");
    if (total == 0)
        return refuse(s, "it has no memory");
    while (total > 0) {
        struct block *block = &s->blocks[s->n_blocks];
        if (s->n_blocks == MAX_BLOCKS)
            return refuse(s, "more than %d blocks", MAX_BLOCKS);
        if (!take_name(s, block->name) || !put_name(s, block->name) || !pass(s, size, 8))
            return FALSE;
        block->bytes = be64(size);
        if (block->bytes == 0 || block->bytes > total || block->bytes > MAX_BLOCK_BYTES)
            return refuse(s, "block \"%s\" has an odd size", block->name);
        if (find_block(s, block->name))
            return refuse(s, "block \"%s\" is there twice", block->name);
        total -= block->bytes;
        s->n_blocks++;
    }
    const struct block *target = find_block(s, s->target);
    if (!target)
        return refuse(s, "it has no block \"%s\"", s->target);
    if (target->bytes != s->target_bytes)
        return refuse(s, "block \"%s\" has %" G_GUINT64_FORMAT " bytes, not %" G_GUINT64_FORMAT,
                      s->target, target->bytes, s->target_bytes);
    return TRUE;
}

static gboolean
put_page_head(struct strip *s, guint64 address, guint flags, const struct block *block)
{
    gboolean same = block == s->wrote_last;
    guint64 head = GUINT64_TO_BE(address | flags | (same ? RAM_CONTINUE : 0));
    s->wrote_last = block;
    return put(s, &head, sizeof head) && (same || put_name(s, block->name));
}

// One page, or one byte that fills it.
static gboolean
pass_page(struct strip *s, guint64 address, guint flags)
{
    guint8 page[PAGE];
    char name[256];
    gboolean zero = flags & RAM_ZERO;
    if (!(flags & RAM_CONTINUE)) {
        if (!take_name(s, name))
            return FALSE;
        s->read_last = find_block(s, name);
    }
    if (!s->read_last)
        return refuse(s, "a page of no block that is known");
    if (address >= s->read_last->bytes)
        return refuse(s, "a page beyond the end of \"%s\"", s->read_last->name);
    gsize length = zero ? 1 : PAGE;
    if (!take(s, page, length))
        return FALSE;
    if (zero && page[0] != 0)
        return refuse(s, "a page filled with %u", page[0]);
    if (strcmp(s->read_last->name, s->target) == 0) {
        s->taken++;
        return TRUE;
    }
    return put_page_head(s, address, zero ? RAM_ZERO : RAM_PAGE, s->read_last) &&
           put(s, page, length);
}

static gboolean
pass_ram(struct strip *s)
{
    for (;;) {
        guint8 bytes[8];
        if (!take(s, bytes, 8))
            return FALSE;
        guint64 head = be64(bytes), address = head & ~(guint64)(PAGE - 1);
        guint flags = (guint)(head & (PAGE - 1)), kind = flags & ~(guint)RAM_CONTINUE;
        if (flags == RAM_EOS)
            return address == 0 ? put(s, bytes, 8) : refuse(s, "an end with an address");
        if (flags == RAM_MEM_SIZE) {
            if (!put(s, bytes, 8) || !pass_blocks(s, address))
                return FALSE;
        } else if (kind == RAM_ZERO || kind == RAM_PAGE) {
            if (!pass_page(s, address, flags))
                return FALSE;
        } else {
            return refuse(s, "unknown flags %#x of a page", flags);
        }
    }
}

// --- the sections around it ---

static gboolean
pass_footer(struct strip *s)
{
    guint8 bytes[5];
    if (!pass(s, bytes, 5))
        return FALSE;
    return bytes[0] == SECTION_FOOTER && be32(bytes + 1) == s->section
               ? TRUE
               : refuse(s, "a section without its end");
}

static gboolean
pass_start(struct strip *s)
{
    guint8 bytes[8];
    char name[256];
    if (!pass(s, bytes, 4))
        return FALSE;
    s->section = be32(bytes);
    if (!take_name(s, name) || !put_name(s, name) || !pass(s, bytes, 8))
        return FALSE;
    if (strcmp(name, "ram") != 0)
        return refuse(s, "an unknown section \"%s\"", name);
    if (be32(bytes) != 0 || be32(bytes + 4) != RAM_VERSION)
        return refuse(s, "memory in version %u, not %d", be32(bytes + 4), RAM_VERSION);
    return pass_ram(s) && pass_footer(s);
}

static gboolean
pass_more(struct strip *s)
{
    guint8 bytes[4];
    if (!pass(s, bytes, 4))
        return FALSE;
    if (be32(bytes) != s->section)
        return refuse(s, "a section that was not begun");
    return pass_ram(s) && pass_footer(s);
}

// Magic, format 3, and the machine type.
static gboolean
pass_begin(struct strip *s, char **ret_machine)
{
    static const guint8 magic[] = {'Q', 'E', 'V', 'M', 0, 0, 0, 3, SECTION_CONFIGURATION};
    guint8 bytes[sizeof magic];
    if (!pass(s, bytes, sizeof bytes))
        return FALSE;
    if (memcmp(bytes, magic, sizeof magic) != 0)
        return refuse(s, "it is no stream of format 3 with a configuration");
    if (!pass(s, bytes, 4))
        return FALSE;
    guint32 length = be32(bytes);
    if (length == 0 || length > 255)
        return refuse(s, "a machine type of %u bytes", length);
    g_autofree char *machine = g_malloc0(length + 1);
    if (!pass(s, machine, length))
        return FALSE;
    if (strlen(machine) != length)
        return refuse(s, "a machine type that is no text");
    *ret_machine = g_steal_pointer(&machine);
    return TRUE;
}

// All up to the first section of a device; its kind has been written.
static gboolean
pass_memory(struct strip *s)
{
    gboolean begun = FALSE, ended = FALSE;
    for (guint i = 0; i < MAX_PARTS; i++) {
        guint8 kind;
        if (!pass(s, &kind, 1))
            return FALSE;
        if (kind == SECTION_FULL && ended)
            return TRUE;
        if (kind == SECTION_START && !begun) {
            begun = TRUE;
            if (!pass_start(s))
                return FALSE;
        } else if ((kind == SECTION_PART || kind == SECTION_END) && begun && !ended) {
            ended = kind == SECTION_END;
            if (!pass_more(s))
                return FALSE;
        } else {
            return refuse(s, "a section of kind %#x where none may be", kind);
        }
        if (s->n_blocks == 0)
            return refuse(s, "memory without a list of its blocks");
    }
    return refuse(s, "too many sections");
}

static gboolean
pass_devices(struct strip *s)
{
    g_autofree guint8 *buffer = g_malloc(COPY);
    guint64 begin = s->at;
    for (;;) {
        gsize n = fread(buffer, 1, COPY, s->in);
        s->at += n;
        if (s->at - begin > YD_RAM_MAX_DEVICES)
            return refuse(s, "more than %d MiB of devices", YD_RAM_MAX_DEVICES >> 20);
        if (!put(s, buffer, n))
            return FALSE;
        if (n < COPY)
            break;
    }
    if (ferror(s->in))
        return refuse(s, "it cannot be read");
    return s->at > begin ? TRUE : refuse(s, "it is cut off");
}

gboolean
yd_ram_stream_strip(FILE *in, FILE *out, const char *block, guint64 bytes, YdRamStream *ret_stream,
                    GError **error)
{
    g_autofree char *machine = NULL;
    g_autofree struct strip *s = g_new0(struct strip, 1);
    *s = (struct strip){
        .in = in, .out = out, .target = block, .target_bytes = bytes, .error = error};
    if (!pass_begin(s, &machine) || !pass_memory(s) || !pass_devices(s))
        return FALSE;
    if (fflush(out) != 0)
        return write_failed(error);
    ret_stream->machine = g_steal_pointer(&machine);
    ret_stream->pages_taken = s->taken;
    ret_stream->bytes_out = s->written;
    return TRUE;
}

void
yd_ram_stream_clear(YdRamStream *stream)
{
    g_clear_pointer(&stream->machine, g_free);
}
