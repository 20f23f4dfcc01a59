/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hint to the processor what is read next.  It follows the rows of a rectangle by itself only to
 * the end of each: the next row is somewhere else.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Bytes that come into the cache together. */
#define BERTH_CACHE_LINE_BYTES 64

/* Has n_bytes brought near; reads nothing, so any address will do. */
static inline void
berth_prefetch(const uint8_t *data, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i += BERTH_CACHE_LINE_BYTES) {
        __builtin_prefetch(data + i);
    }
}
