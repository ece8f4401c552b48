// SPDX-License-Identifier: Apache-2.0
// The socket is made, connected and unlinked here before qemu-nbd starts (it takes a listening one
// as systemd's socket activation hands it), so nobody else ever gets to it.
#include "deskread/nbd-disk.h"

#include <errno.h>
#include <fcntl.h>
#include <libnbd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"

#define MEMORY_MAX ((rlim_t)4 << 30)
#define ASK_MAX (1024 * 1024)

struct _YdNbdDisk {
    struct nbd_handle *nbd;
    YdBlocks blocks;
};

static gboolean
fail(const char *what, GError **error)
{
    g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "%s: %s", what, g_strerror(errno));
    return FALSE;
}

// A listening socket and a connected one, without a name any more.
static gboolean
make_sockets(int *ret_listener, int *ret_client, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char folder[] = "/tmp/yundesk-read-XXXXXX"; // 0700
    if (!mkdtemp(folder))
        return fail("cannot make a folder in /tmp", error);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/nbd", folder);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    gboolean good = listener >= 0 && client >= 0 &&
                    bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
                    listen(listener, 1) == 0 &&
                    connect(client, (struct sockaddr *)&address, sizeof address) == 0;
    if (!good)
        fail("cannot make a socket", error);
    unlink(address.sun_path);
    rmdir(folder);
    if (good) {
        *ret_listener = listener;
        *ret_client = client;
        return TRUE;
    }
    if (listener >= 0)
        close(listener);
    if (client >= 0)
        close(client);
    return FALSE;
}

static char *
image_options(const char *image)
{
    g_auto(GStrv) parts = g_strsplit(image, ",", -1);
    g_autofree char *escaped = g_strjoinv(",,", parts);
    return g_strconcat("driver=qcow2,force-share=on,file.driver=file,file.filename=", escaped,
                       NULL);
}

static void
run_server(const char *image, const char *point, int listener, int said)
{
    struct rlimit memory = {MEMORY_MAX, MEMORY_MAX}, core = {0};
    g_autofree char *options = image_options(image);
    g_autofree char *snapshot = g_strconcat("snapshot.name=", point, NULL);
    g_autofree char *me = g_strdup_printf("%d", (int)getpid());
    int null = open("/dev/null", O_RDWR);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    setrlimit(RLIMIT_AS, &memory);
    setrlimit(RLIMIT_CORE, &core);
    int high = fcntl(listener, F_DUPFD, 10), words = fcntl(said, F_DUPFD, 10);
    dup2(null, 0);
    dup2(null, 1);
    dup2(words, 2);
    dup2(high, 3);
    closefrom(4);
    clearenv();
    setenv("LC_ALL", "C", 1);
    setenv("PATH", "/usr/bin:/bin:/usr/local/bin", 1);
    setenv("LISTEN_FDS", "1", 1);
    setenv("LISTEN_PID", me, 1);
    execlp("qemu-nbd", "qemu-nbd", "--read-only", "--load-snapshot", snapshot, "--image-opts",
           options, NULL);
    fprintf(stderr, "qemu-nbd cannot be run (%s); install the package qemu-utils",
            g_strerror(errno));
    _exit(127);
}

gboolean
yd_nbd_serve(const char *image, const char *point, pid_t *ret_process, int *ret_client,
             int *ret_said, GError **error)
{
    int listener, client, said[2];
    if (pipe2(said, O_CLOEXEC) != 0)
        return fail("cannot make a pipe", error);
    if (!make_sockets(&listener, &client, error)) {
        close(said[0]);
        close(said[1]);
        return FALSE;
    }
    pid_t process = fork();
    if (process == 0)
        run_server(image, point, listener, said[1]);
    close(listener);
    close(said[1]);
    if (process < 0) {
        fail("cannot start a process", error);
        close(client);
        close(said[0]);
        return FALSE;
    }
    *ret_process = process;
    *ret_client = client;
    *ret_said = said[0];
    return TRUE;
}

static gboolean
refused(const char *what, GError **error)
{
    g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "%s: %s", what, nbd_get_error());
    return FALSE;
}

static gboolean
read_bytes(gpointer data, guint64 offset, void *buffer, gsize n, GError **error)
{
    YdNbdDisk *disk = data;
    guint8 *into = buffer;
    for (gsize done = 0; done < n;) {
        gsize some = MIN(n - done, ASK_MAX);
        if (nbd_pread(disk->nbd, into + done, some, offset + done, 0) != 0)
            return refused("the disk cannot be read", error);
        done += some;
    }
    return TRUE;
}

YdNbdDisk *
yd_nbd_disk_new(int client, GError **error)
{
    g_autoptr(YdNbdDisk) disk = g_new0(YdNbdDisk, 1);
    disk->nbd = nbd_create();
    int64_t bytes = -1;
    if (disk->nbd && nbd_connect_socket(disk->nbd, client) == 0)
        bytes = nbd_get_size(disk->nbd);
    if (bytes < 0) {
        refused("the disk cannot be opened", error);
        return NULL;
    }
    disk->blocks = (YdBlocks){read_bytes, disk, (guint64)bytes};
    return g_steal_pointer(&disk);
}

void
yd_nbd_disk_free(YdNbdDisk *disk)
{
    if (!disk)
        return;
    if (disk->nbd)
        nbd_close(disk->nbd);
    g_free(disk);
}

const YdBlocks *
yd_nbd_disk_blocks(YdNbdDisk *disk)
{
    return &disk->blocks;
}
