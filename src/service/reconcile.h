// SPDX-License-Identifier: Apache-2.0
// Compares what the store wants with what libvirt and the image directory have, and repairs what is
// surely ours: at start, on machine events, when a host comes back, and every minute. Objects with
// a job under way are left to it.
#pragma once

#include "service/service.h"

typedef struct {
    guint moved;       // desktops whose state was put right
    guint machines;    // machines of ours without a row: removed
    guint images;      // overlays without a row: removed
    guint addresses;   // addresses without a desktop: given back
    guint connections; // ended
} YdReconcileReport;

gboolean yd_reconcile_start(YdService *service, GError **error);
void yd_reconcile_stop(YdService *service);

// One whole pass on the calling thread. A host that does not answer is left out.
gboolean yd_reconcile_now(YdService *service, YdReconcileReport *ret_report, GError **error);
