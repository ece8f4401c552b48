// SPDX-License-Identifier: Apache-2.0
// A map that a file of this room keeps beside the service: made at its first use, one lock, freed
// with the service.
#pragma once

#include "service/service.h"

typedef struct {
    GMutex lock;      // guards rows and what they hold
    GHashTable *rows; // owns keys and values as its maker says
} YdTable;

// The table of that name; make gives an empty map. Any thread.
YdTable *yd_table_of(YdService *service, const char *name, GHashTable *(*make)(void));

// Maps whose keys are texts; values are not owned, or freed by g_free().
GHashTable *yd_table_texts(void);
GHashTable *yd_table_texts_owned(void);
