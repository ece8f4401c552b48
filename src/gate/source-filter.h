// SPDX-License-Identifier: Apache-2.0
// Has the kernel drop what other addresses send to a listening socket: they get no answer at all,
// as if nobody listened there and a firewall stood before it (socket(7), SO_ATTACH_FILTER).
#pragma once

#include <glib.h>
#include <sys/socket.h>

// The addresses of one family among texts. *ret_n may be 0. Owned; 4 or 16 bytes each, joined.
guint8 *yd_source_filter_bytes(int family, const char *const *texts, guint *ret_n);

// From now on the listening socket hears only these addresses (as above, at least one). FALSE where
// the kernel does not take it: the caller has to look at each address itself, which it should in
// any case.
gboolean yd_source_filter_attach(int fd, int family, const guint8 *addresses, guint n);

// An accepted socket inherits the filter and needs it no more.
void yd_source_filter_detach(int fd);

// Whether the peer is one of them.
gboolean
yd_source_filter_has(int family, const guint8 *addresses, guint n, const struct sockaddr *peer);
