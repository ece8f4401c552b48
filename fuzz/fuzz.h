// SPDX-License-Identifier: Apache-2.0
// What every fuzz program has: the entry that libFuzzer, and fuzz/replay.c, call.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Reads one input; returns 0. Whatever the bytes are, it must neither crash nor trip an assertion.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
