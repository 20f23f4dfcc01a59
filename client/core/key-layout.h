/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The names of a keyboard layout as an X server keeps them on its root window.
 *
 * Pure.  Thread: any.
 */
#pragma once

#include "display/wire/msg-input.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Reads the property _XKB_RULES_NAMES: rules, model, layout, variant and options, each ended by a
 * zero byte.  Names that the wire does not take are left out.
 *
 * Returns false, and sets nothing, if no layout is named.
 */
bool berth_key_layout_parse(const char *property, size_t len, BerthKeyLayout *ret);
