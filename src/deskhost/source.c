// SPDX-License-Identifier: Apache-2.0
// Sources of imports. deskhost is root: whatever it opens for somebody must be what that somebody
// was told he may import.
#include "deskhost/source.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// The path as seen from the directory; NULL when it does not lie below it.
static const char *
below(const char *path, const char *directory)
{
    gsize length = strlen(directory);
    while (length > 0 && directory[length - 1] == '/')
        length--;
    if (length == 0 || strncmp(path, directory, length) != 0 || path[length] != '/')
        return NULL;
    path += length;
    while (*path == '/')
        path++;
    return *path ? path : NULL;
}

static int
open_beneath(const char *directory, const char *relative)
{
    struct open_how how = {
        .flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    int top = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return -1;
    int fd = (int)syscall(SYS_openat2, top, relative, &how, sizeof how);
    int number = errno;
    close(top);
    errno = number;
    return fd;
}

static int
check_regular(int fd, const char *path, GError **error)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return fd;
    close(fd);
    yd_error_invalid(error, "path", "'%s' is not a regular file", path);
    return -1;
}

int
yd_source_open(const char *path, const char *const *directories, GError **error)
{
    for (guint i = 0; directories && directories[i]; i++) {
        const char *relative = below(path, directories[i]);
        if (!relative)
            continue;
        int fd = open_beneath(directories[i], relative);
        if (fd >= 0)
            return check_regular(fd, path, error);
        if (errno == ENOENT || errno == ENOTDIR)
            g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "there is no file '%s'", path);
        else
            yd_error_invalid(error, "path", "'%s' cannot be opened: %s", path,
                             errno == ELOOP || errno == EXDEV
                                 ? "it must not contain '..' or symbolic links"
                                 : g_strerror(errno));
        return -1;
    }
    g_autofree char *list = directories ? g_strjoinv("', '", (char **)directories) : g_strdup("");
    yd_error_invalid(error, "path", "'%s' does not lie below an import directory ('%s')", path,
                     list);
    return -1;
}
