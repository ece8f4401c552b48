// SPDX-License-Identifier: Apache-2.0
// The folders that QEMU, deskd and deskgate share, with the owners and modes that let each do its
// part and no more.
#pragma once

#include "deskhost/host-config.h"

// Makes what is missing and sets owners and modes; without root or without the users (tests) the
// folders stay the caller's own.
gboolean yd_folders_prepare(const YdHostConfig *config, GError **error);
