// SPDX-License-Identifier: Apache-2.0
// A pid file with an flock(2) that dies with its process.
#include "base/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"

struct _YdPidfile {
    char *path;
    int fd;
};

// Takes fd, which is locked.
static YdPidfile *
write_pid(const char *path, int fd, GError **error)
{
    g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());
    gssize length = (gssize)strlen(text);
    if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0 ||
        write(fd, text, (gsize)length) != length) {
        g_set_error(error, YD_ERROR, errno == ENOSPC ? YD_ERROR_NO_SPACE : YD_ERROR_INTERNAL,
                    "The pid file %s can't be written: %s", path, g_strerror(errno));
        close(fd);
        return NULL;
    }
    YdPidfile *pidfile = g_new0(YdPidfile, 1);
    pidfile->path = g_strdup(path);
    pidfile->fd = fd;
    return pidfile;
}

YdPidfile *
yd_pidfile_take(const char *path, GError **error)
{
    int fd = g_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "The pid file %s can't be written: %s",
                    path, g_strerror(errno));
        return NULL;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        char other[16] = "";
        ssize_t length = read(fd, other, sizeof other - 1);
        close(fd);
        g_strchomp(length > 0 ? other : strcpy(other, "?"));
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "It runs already: process %s holds %s", other,
                    path);
        return NULL;
    }
    return write_pid(path, fd, error);
}

YdPidfile *
yd_pidfile_adopt(const char *path, int fd, GError **error)
{
    return write_pid(path, fd, error);
}

int
yd_pidfile_fd(const YdPidfile *pidfile)
{
    return pidfile->fd;
}

void
yd_pidfile_abandon(YdPidfile *pidfile)
{
    if (!pidfile)
        return;
    close(pidfile->fd); // the lock belongs to the open file, which the other process has too
    g_free(pidfile->path);
    g_free(pidfile);
}

void
yd_pidfile_free(YdPidfile *pidfile)
{
    if (!pidfile)
        return;
    g_unlink(pidfile->path);
    close(pidfile->fd);
    g_free(pidfile->path);
    g_free(pidfile);
}
