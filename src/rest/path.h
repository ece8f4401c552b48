// SPDX-License-Identifier: Apache-2.0
// Builds request paths from parts that come from people, so that no value can leave its place.
#pragma once

#include <glib.h>

// "/PLURAL/ID" or "/PLURAL/ID/ACT" (act may be NULL), each escaped; owned.
char *yd_path(const char *plural, const char *id, const char *act);

// Appends "?name=value" or "&name=value", escaped. value NULL appends nothing.
void yd_path_query(GString *path, const char *name, const char *value);
