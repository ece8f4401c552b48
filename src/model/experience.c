// SPDX-License-Identifier: Apache-2.0
// Each cause takes a share away, read from a curve; what is left of one is what the next takes its
// share of. Then causes that only follow from another one are put down to that one.
#include "model/experience.h"

#define CURVE_POINTS 6

typedef enum { DELAY, LOSS, JITTER, BANDWIDTH, SERVER, N_CAUSES } Cause;

// Up to the first point nothing is taken away, from the last one on as much as there. Straight
// lines between.
typedef struct {
    const char *reason;
    struct {
        double value, takes; // percent
    } points[CURVE_POINTS];
} Curve;

// docs/experience.md shows these numbers; change both.
static const Curve curves[N_CAUSES] = {
    [DELAY] = {"delay", {{40, 0}, {80, 8}, {150, 25}, {300, 50}, {600, 75}, {1200, 95}}},    // ms
    [LOSS] = {"loss", {{0.3, 0}, {1, 10}, {3, 30}, {5, 45}, {10, 70}, {25, 95}}},            // %
    [JITTER] = {"jitter", {{20, 0}, {40, 10}, {100, 30}, {200, 45}, {400, 65}, {1000, 90}}}, // ms
    [BANDWIDTH] = {"bandwidth",
                   {{50, 0}, {150, 15}, {500, 40}, {1500, 70}, {4000, 90}, {10000, 97}}}, // ms
    [SERVER] = {"server",
                {{80, 0}, {200, 15}, {500, 40}, {1000, 60}, {3000, 90}, {10000, 97}}}, // ms
};

static double
takes(Cause cause, double value)
{
    const Curve *curve = &curves[cause];
    guint i = 0;
    while (i < CURVE_POINTS && value > curve->points[i].value)
        i++;
    if (i == 0 || i == CURVE_POINTS)
        return curve->points[i == 0 ? 0 : CURVE_POINTS - 1].takes;
    double from = curve->points[i - 1].value, to = curve->points[i].value;
    double low = curve->points[i - 1].takes, high = curve->points[i].takes;
    return low + (high - low) * (value - from) / (to - from);
}

// A full line makes packets wait, come unevenly and get lost: then the line is the cause.
static gboolean
is_full(const YdExperience *measured, const double *share)
{
    return share[BANDWIDTH] >= 15 && measured->min_rtt_us > 0 &&
           measured->rtt_us > 2 * measured->min_rtt_us + 20000;
}

static void
add_to(double *weights, Cause target, Cause source)
{
    weights[target] += weights[source];
    weights[source] = 0;
}

static const char *
find_reason(const YdExperience *measured, const double *share)
{
    double weights[N_CAUSES];
    Cause worst = DELAY;
    for (guint i = 0; i < N_CAUSES; i++)
        weights[i] = share[i];
    if (is_full(measured, share)) {
        add_to(weights, BANDWIDTH, DELAY);
        add_to(weights, BANDWIDTH, JITTER);
        add_to(weights, BANDWIDTH, LOSS);
    } else if (share[LOSS] >= 10) {
        // What is sent again holds up what comes after it.
        add_to(weights, LOSS, BANDWIDTH);
        add_to(weights, LOSS, JITTER);
    }
    for (guint i = 0; i < N_CAUSES; i++)
        if (weights[i] > weights[worst])
            worst = (Cause)i;
    return curves[worst].reason;
}

gboolean
yd_experience_rate(const YdExperience *measured, gint64 *ret_score, const char **ret_reason)
{
    if (measured->rtt_us <= 0)
        return FALSE;
    const double share[N_CAUSES] = {
        [DELAY] = takes(DELAY, (double)measured->rtt_us / 1000),
        [LOSS] = takes(LOSS, (double)measured->loss_ppm / 10000),
        [JITTER] = takes(JITTER, (double)measured->jitter_us / 1000),
        [BANDWIDTH] = takes(BANDWIDTH, (double)measured->queue_us / 1000),
        [SERVER] = takes(SERVER, (double)measured->server_us / 1000),
    };
    double left = 100;
    for (guint i = 0; i < N_CAUSES; i++)
        left *= 1 - share[i] / 100;
    *ret_score = (gint64)(left + 0.5);
    *ret_reason = *ret_score >= YD_EXPERIENCE_GOOD ? "good" : find_reason(measured, share);
    return TRUE;
}
