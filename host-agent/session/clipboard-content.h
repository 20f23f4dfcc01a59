/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a clipboard holds: is it what it is called, and is it the same as another one.  Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t words[2];
} BerthContentHash;

/*
 * Whether bytes may be called so.  type: BERTH_CLIPBOARD_TEXT, BERTH_CLIPBOARD_HTML: UTF-8 without
 * NUL, may be empty; BERTH_CLIPBOARD_PNG: begins as a PNG does.
 */
bool berth_content_is_good(uint8_t type, const uint8_t *data, size_t len);

/* To tell contents apart that nobody made to be taken for each other. */
BerthContentHash berth_content_hash(const uint8_t *data, size_t len);
bool berth_content_hash_equal(const BerthContentHash *a, const BerthContentHash *b);
