// SPDX-License-Identifier: Apache-2.0
// Walks by names with libext2fs, whose answers about a hostile file system may be anything: every
// count has a limit here, and the process that runs this has no rights (confine.h).
#include "deskread/ext-files.h"

#include <string.h>

#include "base/error.h"
#include "base/json-util.h"
#include "deskread/ext-io.h"
#include "deskread/journal.h"
#include "base/name-text.h"

#define PIECE (256 * 1024)
#define DOTS(name, n) ((n) == 1 ? (name)[0] == '.' : (n) == 2 && memcmp(name, "..", 2) == 0)

struct _YdExt {
    YdExtIo *io;
    ext2_filsys fs;
};

struct entry {
    char *name;
    guint length;
    ext2_ino_t inode;
    gboolean directory; // as the entry says; only for the order
};

// --- the journal ---

struct journal {
    YdExt *ext;
    GArray *physical;
};

static gboolean
read_journal(gpointer data, guint32 block, void *buffer, GError **error)
{
    struct journal *journal = data;
    errcode_t code =
        block < journal->physical->len
            ? io_channel_read_blk64(journal->ext->fs->io,
                                    g_array_index(journal->physical, guint64, block), 1, buffer)
            : EXT2_ET_BAD_BLOCK_NUM;
    return code == 0 ||
           yd_ext_io_fail(journal->ext->io, code,
                          "the file system is damaged: the journal cannot be read", error);
}

// Where each block of the journal's file lies; NULL with error.
static GArray *
map_journal(YdExt *ext, GError **error)
{
    struct ext2_inode inode;
    ext2_ino_t number = ext->fs->super->s_journal_inum;
    errcode_t code = ext2fs_read_inode(ext->fs, number, &inode);
    guint64 blocks = code ? 0 : EXT2_I_SIZE(&inode) / ext->fs->blocksize;
    if (!code && (blocks == 0 || blocks > ext2fs_blocks_count(ext->fs->super)))
        code = EXT2_ET_NO_JOURNAL;
    if (code) {
        yd_ext_io_fail(ext->io, code, "the file system is damaged: the journal is not found",
                       error);
        return NULL;
    }
    g_autoptr(GArray) physical = g_array_new(FALSE, FALSE, sizeof(guint64));
    for (guint64 i = 0; i < blocks; i++) {
        blk64_t at = 0;
        code = ext2fs_bmap2(ext->fs, number, &inode, NULL, 0, i, NULL, &at);
        if (code || at == 0) {
            yd_ext_io_fail(ext->io, code ? code : EXT2_ET_BAD_BLOCK_NUM,
                           "the file system is damaged: the journal cannot be read", error);
            return NULL;
        }
        guint64 place = at;
        g_array_append_val(physical, place);
    }
    return g_steal_pointer(&physical);
}

static gboolean
replay(YdExt *ext, GError **error)
{
    if (!ext2fs_has_feature_journal_needs_recovery(ext->fs->super))
        return TRUE;
    if (ext->fs->super->s_journal_inum == 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_INVALID,
                    "the file system was not at rest and has its journal on another disk; restore "
                    "the whole point instead");
        return FALSE;
    }
    g_autoptr(GArray) physical = map_journal(ext, error);
    struct journal journal = {ext, physical};
    guint32 size = ext->fs->blocksize;
    GHashTable *map =
        physical ? yd_journal_replay(read_journal, &journal, size, physical->len, error) : NULL;
    if (!map)
        return FALSE;
    ext2fs_free(ext->fs);
    yd_ext_io_overlay(ext->io, size, map, g_steal_pointer(&physical));
    ext->fs = yd_ext_io_open(ext->io, error);
    return ext->fs != NULL;
}

YdExt *
yd_ext_new(const YdBlocks *disk, GError **error)
{
    YdVolume volume;
    if (!yd_volume_find(disk, &volume, error))
        return NULL;
    initialize_ext2_error_table();
    g_autoptr(YdExt) ext = g_new0(YdExt, 1);
    ext->io = yd_ext_io_new(disk, &volume);
    ext->fs = yd_ext_io_open(ext->io, error);
    if (!ext->fs || !replay(ext, error))
        return NULL;
    return g_steal_pointer(&ext);
}

void
yd_ext_free(YdExt *ext)
{
    if (!ext)
        return;
    if (ext->fs)
        ext2fs_free(ext->fs);
    yd_ext_io_free(ext->io);
    g_free(ext);
}

// --- names ---

struct want {
    const char *name;
    gsize length;
    ext2_ino_t found; // 0: not yet
};

static int
on_lookup(ext2_ino_t dir, int entry, struct ext2_dir_entry *dirent, int offset, int blocksize,
          char *buf, void *data)
{
    struct want *want = data;
    if (entry < DIRENT_OTHER_FILE || (gsize)ext2fs_dirent_name_len(dirent) != want->length ||
        memcmp(dirent->name, want->name, want->length) != 0)
        return 0;
    want->found = dirent->inode;
    return DIRENT_ABORT;
}

static gboolean
read_inode(YdExt *ext, ext2_ino_t number, struct ext2_inode *ret_inode, GError **error)
{
    errcode_t code = number ? ext2fs_read_inode(ext->fs, number, ret_inode) : EXT2_ET_BAD_INODE_NUM;
    if (code)
        return yd_ext_io_fail(ext->io, code,
                              "the file system is damaged: a file cannot be looked at", error);
    if (ret_inode->i_flags & EXT4_ENCRYPT_FL) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the guest encrypted it (fscrypt), so only the guest can read it; restore the "
                    "whole point instead");
        return FALSE;
    }
    return TRUE;
}

static gboolean
no_directory(const char *path, GError **error)
{
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "'%s' is or leads through something that is no "
                "directory; links are not followed",
                path);
    return FALSE;
}

// The inode at path.
static gboolean
walk(YdExt *ext, const char *path, ext2_ino_t *ret_number, struct ext2_inode *ret_inode,
     GError **error)
{
    g_autoptr(GPtrArray) names = yd_path_names(path, error);
    ext2_ino_t number = EXT2_ROOT_INO;
    if (!names || !read_inode(ext, number, ret_inode, error))
        return FALSE;
    for (guint i = 0; i < names->len; i++) {
        struct want want = {0};
        want.name = g_bytes_get_data(names->pdata[i], &want.length);
        if (!LINUX_S_ISDIR(ret_inode->i_mode))
            return no_directory(path, error);
        errcode_t code = ext2fs_dir_iterate2(ext->fs, number, 0, NULL, on_lookup, &want);
        if (code && !want.found)
            return yd_ext_io_fail(ext->io, code,
                                  "the file system is damaged: a directory cannot be read", error);
        if (!want.found) {
            g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND,
                        "there is no '%s' in the restore point", path);
            return FALSE;
        }
        number = want.found;
        if (!read_inode(ext, number, ret_inode, error))
            return FALSE;
    }
    *ret_number = number;
    return TRUE;
}

// --- directories ---

static void
entry_free(gpointer data)
{
    struct entry *entry = data;
    g_free(entry->name);
    g_free(entry);
}

static int
on_entry(ext2_ino_t dir, int kind, struct ext2_dir_entry *dirent, int offset, int blocksize,
         char *buf, void *data)
{
    GPtrArray *entries = data;
    guint length = (guint)ext2fs_dirent_name_len(dirent);
    if (kind < DIRENT_OTHER_FILE || length == 0 || DOTS(dirent->name, length))
        return 0;
    struct entry *entry = g_new0(struct entry, 1);
    entry->name = g_strndup(dirent->name, length);
    memcpy(entry->name, dirent->name, length); // NULs too
    entry->length = length;
    entry->inode = dirent->inode;
    entry->directory = ext2fs_dirent_file_type(dirent) == EXT2_FT_DIR;
    g_ptr_array_add(entries, entry);
    return entries->len > YD_EXT_ENTRIES_MAX ? DIRENT_ABORT : 0;
}

static int
by_name(gconstpointer a, gconstpointer b)
{
    const struct entry *one = *(struct entry *const *)a, *two = *(struct entry *const *)b;
    if (one->directory != two->directory)
        return one->directory ? -1 : 1;
    int order = memcmp(one->name, two->name, MIN(one->length, two->length));
    return order ? order : (int)one->length - (int)two->length;
}

static const char *
kind_of(guint mode)
{
    if (LINUX_S_ISREG(mode))
        return "file";
    if (LINUX_S_ISDIR(mode))
        return "directory";
    return LINUX_S_ISLNK(mode) ? "link" : "other";
}

static json_t *
entry_json(YdExt *ext, const struct entry *entry)
{
    struct ext2_inode inode = {0};
    g_autofree char *name = yd_name_text(entry->name, entry->length);
    gboolean good = entry->inode && ext2fs_read_inode(ext->fs, entry->inode, &inode) == 0;
    gboolean sized = good && (LINUX_S_ISREG(inode.i_mode) || LINUX_S_ISLNK(inode.i_mode));
    guint64 bytes = sized ? EXT2_I_SIZE(&inode) : 0;
    return json_pack("{s:s, s:s, s:I, s:I}", "name", name, "kind",
                     good ? kind_of(inode.i_mode) : "other", "bytes",
                     (json_int_t)MIN(bytes, G_MAXINT64), "modified",
                     (json_int_t)(gint32)inode.i_mtime * 1000);
}

json_t *
yd_ext_list(YdExt *ext, const char *path, guint64 cursor, guint limit, GError **error)
{
    ext2_ino_t number;
    struct ext2_inode inode;
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(entry_free);
    if (!walk(ext, path, &number, &inode, error))
        return NULL;
    if (!LINUX_S_ISDIR(inode.i_mode)) {
        no_directory(path, error);
        return NULL;
    }
    errcode_t code = ext2fs_dir_iterate2(ext->fs, number, 0, NULL, on_entry, entries);
    if (code) {
        yd_ext_io_fail(ext->io, code, "the file system is damaged: the directory cannot be read",
                       error);
        return NULL;
    }
    if (entries->len > YD_EXT_ENTRIES_MAX) {
        g_set_error(error, YD_ERROR, YD_ERROR_TOO_LARGE,
                    "the directory has more than %d entries; restore the whole point instead",
                    YD_EXT_ENTRIES_MAX);
        return NULL;
    }
    g_ptr_array_sort(entries, by_name);
    json_t *items = json_array();
    guint64 end = MIN((guint64)entries->len, cursor + MIN(limit, G_MAXUINT64 - cursor));
    for (guint64 i = cursor; i < end; i++)
        json_array_append_new(items, entry_json(ext, entries->pdata[i]));
    return json_pack("{s:o, s:o}", "items", items, "next",
                     end < entries->len ? json_integer((json_int_t)end) : json_null());
}

// --- files ---

static gboolean
copy(YdExt *ext, ext2_file_t file, guint64 bytes, YdExtSink sink, gpointer data, GError **error)
{
    g_autofree guint8 *piece = g_malloc(PIECE);
    for (guint64 done = 0; done < bytes;) {
        unsigned int got = 0;
        errcode_t code = ext2fs_file_read(file, piece, (unsigned)MIN(PIECE, bytes - done), &got);
        if (code || got == 0)
            return yd_ext_io_fail(ext->io, code ? code : EXT2_ET_SHORT_READ,
                                  "the file system is damaged: the file cannot be read", error);
        if (!sink(data, piece, got, error))
            return FALSE;
        done += got;
    }
    return TRUE;
}

gboolean
yd_ext_read(YdExt *ext, const char *path, guint64 most, YdExtSink sink, gpointer data,
            YdExtFile *ret_file, GError **error)
{
    ext2_ino_t number;
    struct ext2_inode inode;
    ext2_file_t file = NULL;
    if (!walk(ext, path, &number, &inode, error))
        return FALSE;
    if (!LINUX_S_ISREG(inode.i_mode)) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "'%s' is no regular file; directories, links and devices are not given back",
                    path);
        return FALSE;
    }
    guint64 bytes = EXT2_I_SIZE(&inode);
    if (bytes > most) {
        g_set_error(error, YD_ERROR, YD_ERROR_TOO_LARGE,
                    "'%s' has %" G_GUINT64_FORMAT " MiB, and at most %" G_GUINT64_FORMAT
                    " MiB are given; restore the whole point instead",
                    path, (bytes + 1048575) / 1048576, most / 1048576);
        return FALSE;
    }
    errcode_t code = ext2fs_file_open2(ext->fs, number, &inode, 0, &file);
    if (code)
        return yd_ext_io_fail(ext->io, code,
                              "the file system is damaged: the file cannot be opened", error);
    gboolean good = copy(ext, file, bytes, sink, data, error);
    ext2fs_file_close(file);
    if (good)
        *ret_file = (YdExtFile){bytes, inode.i_mode & 0777, (gint64)(gint32)inode.i_mtime * 1000};
    return good;
}
