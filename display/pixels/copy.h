/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Several moves within one picture that happen at once.
 */
#pragma once

#include "display/pixels/frame.h"

typedef struct {
    BerthRect source;
    int x; /* where the first pixel of the source goes */
    int y;
} BerthMove;

/*
 * Moves rectangles as if all sources were read before the first target is written.
 *
 * moves: sources and targets inside the picture; where targets overlap, the later one wins
 *
 * Errors: BERTH_ERR_NO_MEMORY (some moves may have been done).
 */
int berth_copy_apply(BerthFrame *frame, const BerthMove *moves, size_t n_moves);
