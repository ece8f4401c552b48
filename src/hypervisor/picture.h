// SPDX-License-Identifier: Apache-2.0
// Pictures of screens as PNG. QEMU hands them out as PPM (netpbm, "P6" with 8 bits).
#pragma once

#include "base/error.h"

// INVALID when data is no such picture, or has more than 64 megapixels.
GBytes *yd_picture_from_ppm(const guint8 *data, gsize length, GError **error);

// The PNG scaled down to that width, each pixel the mean of those it stands for; as it is when it
// is no wider. INVALID when it is no PNG, or has more than 64 megapixels.
GBytes *yd_picture_scale(GBytes *png, guint width, GError **error);
