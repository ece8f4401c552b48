// SPDX-License-Identifier: Apache-2.0
// A disk as its guest sees it, served by qemu-nbd on a socket of its own that nobody else gets to
// (systemd's socket activation, as libnbd does it). Without locks when it only reads: a machine may
// run with it.
#include "storage/backup-private.h"

#include <errno.h>
#include <libnbd.h>
#include <string.h>

#define ASK_MAX ((gsize)8 << 20)

struct _YdBackupNbd {
    struct nbd_handle *handle;
};

void
yd_backup_nbd_free(YdBackupNbd *nbd)
{
    if (nbd->handle)
        nbd_close(nbd->handle); // ends the server as well
    g_free(nbd);
}

static gboolean
refused(const char *path, gboolean writable, GError **error)
{
    g_autofree char *name = g_path_get_basename(path);
    g_set_error(error, YD_ERROR, writable ? YD_ERROR_IN_USE : YD_ERROR_UNAVAILABLE,
                "the disk '%s' cannot be opened by qemu-nbd%s (%s)", name,
                writable ? "; does a machine run with it?" : "", nbd_get_error());
    return FALSE;
}

YdBackupNbd *
yd_backup_nbd(const char *path, const char *point, gboolean writable, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(path, ",", -1);
    g_autofree char *escaped = g_strjoinv(",,", parts);
    g_autofree char *options = g_strdup_printf("driver=qcow2,%sfile.driver=file,file.filename=%s",
                                               writable ? "" : "force-share=on,", escaped);
    g_autofree char *snapshot = point ? g_strconcat("snapshot.name=", point, NULL) : NULL;
    const char *argv[] = {
        "qemu-nbd", "--cache=writeback", "--image-opts", options, NULL, NULL, NULL, NULL};
    guint n = 4;
    if (!writable)
        argv[n++] = "--read-only";
    if (snapshot) {
        argv[n++] = "--load-snapshot";
        argv[n++] = snapshot;
    }
    g_autoptr(YdBackupNbd) nbd = g_new0(YdBackupNbd, 1);
    nbd->handle = nbd_create();
    if (!nbd->handle || nbd_connect_systemd_socket_activation(nbd->handle, (char **)argv) != 0) {
        refused(path, writable, error);
        return NULL;
    }
    return g_steal_pointer(&nbd);
}

static gboolean
failed(const char *what, GError **error)
{
    gboolean full = nbd_get_errno() == ENOSPC;
    g_set_error(error, YD_ERROR, full ? YD_ERROR_NO_SPACE : YD_ERROR_UNAVAILABLE, "%s: %s", what,
                nbd_get_error());
    return FALSE;
}

gboolean
yd_backup_nbd_read(YdBackupNbd *nbd, guint8 *into, gsize n, gint64 offset, GError **error)
{
    g_return_val_if_fail(n <= ASK_MAX, FALSE);
    return nbd_pread(nbd->handle, into, n, (uint64_t)offset, 0) == 0 ||
           failed("the disk cannot be read", error);
}

gboolean
yd_backup_nbd_write(YdBackupNbd *nbd, const guint8 *from, gsize n, gint64 offset, GError **error)
{
    g_return_val_if_fail(n <= ASK_MAX, FALSE);
    return nbd_pwrite(nbd->handle, from, n, (uint64_t)offset, 0) == 0 ||
           failed("the disk cannot be written", error);
}

gboolean
yd_backup_nbd_flush(YdBackupNbd *nbd, GError **error)
{
    return nbd_flush(nbd->handle, 0) == 0 || failed("the disk cannot be made durable", error);
}
