/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text for people in messages.  Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Returns true if text is valid UTF-8 without control characters (C0, C1, DEL): fit for a log or a
 * window.
 */
bool berth_wire_text_is_clean(const uint8_t *text, size_t len);
