// SPDX-License-Identifier: Apache-2.0
// A client's connection as libsoup gets it. It differs from the socket's own stream in one thing:
// libsoup 3 (seen in 3.2.3) never lets go of a connection whose client closes it between two
// requests, because nobody waits for a request of which not even one byte came. So an end of file
// there is preceded by one byte that is no HTTP; libsoup begins a request, and ends it properly.
#pragma once

#include <gio/gio.h>

#define YD_TYPE_CLIENT_STREAM (yd_client_stream_get_type())
G_DECLARE_FINAL_TYPE(YdClientStream, yd_client_stream, YD, CLIENT_STREAM, GIOStream)

// Takes no reference of its own beyond base's.
YdClientStream *yd_client_stream_new(GSocketConnection *base);

// A request is over: what comes next is a new one.
void yd_client_stream_between(YdClientStream *stream);
