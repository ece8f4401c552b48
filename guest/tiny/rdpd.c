// SPDX-License-Identifier: Apache-2.0
// One connection on TCP 3389, on standard input and output: reads the X.224 connection request
// (MS-RDPBCGR 2.2.1.1), confirms it as an RDP server with TLS would (2.2.1.2), then sends back all
// that it gets: not RDP, but enough to see bytes go through a gate. A real server is no shell
// script either: what is measured is the way to it.
#include <unistd.h>

static int
read_all(unsigned char *to, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = read(0, to, bytes);
        if (n <= 0)
            return 0;
        to += n;
        bytes -= (size_t)n;
    }
    return 1;
}

static int
write_all(const unsigned char *from, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = write(1, from, bytes);
        if (n <= 0)
            return 0;
        from += n;
        bytes -= (size_t)n;
    }
    return 1;
}

// RDP_NEG_REQ, at the end: type 1, flags, length 8.
static int
asks_for_security(const unsigned char *request, size_t length)
{
    const unsigned char *at = request + length - 8;
    return length >= 15 && at[0] == 1 && at[2] == 8 && at[3] == 0;
}

int
main(void)
{
    static const unsigned char tls[] = {3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34,
                                        0, 2, 0, 8,  0,  1,    0, 0, 0};
    static const unsigned char plain[] = {3, 0, 0, 11, 6, 0xd0, 0, 0, 0x12, 0x34, 0};
    static unsigned char buffer[65536];
    if (!read_all(buffer, 4) || buffer[0] != 3 || buffer[1] != 0)
        return 1;
    size_t length = (size_t)buffer[2] << 8 | buffer[3];
    if (length < 11 || length > 516 || !read_all(buffer + 4, length - 4) || buffer[5] != 0xe0)
        return 1;
    int good = asks_for_security(buffer, length) ? write_all(tls, sizeof tls)
                                                 : write_all(plain, sizeof plain);
    ssize_t n = 0;
    while (good && (n = read(0, buffer, sizeof buffer)) > 0)
        good = write_all(buffer, (size_t)n);
    return 0;
}
