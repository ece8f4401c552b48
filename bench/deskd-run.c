// SPDX-License-Identifier: Apache-2.0
// See deskd-run.h.
#include "deskd-run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api-seed.h"

double
seconds_since(gint64 since)
{
    return (double)(g_get_monotonic_time() - since) / 1e6;
}

pid_t
deskd_run(const char *directory)
{
    const char *build = g_getenv("YD_BUILD");
    g_autofree char *program =
        g_build_filename(build ? build : "build", "src", "deskd", "deskd", NULL);
    g_autofree char *text = g_strdup_printf("[paths]\nstate=%s\nrun=%s\n[deskd]\nhypervisor=none\n"
                                            "[storage]\nlocal=true\n",
                                            directory, directory);
    g_autofree char *config = g_build_filename(directory, "yundesk.conf", NULL);
    g_autofree char *log = g_build_filename(directory, "log", NULL);
    must(g_file_set_contents(config, text, -1, NULL), NULL);
    pid_t pid = fork();
    must(pid >= 0, NULL);
    if (pid == 0) {
        must(freopen(log, "w", stderr) != NULL, NULL);
        execl(program, "deskd", "--config", config, NULL);
        _exit(127);
    }
    return pid;
}

double
deskd_mib(pid_t pid, const char *name)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)pid);
    g_autofree char *text = NULL;
    g_file_get_contents(path, &text, NULL, NULL);
    const char *at = text ? strstr(text, name) : NULL;
    must(at != NULL, NULL);
    return strtod(at + strlen(name), NULL) / 1024;
}
