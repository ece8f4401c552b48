// SPDX-License-Identifier: Apache-2.0
// RAM images in this process. The description (NAME.json) is written last and removed first: an
// image is there when that is.
#include "storage/local-private.h"
#include "storage/ram-image.h"
#include "storage/ram-stream.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json-util.h"

#define MIN_BYTES (G_GINT64_CONSTANT(1) << 20)
#define MAX_BYTES (G_GINT64_CONSTANT(1) << 42)
#define MAX_DESCRIPTION (4 * 1024 * 1024)
#define PAGE_MASK 4095

typedef FILE YdFile;
static void
file_close(YdFile *file)
{
    if (file)
        fclose(file);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdFile, file_close)

static char *
ram_path(YdStorage *storage, const char *name, const char *suffix)
{
    return g_strdup_printf("%s/ram/%s.%s", ((LocalStorage *)storage)->directory, name, suffix);
}

static const char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static gboolean
gone(const char *path, const char *name, GError **error)
{
    return unlink(path) == 0 || errno == ENOENT ||
           yd_local_fail(error, errno, "cannot remove", name);
}

// --- begin ---

// The folder is root's; its group is QEMU's and becomes that of the files. Without root: ours.
static gboolean
give_to_qemu(int fd, const char *directory, const char *name, GError **error)
{
    struct stat st;
    if (stat(directory, &st) != 0)
        return yd_local_fail(error, errno, "cannot look at", directory);
    if (geteuid() == 0 && fchown(fd, 0, st.st_gid) != 0)
        return yd_local_fail(error, errno, "cannot own", name);
    return fchmod(fd, 0660) == 0 || yd_local_fail(error, errno, "cannot open up", name);
}

static gboolean
make_pages(YdStorage *storage, const char *name, gint64 bytes, GError **error)
{
    g_autofree char *path = ram_path(storage, name, "ram");
    g_autofree char *directory = g_path_get_dirname(path);
    if (g_mkdir(directory, 0711) != 0 && errno != EEXIST)
        return yd_local_fail(error, errno, "cannot make", directory);
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return yd_local_fail(error, errno, "cannot make the RAM image", name);
    gboolean good =
        ftruncate(fd, bytes) == 0 || yd_local_fail(error, errno, "cannot make the RAM image", name);
    good = good && give_to_qemu(fd, directory, name, error);
    close(fd);
    return good;
}

static json_t *
ram_begin(YdStorage *storage, const json_t *arguments, GError **error)
{
    const char *name = text_of(arguments, "name");
    gint64 bytes = 0;
    g_autofree char *image = g_strdup_printf("%s.qcow2", name);
    g_autofree char *description = ram_path(storage, name, "json");
    if (!yd_json_int(arguments, "bytes", MIN_BYTES, MAX_BYTES, &bytes, error))
        return NULL;
    if (bytes & PAGE_MASK) {
        yd_error_invalid(error, "bytes", "must be whole pages");
        return NULL;
    }
    if (access(description, F_OK) == 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_EXISTS, "the RAM image '%s' is made already", name);
        return NULL;
    }
    return yd_storage_derive(storage, text_of(arguments, "base"), image, 0, error) &&
                   make_pages(storage, name, bytes, error)
               ? json_object()
               : NULL;
}

// --- seal ---

// What only the kernel sets, so that a later write shows.
static json_t *
mark_of(const struct stat *st)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "inode", (json_int_t)st->st_ino, "size",
                     (json_int_t)st->st_size, "mtime", (json_int_t)st->st_mtim.tv_sec, "mtime_ns",
                     (json_int_t)st->st_mtim.tv_nsec, "ctime", (json_int_t)st->st_ctim.tv_sec,
                     "ctime_ns", (json_int_t)st->st_ctim.tv_nsec);
}

static gboolean
stat_pages(YdStorage *storage, const char *name, struct stat *st, GError **error)
{
    g_autofree char *path = ram_path(storage, name, "ram");
    return lstat(path, st) == 0 ||
           yd_local_fail(error, errno, "cannot look at the RAM image", name);
}

static gboolean
strip(YdStorage *storage, const char *name, gint64 bytes, json_t *description, GError **error)
{
    g_autofree char *save = ram_path(storage, name, "save");
    g_autofree char *part = ram_path(storage, name, "stream.part");
    g_autofree char *stream = ram_path(storage, name, "stream");
    g_auto(YdSaveHead) head = {0};
    g_auto(YdRamStream) found = {0};
    g_autoptr(YdFile) in = fopen(save, "re");
    if (!in)
        return yd_local_fail(error, errno, "cannot read the saved machine of", name);
    unlink(part);
    g_autoptr(YdFile) out = fopen(part, "wxe");
    if (!out || fchmod(fileno(out), 0600) != 0)
        return yd_local_fail(error, errno, "cannot write the RAM image", name);
    if (!yd_save_head_read(in, &head, error) ||
        !yd_ram_stream_strip(in, out, YD_RAM_BLOCK, (guint64)bytes, &found, error))
        return FALSE;
    if (fsync(fileno(out)) != 0 || rename(part, stream) != 0)
        return yd_local_fail(error, errno, "cannot keep the RAM image", name);
    json_object_set_new(description, "xml", json_string(head.xml));
    json_object_set_new(description, "cookie",
                        head.cookie ? json_string(head.cookie) : json_null());
    json_object_set_new(description, "machine", json_string(found.machine));
    json_object_set_new(description, "stream_bytes", json_integer((json_int_t)found.bytes_out));
    return TRUE;
}

static gboolean
seal_disk(YdStorage *storage, const char *image, GError **error)
{
    g_autofree char *path = yd_local_path(storage, image);
    if (yd_local_has_writer(storage, image)) {
        g_set_error(error, YD_ERROR, YD_ERROR_IN_USE, "image '%s' is in use by a machine", image);
        return FALSE;
    }
    if (geteuid() == 0 && lchown(path, 0, 0) != 0) // libvirt may have left it QEMU's own
        return yd_local_fail(error, errno, "cannot own", image);
    if (chmod(path, 0444) != 0)
        return yd_local_fail(error, errno, "cannot seal", image);
    return yd_local_sync(path, O_NOFOLLOW, image, error);
}

static gboolean
write_description(YdStorage *storage, const char *name, const json_t *description, GError **error)
{
    g_autofree char *path = ram_path(storage, name, "json");
    g_autofree char *save = ram_path(storage, name, "save");
    g_autofree char *text = yd_json_text(description);
    g_autoptr(GError) why = NULL;
    if (!g_file_set_contents_full(path, text, -1,
                                  G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                  0600, &why)) {
        g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "cannot describe the RAM image '%s': %s",
                    name, why->message);
        return FALSE;
    }
    unlink(save);
    return TRUE;
}

static json_t *
ram_seal(YdStorage *storage, const json_t *arguments, GError **error)
{
    const char *name = text_of(arguments, "name");
    g_autofree char *image = g_strdup_printf("%s.qcow2", name);
    g_autofree char *path = ram_path(storage, name, "json");
    g_autofree char *pages = ram_path(storage, name, "ram");
    struct stat st;
    if (access(path, F_OK) == 0)
        return json_object();
    g_autoptr(json_t) description = json_object();
    json_object_set(description, "facts", json_object_get(arguments, "facts"));
    if (!stat_pages(storage, name, &st, error) ||
        !strip(storage, name, st.st_size, description, error) ||
        !seal_disk(storage, image, error) || !yd_local_sync(pages, O_NOFOLLOW, name, error) ||
        !stat_pages(storage, name, &st, error))
        return NULL;
    json_object_set_new(description, "bytes", json_integer((json_int_t)st.st_size));
    json_object_set_new(description, "mark", mark_of(&st));
    return write_description(storage, name, description, error) ? json_object() : NULL;
}

// --- look, clone ---

static json_t *
read_description(YdStorage *storage, const char *name, GError **error)
{
    g_autofree char *path = ram_path(storage, name, "json");
    g_autofree char *text = NULL;
    gsize length = 0;
    g_autoptr(GError) why = NULL;
    if (!g_file_get_contents(path, &text, &length, &why)) {
        gboolean none = g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT);
        g_set_error(error, YD_ERROR, none ? YD_ERROR_NOT_FOUND : YD_ERROR_INTERNAL,
                    "there is no RAM image '%s'", name);
        return NULL;
    }
    if (length > MAX_DESCRIPTION) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "the RAM image '%s' is damaged; make it again",
                    name);
        return NULL;
    }
    return yd_json_parse_object(text, error);
}

static json_t *
ram_look(YdStorage *storage, const json_t *arguments, GError **error)
{
    const char *name = text_of(arguments, "name");
    g_autofree char *stream = ram_path(storage, name, "stream");
    struct stat st, stream_st;
    g_autoptr(json_t) description = read_description(storage, name, error);
    if (!description || !stat_pages(storage, name, &st, error))
        return NULL;
    g_autoptr(json_t) mark = mark_of(&st);
    json_int_t bytes = json_integer_value(json_object_get(description, "stream_bytes"));
    if (!json_equal(mark, json_object_get(description, "mark")) || lstat(stream, &stream_st) != 0 ||
        stream_st.st_size != bytes) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the RAM image '%s' is not as it was made: somebody wrote to it, or it was "
                    "copied; make it again",
                    name);
        return NULL;
    }
    return g_steal_pointer(&description);
}

static gboolean
append_stream(FILE *out, const char *stream, const char *name, GError **error)
{
    char buffer[64 * 1024];
    g_autoptr(YdFile) in = fopen(stream, "re");
    if (!in)
        return yd_local_fail(error, errno, "cannot read the RAM image", name);
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, in)) > 0;)
        if (fwrite(buffer, 1, n, out) != n)
            return yd_local_fail(error, errno, "cannot write a clone of", name);
    if (ferror(in) || fflush(out) != 0)
        return yd_local_fail(error, errno, "cannot write a clone of", name);
    return TRUE;
}

static char *
clone_path(YdStorage *storage, const char *image)
{
    g_autofree char *stem = g_strndup(image, strlen(image) - strlen(".qcow2"));
    return ram_path(storage, stem, "save");
}

static json_t *
ram_clone(YdStorage *storage, const json_t *arguments, GError **error)
{
    const char *name = text_of(arguments, "name"), *image = text_of(arguments, "image");
    g_autoptr(json_t) description = ram_look(storage, arguments, error);
    if (!description || !yd_image_name_check(image, error))
        return NULL;
    g_autofree char *path = clone_path(storage, image);
    g_autofree char *stream = ram_path(storage, name, "stream");
    unlink(path);
    g_autoptr(YdFile) out = fopen(path, "wxe");
    if (!out || fchmod(fileno(out), 0600) != 0) {
        yd_local_fail(error, errno, "cannot write a clone of", name);
        return NULL;
    }
    const char *cookie = json_string_value(json_object_get(description, "cookie"));
    if (yd_save_head_write(out, text_of(arguments, "xml"), cookie, error) &&
        append_stream(out, stream, name, error))
        return json_pack("{s:s}", "path", path);
    unlink(path);
    return NULL;
}

static json_t *
ram_drop(YdStorage *storage, const json_t *arguments, GError **error)
{
    const char *image = text_of(arguments, "image");
    if (!yd_image_name_check(image, error))
        return NULL;
    g_autofree char *path = clone_path(storage, image);
    return gone(path, image, error) ? json_object() : NULL;
}

// --- delete ---

static json_t *
ram_delete(YdStorage *storage, const json_t *arguments, GError **error)
{
    static const char *const suffixes[] = {"json", "stream", "stream.part", "save"};
    const char *name = text_of(arguments, "name");
    g_autofree char *image = g_strdup_printf("%s.qcow2", name);
    g_autofree char *pages = ram_path(storage, name, "ram");
    g_autoptr(GError) why = NULL;
    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *path = ram_path(storage, name, suffixes[i]);
        if (!gone(path, name, error))
            return NULL;
    }
    // A clone that libvirt has saved wants its pages again.
    if (yd_storage_delete(storage, image, &why))
        return gone(pages, name, error) ? json_object() : NULL;
    if (g_error_matches(why, YD_ERROR, YD_ERROR_IN_USE))
        return json_object();
    g_propagate_error(error, g_steal_pointer(&why));
    return NULL;
}

json_t *
yd_local_ram(YdStorage *storage, const char *verb, const json_t *arguments, GError **error)
{
    static const struct {
        const char *name;
        json_t *(*run)(YdStorage *storage, const json_t *arguments, GError **error);
    } verbs[] = {
        {"ram-begin", ram_begin}, {"ram-seal", ram_seal}, {"ram-look", ram_look},
        {"ram-clone", ram_clone}, {"ram-drop", ram_drop}, {"ram-delete", ram_delete},
    };
    for (guint i = 0; i < G_N_ELEMENTS(verbs); i++)
        if (strcmp(verbs[i].name, verb) == 0)
            return verbs[i].run(storage, arguments, error);
    yd_error_invalid(error, "verb", "'%s' is not known", verb);
    return NULL;
}
