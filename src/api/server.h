// SPDX-License-Identifier: Apache-2.0
// The parts of a running API, for the files of this room that work on the loop.
#pragma once

#include <libsoup/soup.h>

#include "api/listener.h"
#include "api/request.h"
#include "api/web.h"

typedef struct _YdEventHub YdEventHub;
typedef struct _YdUpload YdUpload;

// What one request has on the loop beside its YdRequest: hangs on the message.
typedef struct {
    YdApi *api;
    SoupServerMessage *msg;
    YdRequest *request;
    YdClient *client;
    gsize received; // bytes of the body
    YdUpload *upload;
    gboolean answered;  // the answer is set; no handler any more
    gboolean unwritten; // counted in the API's unwritten
} YdExchange;

struct _YdApi {
    YdApiConfig config;
    YdService *service;
    GMainContext *context;
    SoupServer *server;
    YdListener *listener;
    YdWeb *web; // NULL: no console
    GThreadPool *lanes[YD_N_LANES];
    YdEventHub *hub;
    int silent;      // other end of what libsoup listens on
    guint in_flight; // requests in lanes; loop only
    guint uploads;   // under way; loop only
    guint unwritten; // answers that are set but not written whole; loop only
    gboolean stopping;
    gboolean stopped; // nobody is connected any more
};

// Hands the exchange's request to its lane; the loop goes on with `done` afterwards. FALSE when too
// many wait: a problem answer is set then.
typedef void (*YdExchangeDone)(YdExchange *exchange);
gboolean
yd_exchange_dispatch(YdExchange *exchange, void (*work)(YdRequest *request), YdExchangeDone done);

// Writes the request's answer to the message.
void yd_exchange_answer(YdExchange *exchange);

// Answers at once over the bare connection and closes it, without reading what is still to come
// (bodies that are too large).
void yd_exchange_reject(YdExchange *exchange, guint status, const char *code, const char *detail);

// upload.c: begins when the head of a PUT /uploads was read.
void yd_upload_start(YdExchange *exchange);
void yd_upload_chunk(YdExchange *exchange, GBytes *chunk);
void yd_upload_end(YdExchange *exchange); // the body was read whole
void yd_upload_free(YdUpload *upload);    // broken off, or over

// events.c
YdEventHub *yd_event_hub_new(YdApi *api);
void yd_event_hub_free(YdEventHub *hub); // ends all streams
// Opens the stream of an exchange whose request was authorised; answers with a problem when there
// are too many.
void yd_event_hub_open(YdEventHub *hub, YdExchange *exchange);
guint yd_event_hub_count(YdEventHub *hub);

// metrics.c: counts, from any thread.
void yd_metrics_request(guint status, gint64 microseconds);
void yd_metrics_gauges(guint connections, guint streams, guint in_flight);
