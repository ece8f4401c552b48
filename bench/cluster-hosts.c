// SPDX-License-Identifier: Apache-2.0
// See cluster-hosts.h.
#include "cluster-hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api-seed.h"

#define WAIT_SECONDS 60

struct _ClusterHosts {
    guint n;
    pid_t *pids;
    char **uris;
};

static char *
write_config(const char *folder)
{
    g_autofree char *text =
        g_strdup_printf("listen_tls = 0\nlisten_tcp = 0\nunix_sock_dir = \"%s\"\n"
                        "auth_unix_ro = \"none\"\nauth_unix_rw = \"none\"\n"
                        "log_outputs = \"3:file:%s/log\"\n",
                        folder, folder);
    char *path = g_build_filename(folder, "libvirtd.conf", NULL);
    must(g_file_set_contents(path, text, -1, NULL), NULL);
    return path;
}

// drivers: an empty folder, in which libvirtd finds no modules.
static pid_t
start_one(const char *folder, const char *drivers)
{
    g_autofree char *config = write_config(folder);
    g_autofree char *pid_file = g_build_filename(folder, "pid", NULL);
    pid_t parent = getpid();
    pid_t pid = fork();
    must(pid >= 0, NULL);
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int quiet = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (getppid() != parent || quiet < 0 || dup2(quiet, 1) < 0 || dup2(quiet, 2) < 0)
        _exit(127);
    g_setenv("LIBVIRT_DRIVER_DIR", drivers, TRUE);
    execlp("libvirtd", "libvirtd", "--config", config, "--pid-file", pid_file, NULL);
    _exit(127);
}

static gboolean
answers(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    must(g_strlcpy(name.sun_path, path, sizeof name.sun_path) < sizeof name.sun_path, NULL);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    gboolean there = fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof name) == 0;
    close(fd);
    return there;
}

ClusterHosts *
cluster_hosts_start(const char *directory, guint n)
{
    ClusterHosts *hosts = g_new0(ClusterHosts, 1);
    g_autofree char *drivers = g_build_filename(directory, "no-drivers", NULL);
    g_mkdir(drivers, 0700);
    hosts->n = n;
    hosts->pids = g_new0(pid_t, n);
    hosts->uris = g_new0(char *, n + 1);
    g_autoptr(GPtrArray) sockets = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < n; i++) {
        g_autofree char *folder = g_strdup_printf("%s/h%03u", directory, i);
        must(g_mkdir(folder, 0700) == 0, NULL);
        g_ptr_array_add(sockets, g_build_filename(folder, "libvirt-sock", NULL));
        hosts->uris[i] = g_strdup_printf("test+unix:///default?socket=%s/libvirt-sock", folder);
        hosts->pids[i] = start_one(folder, drivers);
    }
    gint64 until = g_get_monotonic_time() + WAIT_SECONDS * G_USEC_PER_SEC;
    for (guint i = 0; i < n; i++) {
        while (!answers(sockets->pdata[i])) {
            g_autoptr(GError) error =
                g_error_new(G_FILE_ERROR, G_FILE_ERROR_FAILED,
                            "libvirtd %u does not answer; is it installed?", i);
            must(g_get_monotonic_time() < until && waitpid(hosts->pids[i], NULL, WNOHANG) == 0,
                 error);
            g_usleep(20000);
        }
    }
    return hosts;
}

const char *const *
cluster_hosts_uris(const ClusterHosts *hosts)
{
    return (const char *const *)hosts->uris;
}

void
cluster_hosts_stop(ClusterHosts *hosts)
{
    for (guint i = 0; i < hosts->n; i++)
        kill(hosts->pids[i], SIGKILL);
    for (guint i = 0; i < hosts->n; i++)
        waitpid(hosts->pids[i], NULL, 0);
    g_strfreev(hosts->uris);
    g_free(hosts->pids);
    g_free(hosts);
}
