// SPDX-License-Identifier: Apache-2.0
// Inside of templates: where uploads lie. See template.h for what the API uses.
#pragma once

#include "service/service.h"

// Path of a finished upload; owned. NOT_FOUND when there is none of that token.
char *yd_upload_path(YdService *service, const char *token, GError **error);
