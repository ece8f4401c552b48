// SPDX-License-Identifier: Apache-2.0
// WebSocket frames as a server reads and writes them (RFC 6455, 5). Pure and streaming: data frames
// are handed on as their bytes come, unmasked in place, so no frame is ever held in memory as a
// whole.
#pragma once

#include <glib.h>

// A longer data frame is refused with 1009.
#define YD_WS_FRAME_MAX (16 * 1024 * 1024)

#define YD_WS_HEADER_MAX 14
#define YD_WS_CONTROL_MAX 125

// The most bytes that a server writes before a payload; for payloads < 64 KiB it is 4.
#define YD_WS_SERVER_HEADER_MAX 10

typedef enum {
    YD_WS_CONTINUATION = 0,
    YD_WS_TEXT = 1,
    YD_WS_BINARY = 2,
    YD_WS_CLOSE = 8,
    YD_WS_PING = 9,
    YD_WS_PONG = 10,
} YdWsOpcode;

// Close codes (RFC 6455, 7.4.1) that the gate sends.
#define YD_WS_NORMAL 1000
#define YD_WS_GOING_AWAY 1001
#define YD_WS_PROTOCOL_ERROR 1002
#define YD_WS_UNSUPPORTED 1003
#define YD_WS_TOO_BIG 1009

typedef enum {
    YD_WS_PART_MORE,    // all bytes are used, nothing to hand on
    YD_WS_PART_DATA,    // payload of a binary message, or a piece of it
    YD_WS_PART_CONTROL, // a whole ping, pong or close; opcode tells which
    YD_WS_PART_BAD,     // the client broke the protocol; close_code tells how. Decode no further
} YdWsPartKind;

typedef struct {
    YdWsPartKind kind;
    YdWsOpcode opcode;
    const guint8 *payload; // in the caller's data, or in the decoder for a control frame
    gsize len;
    guint16 close_code;
} YdWsPart;

// State between calls. All zero is the start.
typedef struct {
    guint8 header[YD_WS_HEADER_MAX]; // of the frame being read
    guint header_len;
    gboolean in_payload;
    guint8 opcode;
    gboolean final;
    gboolean in_message; // a continuation has to follow
    guint64 left;        // payload bytes still to come
    guint8 mask[4];      // turned so that mask[0] is for the next byte
    guint8 control[YD_WS_CONTROL_MAX];
    guint control_len;
} YdWsDecoder;

// Reads one part from len bytes of a client; payload is unmasked in place. Returns how many bytes
// were used; call again with the rest until YD_WS_PART_MORE.
gsize yd_ws_decode(YdWsDecoder *decoder, guint8 *data, gsize len, YdWsPart *ret_part);

// Writes the header of an unmasked, final frame; returns its length.
gsize yd_ws_header(YdWsOpcode opcode, gsize payload_len, guint8 out[YD_WS_SERVER_HEADER_MAX]);

// Writes a whole control frame of at most YD_WS_CONTROL_MAX bytes of payload; returns its length.
gsize yd_ws_control(YdWsOpcode opcode, const guint8 *payload, gsize len,
                    guint8 out[2 + YD_WS_CONTROL_MAX]);

// Writes a close frame without a reason; returns its length (4).
gsize yd_ws_close(guint16 code, guint8 out[2 + YD_WS_CONTROL_MAX]);
