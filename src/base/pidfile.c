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
    g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());
    if (ftruncate(fd, 0) != 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
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
