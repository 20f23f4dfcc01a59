/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Exact differences between two frames of which one is to become the other.
 */
#pragma once

#include "display/pixels/frame.h"

/* Widest rectangle that the functions take. */
#define BERTH_DIFF_MAX_WIDTH_PX 64

/*
 * The smallest box around all pixels that differ within rect; empty if none does.
 *
 * rect: inside both frames, at most BERTH_DIFF_MAX_WIDTH_PX wide
 */
BerthRect berth_diff_find(const BerthFrame *a, const BerthFrame *b, BerthRect rect);

/* The same, and dst becomes src within rect. */
BerthRect berth_diff_take(BerthFrame *dst, const BerthFrame *src, BerthRect rect);
