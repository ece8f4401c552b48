// SPDX-License-Identifier: Apache-2.0
// deskctl, the command line of administrators: all of it is in ctl.c and the tables.
#include <locale.h>
#include <signal.h>

#include "deskctl/ctl.h"

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    signal(SIGPIPE,
           SIG_DFL); // deskctl … | head ends quietly; sockets are written with MSG_NOSIGNAL
    return ctl_main((const char *const *)argv + (argc > 0 ? 1 : 0));
}
