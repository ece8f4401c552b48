// SPDX-License-Identifier: Apache-2.0
// A client's connection as libsoup gets it.
#include "api/client-stream.h"

#define TYPE_CLIENT_INPUT (client_input_get_type())
G_DECLARE_FINAL_TYPE(ClientInput, client_input, CLIENT, INPUT, GFilterInputStream)

struct _ClientInput {
    GFilterInputStream parent;
    gboolean between; // no byte of the next request was read
};

struct _YdClientStream {
    GIOStream parent;
    GSocketConnection *base;
    ClientInput *input;
};

static void client_input_pollable(GPollableInputStreamInterface *interface);

G_DEFINE_FINAL_TYPE_WITH_CODE(ClientInput, client_input, G_TYPE_FILTER_INPUT_STREAM,
                              G_IMPLEMENT_INTERFACE(G_TYPE_POLLABLE_INPUT_STREAM,
                                                    client_input_pollable))
G_DEFINE_FINAL_TYPE(YdClientStream, yd_client_stream, G_TYPE_IO_STREAM)

static GInputStream *
below(gpointer input)
{
    return g_filter_input_stream_get_base_stream(G_FILTER_INPUT_STREAM(input));
}

// What was read, or the byte before the end.
static gssize
note(ClientInput *input, void *buffer, gsize count, gssize n)
{
    if (n == 0 && count > 0 && input->between) {
        *(char *)buffer = '!';
        n = 1;
    }
    if (n > 0)
        input->between = FALSE;
    return n;
}

static gssize
client_input_read(GInputStream *stream, void *buffer, gsize count, GCancellable *cancel,
                  GError **error)
{
    gssize n = g_input_stream_read(below(stream), buffer, count, cancel, error);
    return note(CLIENT_INPUT(stream), buffer, count, n);
}

static gssize
client_input_read_nonblocking(GPollableInputStream *stream, void *buffer, gsize count,
                              GError **error)
{
    gssize n = g_pollable_input_stream_read_nonblocking(G_POLLABLE_INPUT_STREAM(below(stream)),
                                                        buffer, count, NULL, error);
    return note(CLIENT_INPUT(stream), buffer, count, n);
}

static gboolean
client_input_can_poll(GPollableInputStream *stream)
{
    return TRUE;
}

static gboolean
client_input_is_readable(GPollableInputStream *stream)
{
    return g_pollable_input_stream_is_readable(G_POLLABLE_INPUT_STREAM(below(stream)));
}

static GSource *
client_input_create_source(GPollableInputStream *stream, GCancellable *cancel)
{
    g_autoptr(GSource) base =
        g_pollable_input_stream_create_source(G_POLLABLE_INPUT_STREAM(below(stream)), NULL);
    return g_pollable_source_new_full(stream, base, cancel);
}

static void
client_input_pollable(GPollableInputStreamInterface *interface)
{
    interface->can_poll = client_input_can_poll;
    interface->is_readable = client_input_is_readable;
    interface->create_source = client_input_create_source;
    interface->read_nonblocking = client_input_read_nonblocking;
}

static void
client_input_class_init(ClientInputClass *class)
{
    G_INPUT_STREAM_CLASS(class)->read_fn = client_input_read;
}

static void
client_input_init(ClientInput *input)
{
    input->between = TRUE;
}

static GInputStream *
client_stream_input(GIOStream *stream)
{
    return G_INPUT_STREAM(YD_CLIENT_STREAM(stream)->input);
}

static GOutputStream *
client_stream_output(GIOStream *stream)
{
    return g_io_stream_get_output_stream(G_IO_STREAM(YD_CLIENT_STREAM(stream)->base));
}

static gboolean
client_stream_close(GIOStream *stream, GCancellable *cancel, GError **error)
{
    return g_io_stream_close(G_IO_STREAM(YD_CLIENT_STREAM(stream)->base), cancel, error);
}

static void
client_stream_finalize(GObject *object)
{
    YdClientStream *stream = YD_CLIENT_STREAM(object);
    g_clear_object(&stream->input);
    g_clear_object(&stream->base);
    G_OBJECT_CLASS(yd_client_stream_parent_class)->finalize(object);
}

static void
yd_client_stream_class_init(YdClientStreamClass *class)
{
    G_OBJECT_CLASS(class)->finalize = client_stream_finalize;
    G_IO_STREAM_CLASS(class)->get_input_stream = client_stream_input;
    G_IO_STREAM_CLASS(class)->get_output_stream = client_stream_output;
    G_IO_STREAM_CLASS(class)->close_fn = client_stream_close;
}

static void
yd_client_stream_init(YdClientStream *stream)
{
}

YdClientStream *
yd_client_stream_new(GSocketConnection *base)
{
    YdClientStream *stream = g_object_new(YD_TYPE_CLIENT_STREAM, NULL);
    stream->base = g_object_ref(base);
    stream->input = g_object_new(TYPE_CLIENT_INPUT, "base-stream",
                                 g_io_stream_get_input_stream(G_IO_STREAM(base)),
                                 "close-base-stream", FALSE, NULL);
    return stream;
}

void
yd_client_stream_between(YdClientStream *stream)
{
    stream->input->between = TRUE;
}
