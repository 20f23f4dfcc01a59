/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Public identifiers: 16 random bytes, written as 32 lower-case hexadecimal digits.
 *
 * An id names a thing; it is never a capability.  Functions on them are in base/id.h.
 */
#pragma once

#include <stdint.h>

#define BERTH_ID_BYTES 16
#define BERTH_ID_HEX_CHARS 32
/* SHA-256 of a DER SubjectPublicKeyInfo: how keys are pinned. */
#define BERTH_KEY_HASH_BYTES 32

typedef struct {
    uint8_t bytes[BERTH_ID_BYTES];
} BerthId;
