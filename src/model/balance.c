// SPDX-License-Identifier: Apache-2.0
// Greedy: the move that leaves the two hosts the least apart, again and again; see balance.h.
#include "model/balance.h"

#include <string.h>

static gboolean
is_up(const YdPlacementHost *host)
{
    return g_strcmp0(host->state, "up") == 0;
}

gint64
yd_balance_spread(const YdPlacementHost *hosts, gsize n_hosts)
{
    gint64 least = G_MAXINT64, most = 0;
    for (gsize i = 0; i < n_hosts; i++) {
        if (!is_up(&hosts[i]))
            continue;
        least = MIN(least, yd_placement_use(&hosts[i]));
        most = MAX(most, yd_placement_use(&hosts[i]));
    }
    return least > most ? 0 : most - least;
}

static void
shift(YdPlacementHost *host, const YdDesktop *desktop, int sign)
{
    host->memory_promised_mib += sign * desktop->memory_mib;
    host->memory_free_mib -= sign * desktop->memory_mib;
    host->vcpus_promised += sign * desktop->vcpus;
}

// How far both would be apart after the move, in 1/10000.
static gint64
apart_after(YdPlacementHost from, YdPlacementHost to, const YdDesktop *desktop)
{
    shift(&from, desktop, -1);
    shift(&to, desktop, 1);
    return ABS(yd_placement_use(&from) - yd_placement_use(&to));
}

static gboolean
fits(const YdPlacementHost *host, const YdDesktop *desktop)
{
    const YdPlacementRequest request = {.memory_mib = desktop->memory_mib, .vcpus = desktop->vcpus};
    return yd_placement_fits(host, &request);
}

// The emptiest host but that one which takes the desktop; -1: none.
static gssize
emptiest(const YdPlacementHost *hosts, gsize n_hosts, gsize from, const YdDesktop *desktop)
{
    gssize found = -1;
    for (gsize i = 0; i < n_hosts; i++) {
        if (i != from && fits(&hosts[i], desktop) &&
            (found < 0 || yd_placement_use(&hosts[i]) < yd_placement_use(&hosts[found])))
            found = (gssize)i;
    }
    return found;
}

static gssize
fullest(const YdPlacementHost *hosts, gsize n_hosts)
{
    gssize found = -1;
    for (gsize i = 0; i < n_hosts; i++) {
        if (is_up(&hosts[i]) &&
            (found < 0 || yd_placement_use(&hosts[i]) > yd_placement_use(&hosts[found])))
            found = (gssize)i;
    }
    return found;
}

// The best move off that host; FALSE: none brings it nearer to another.
static gboolean
best_move(const YdPlacementHost *hosts, gsize n_hosts, GPtrArray *desktops, const gboolean *moved,
          gsize from, gint64 spread, gboolean sessions, YdBalanceMove *ret)
{
    gint64 best = 0, used = 0; // of *ret
    gboolean found = FALSE;
    for (gsize i = 0; i < desktops->len; i++) {
        const YdDesktop *desktop = desktops->pdata[i];
        if (moved[i] || (desktop->open_sessions > 0 && !sessions) ||
            g_strcmp0(desktop->host_id, hosts[from].id) != 0)
            continue;
        gssize to = emptiest(hosts, n_hosts, from, desktop);
        gint64 apart = to < 0 ? 0 : yd_placement_use(&hosts[from]) - yd_placement_use(&hosts[to]);
        if (to < 0 || apart <= spread)
            continue;
        gint64 after = apart_after(hosts[from], hosts[to], desktop);
        if (after >= apart)
            continue;
        if (found &&
            (desktop->open_sessions > used || (desktop->open_sessions == used && after >= best)))
            continue;
        found = TRUE;
        used = desktop->open_sessions;
        best = after;
        *ret = (YdBalanceMove){.desktop = i, .from = from, .to = (gsize)to};
    }
    return found;
}

GArray *
yd_balance_plan(YdPlacementHost *hosts, gsize n_hosts, GPtrArray *desktops, guint spread,
                guint max_moves, gboolean sessions)
{
    GArray *moves = g_array_new(FALSE, FALSE, sizeof(YdBalanceMove));
    g_autofree gboolean *moved = g_new0(gboolean, desktops->len + 1);
    while (moves->len < max_moves) {
        YdBalanceMove move;
        gssize from = fullest(hosts, n_hosts);
        if (from < 0 || !best_move(hosts, n_hosts, desktops, moved, (gsize)from,
                                   (gint64)spread * 100, sessions, &move))
            break;
        moved[move.desktop] = TRUE;
        shift(&hosts[move.from], desktops->pdata[move.desktop], -1);
        shift(&hosts[move.to], desktops->pdata[move.desktop], 1);
        g_array_append_val(moves, move);
    }
    return moves;
}
