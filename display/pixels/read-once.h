/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Loads from memory that somebody else may write to at the same time.
 *
 * A compiler may load a plain variable twice and assume that both loads agree.  Here the loaded
 * value passes an empty asm statement, after which it can only come from its register.
 */
#pragma once

#include <stdint.h>
#include <string.h>

/* One little-endian word at any alignment. */
static inline uint32_t
berth_read_once_u32(const uint8_t *data)
{
    uint32_t word;
    memcpy(&word, data, sizeof word);
    __asm__ volatile("" : "+r"(word));
    return word;
}

/* n_bytes (1..4) as one little-endian word. */
static inline uint32_t
berth_read_once_bytes(const uint8_t *data, int n_bytes)
{
    uint32_t word = 0;
    for (int i = 0; i < n_bytes; i++) {
        uint32_t byte = data[i];
        __asm__ volatile("" : "+r"(byte));
        word |= byte << (8 * i);
    }
    return word;
}
