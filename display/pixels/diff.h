/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Exact differences between two frames of which one is to become the other.
 */
#pragma once

#include "berth/limits.h"
#include "display/pixels/frame.h"

#include <stddef.h>

/* Widest rectangle that is compared, and most of them at once: a row of tiles. */
#define BERTH_DIFF_MAX_WIDTH_PX 64
#define BERTH_DIFF_MAX_RECTS (BERTH_LIMIT_HEAD_SIDE_PX / BERTH_DIFF_MAX_WIDTH_PX)

/*
 * Makes dst what src is within rectangles side by side, and finds the boxes of what differed.
 * They are compared together because memory is fastest in its own order: one tile after the other
 * takes three times as long.
 *
 * rects: n_rects of them, empty or inside both frames, at most BERTH_DIFF_MAX_WIDTH_PX wide; each
 *        becomes the smallest box around the pixels that differed in it, empty if none did
 */
void berth_diff_take_row(BerthFrame *dst, const BerthFrame *src, BerthRect *rects, size_t n_rects);
