// SPDX-License-Identifier: Apache-2.0
// Reads the head of a request into a YdRequest.
#pragma once

#include "api/server.h"

// Always gives a request; one that is refused already has its problem answer set.
YdRequest *yd_head_read(YdApi *api, SoupServerMessage *msg, const YdClient *client);
