// SPDX-License-Identifier: Apache-2.0
// Who uses a template version: the reason why it is not deleted, by name.
#pragma once

#include "service/service.h"

// FALSE with IN_USE, naming pools, desktops and workbenches (the first ten of each), when there are
// any. In the transaction that deletes it.
gboolean
yd_template_version_unused(YdStore *store, const YdTemplateVersion *version, GError **error);
