// SPDX-License-Identifier: Apache-2.0
// See host-state.h.
#include "model/host-state.h"

static gboolean
is(const char *state, const char *name)
{
    return g_strcmp0(state, name) == 0;
}

const char *
yd_host_state_next(const YdHostSigns *signs, gboolean *ret_clean)
{
    gboolean was_away = is(signs->state, YD_HOST_DOWN) || is(signs->state, YD_HOST_FENCED);
    *ret_clean = signs->answers && was_away;
    if (signs->answers)
        return is(signs->wanted, YD_HOST_MAINTENANCE) ? YD_HOST_MAINTENANCE : YD_HOST_UP;
    if (is(signs->state, YD_HOST_FENCED))
        return YD_HOST_FENCED;
    if (is(signs->state, YD_HOST_DOWN))
        return YD_HOST_DOWN;
    if (is(signs->state, YD_HOST_JOINING))
        return YD_HOST_JOINING;
    if (is(signs->state, YD_HOST_SUSPECT) && !signs->gate &&
        signs->now - signs->since >= signs->down_ms)
        return YD_HOST_DOWN;
    return YD_HOST_SUSPECT;
}
