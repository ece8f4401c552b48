// SPDX-License-Identifier: Apache-2.0
// Where deskd sends a connection: "tcp:10.99.0.12:3389", "tcp:[fd00::1]:3389" or
// "unix:/run/…/vnc.sock". Addresses are numeric; the gate looks no name up.
#pragma once

#include <glib.h>
#include <sys/socket.h>
#include <sys/un.h>

// Room for a numeric address and its NUL.
#define YD_GATE_ADDRESS_SIZE 46

typedef struct {
    union {
        struct sockaddr any;
        struct sockaddr_storage storage;
        struct sockaddr_un unix_path;
    } address;
    socklen_t len;
} YdGateTarget;

// Fails with YD_ERROR_INVALID.
gboolean yd_gate_target_parse(const char *text, YdGateTarget *ret_target, GError **error);

// "ADDRESS:PORT" of a TCP address, without "tcp:"; port 0 is allowed when zero_port is TRUE.
gboolean yd_gate_address_parse(const char *text, gboolean zero_port, YdGateTarget *ret_target,
                               GError **error);

// The socket address of a numeric one without a port; FALSE when text is none.
gboolean yd_gate_address_numeric(const char *text, struct sockaddr_storage *ret_address);

// The numeric address ("" when it is no IP address) and port of a socket's address.
void yd_gate_address_format(const struct sockaddr_storage *address,
                            char ret_text[YD_GATE_ADDRESS_SIZE], guint16 *ret_port);

// Whether nobody outside of this host or a private network can have it: loopback, RFC 1918, link
// local, unique local (RFC 4193); a unix socket as well. IPv4 addresses within IPv6 count as IPv4.
gboolean yd_gate_target_is_private(const YdGateTarget *target);

// Starts to connect: returns a non-blocking socket, or -1 with YD_ERROR_UNAVAILABLE. *ret_pending
// is TRUE when the socket turns writable once it is connected or has failed (SO_ERROR).
int yd_gate_target_connect(const YdGateTarget *target, gboolean *ret_pending, GError **error);
