// SPDX-License-Identifier: Apache-2.0
// Settings that count at run time: a small table of known names with bounds. The configuration file
// gives the start values, the store overrides them; no restart is needed.
#pragma once

#include "service/service.h"
#include <jansson.h>

// Only whole numbers so far.
typedef struct {
    const char *name; // "lock_after"
    gint64 min, max;
    const char *unit; // "s", "", …
    const char *what; // one sentence for people
} YdSettingRule;

// The table; static.
const YdSettingRule *yd_settings_rules(gsize *ret_n);
const YdSettingRule *yd_settings_rule(const char *name);

// The value that counts now: the store's, else the configuration's. From memory, so that it may be
// asked for under any lock. name must be in the table.
gint64 yd_settings_int(YdService *service, const char *name);

// Reads the store's values into memory. yd_service_new and yd_settings_set do it; the embedded
// store has one manager, so nobody else changes them.
void yd_settings_load(YdService *service);

// {"lock_after":{"value":10,"default":10,"min":3,"max":100,"unit":"","what":"…"}, …}; a new
// reference. Right: YD_RIGHT_SETTINGS.
json_t *yd_settings_get(YdService *service, const YdActor *actor, GError **error);

// Changes those that are named: {"lock_after":5,"lock_seconds":null}; null goes back to the
// configuration. All or none; INVALID names the setting and its bounds.
gboolean
yd_settings_set(YdService *service, const YdActor *actor, const json_t *changes, GError **error);
