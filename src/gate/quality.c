// SPDX-License-Identifier: Apache-2.0
// Figures come from the last few readings that had something to tell: a socket that sends nothing
// measures nothing. Retransmissions that the receiver had not needed (DSACK) are not counted as
// lost.
#include "gate/quality.h"

#include <linux/tcp.h> // netinet/tcp.h has the struct of an old kernel
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define STEP_US (2 * G_USEC_PER_SEC)
#define KEEP 0.8        // of what was counted, after each step
#define FEW_SEGMENTS 40 // fewer are no sample: one lost of three is not 33 %
#define MINUTE_US (60 * G_USEC_PER_SEC)
#define QUEUE_MAX_US (60 * G_USEC_PER_SEC)

gboolean
yd_gate_reading_take(int fd, YdGateReading *ret_reading)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    memset(&info, 0, sizeof info); // an older kernel fills less
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 || info.tcpi_rtt == 0)
        return FALSE;
    guint32 spurious = MIN(info.tcpi_dsack_dups, info.tcpi_total_retrans);
    *ret_reading = (YdGateReading){
        .rtt_us = info.tcpi_rtt,
        .jitter_us = info.tcpi_rttvar,
        .timeout_us = info.tcpi_rto,
        .sent = info.tcpi_data_segs_out,
        .lost = info.tcpi_total_retrans - spurious,
        .unsent = info.tcpi_notsent_bytes,
        .stuck = info.tcpi_retransmits > 0,
        .rate_is_floor = info.tcpi_delivery_rate_app_limited,
        .rate = info.tcpi_delivery_rate,
    };
    return TRUE;
}

static void
note_rtt(YdGateQuality *quality, const YdGateReading *reading, gint64 now)
{
    guint at = quality->n++ % YD_GATE_QUALITY_KEPT;
    quality->rtts[at] = reading->rtt_us;
    quality->jitters[at] = reading->jitter_us;
    if (quality->minute == 0 || now - quality->minute > MINUTE_US) {
        quality->min_rtt[1] = quality->min_rtt[0];
        quality->min_rtt[0] = reading->rtt_us;
        quality->minute = now;
    }
    quality->min_rtt[0] = MIN(quality->min_rtt[0], reading->rtt_us);
}

static void
note_loss(YdGateQuality *quality, const YdGateReading *reading, const YdGateReading *before,
          gint64 now)
{
    // Several sockets of one session are read one right after the other.
    for (; quality->last != 0 && now - quality->last >= STEP_US / 2; quality->last += STEP_US) {
        quality->sent *= KEEP;
        quality->lost *= KEEP;
        if (quality->sent < 0.5) {
            quality->sent = quality->lost = 0;
            quality->last = now;
            break;
        }
    }
    if (quality->last == 0)
        quality->last = now;
    // What turns out to have been needless can make the count smaller.
    quality->sent += (double)(guint32)(reading->sent - before->sent);
    quality->lost = MAX(0, quality->lost + (double)(gint32)(reading->lost - before->lost));
}

static void
note_queue(YdGateQuality *quality, const YdGateReading *reading)
{
    double queue_us = 0;
    if (!reading->rate_is_floor && reading->rate > 0)
        quality->rate = reading->rate;
    else
        quality->floor = MAX(quality->floor, reading->rate);
    if (reading->unsent > 0 && quality->rate > 0)
        queue_us = (double)reading->unsent * G_USEC_PER_SEC / (double)quality->rate;
    // A picture that is just leaving is no queue: it has to be there again and again.
    quality->queue_us = (quality->queue_us + MIN(queue_us, QUEUE_MAX_US)) / 2;
}

static void
note_server(YdGateQuality *quality, const YdGateReading *server)
{
    guint at = quality->n_servers++ % YD_GATE_QUALITY_KEPT;
    quality->servers[at] = server->stuck ? MAX(server->timeout_us, server->rtt_us) : server->rtt_us;
}

void
yd_gate_quality_add(YdGateQuality *quality, const YdGateReading *reading,
                    const YdGateReading *before, const YdGateReading *server, gint64 now)
{
    if (reading->sent != before->sent)
        note_rtt(quality, reading, now);
    note_loss(quality, reading, before, now);
    note_queue(quality, reading);
    if (server != NULL)
        note_server(quality, server);
}

// The middle one of what is kept, or the smallest while there are fewer.
static guint32
middle(const guint32 *values, guint n)
{
    guint32 a = values[0], b = values[1], c = values[2];
    if (n < YD_GATE_QUALITY_KEPT)
        return n == 2 ? MIN(a, b) : a;
    return MAX(MIN(a, b), MIN(MAX(a, b), c));
}

static guint32
smallest(const guint32 *values, guint n)
{
    guint32 least = n == 0 ? 0 : values[0];
    for (guint i = 1; i < MIN(n, YD_GATE_QUALITY_KEPT); i++)
        least = MIN(least, values[i]);
    return least;
}

void
yd_gate_quality_figures(const YdGateQuality *quality, YdGateFigures *ret_figures)
{
    guint32 now = quality->min_rtt[0], before = quality->min_rtt[1];
    *ret_figures = (YdGateFigures){
        .rtt_us = middle(quality->rtts, quality->n),
        .min_rtt_us = before == 0 ? now : MIN(now, before),
        .jitter_us = smallest(quality->jitters, quality->n),
        .loss_ppm = (guint64)(CLAMP(quality->lost / MAX(quality->sent, FEW_SEGMENTS), 0, 1) * 1e6),
        .queue_us = (guint64)quality->queue_us,
        .rate = quality->rate > 0 ? quality->rate : quality->floor,
        .server_us = smallest(quality->servers, quality->n_servers),
    };
}
