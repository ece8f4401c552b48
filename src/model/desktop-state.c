// SPDX-License-Identifier: Apache-2.0
// The table of edges between the states of a desktop.
#include "model/desktop-state.h"

#include <string.h>

static const char *const states[] = {YD_DESKTOP_NEW,
                                     YD_DESKTOP_DERIVING,
                                     YD_DESKTOP_OFF,
                                     YD_DESKTOP_STARTING,
                                     YD_DESKTOP_PREPARING,
                                     YD_DESKTOP_READY,
                                     YD_DESKTOP_PAUSED,
                                     YD_DESKTOP_SAVED,
                                     YD_DESKTOP_STOPPING,
                                     YD_DESKTOP_REBUILDING,
                                     YD_DESKTOP_DELETING,
                                     YD_DESKTOP_FAILED,
                                     NULL};

// Every state may also go to failed; that is not repeated here.
static const struct {
    const char *from, *to;
} edges[] = {
    {YD_DESKTOP_NEW, YD_DESKTOP_DERIVING},
    {YD_DESKTOP_NEW, YD_DESKTOP_DELETING}, // handed out, never derived
    {YD_DESKTOP_DERIVING, YD_DESKTOP_OFF},
    {YD_DESKTOP_OFF, YD_DESKTOP_STARTING},
    {YD_DESKTOP_OFF, YD_DESKTOP_READY}, // found running by the reconciler
    {YD_DESKTOP_OFF, YD_DESKTOP_REBUILDING},
    {YD_DESKTOP_OFF, YD_DESKTOP_DELETING},
    {YD_DESKTOP_STARTING, YD_DESKTOP_PREPARING},
    {YD_DESKTOP_STARTING, YD_DESKTOP_OFF},
    {YD_DESKTOP_PREPARING, YD_DESKTOP_READY},
    {YD_DESKTOP_PREPARING, YD_DESKTOP_STOPPING},
    {YD_DESKTOP_PREPARING, YD_DESKTOP_OFF},
    {YD_DESKTOP_READY, YD_DESKTOP_STOPPING},
    {YD_DESKTOP_READY, YD_DESKTOP_PREPARING}, // reboot: not ready until it answers again
    {YD_DESKTOP_READY, YD_DESKTOP_OFF},
    {YD_DESKTOP_READY, YD_DESKTOP_PAUSED},
    {YD_DESKTOP_PAUSED, YD_DESKTOP_READY},
    {YD_DESKTOP_PAUSED, YD_DESKTOP_SAVED},
    {YD_DESKTOP_PAUSED, YD_DESKTOP_OFF},
    {YD_DESKTOP_SAVED, YD_DESKTOP_PREPARING}, // restored: ready when it answers
    {YD_DESKTOP_SAVED, YD_DESKTOP_READY},     // found running by the reconciler
    {YD_DESKTOP_SAVED, YD_DESKTOP_OFF},       // the saved image is discarded
    {YD_DESKTOP_STOPPING, YD_DESKTOP_OFF},
    {YD_DESKTOP_STOPPING, YD_DESKTOP_READY}, // the shut-down was refused or taken back
    {YD_DESKTOP_REBUILDING, YD_DESKTOP_OFF},
    {YD_DESKTOP_FAILED, YD_DESKTOP_OFF},
    {YD_DESKTOP_FAILED, YD_DESKTOP_DERIVING},
    {YD_DESKTOP_FAILED, YD_DESKTOP_DELETING},
};

gboolean
yd_desktop_state_known(const char *state)
{
    return state && g_strv_contains(states, state);
}

gboolean
yd_desktop_state_may(const char *from, const char *to)
{
    if (!yd_desktop_state_known(from) || !yd_desktop_state_known(to))
        return FALSE;
    if (strcmp(from, to) == 0 || strcmp(to, YD_DESKTOP_FAILED) == 0)
        return TRUE;
    for (guint i = 0; i < G_N_ELEMENTS(edges); i++) {
        if (strcmp(edges[i].from, from) == 0 && strcmp(edges[i].to, to) == 0)
            return TRUE;
    }
    return FALSE;
}

gboolean
yd_desktop_state_runs(const char *state)
{
    static const char *const runs[] = {YD_DESKTOP_STARTING, YD_DESKTOP_PREPARING, YD_DESKTOP_READY,
                                       YD_DESKTOP_PAUSED,   YD_DESKTOP_STOPPING,  NULL};
    return state && g_strv_contains(runs, state);
}

const char *const *
yd_desktop_states(void)
{
    return states;
}
