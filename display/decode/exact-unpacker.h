/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The receiving end of the exact stream: zstd bytes of a peer into rectangles of a canvas.
 *
 * State: the zstd window, which is allocated when the first bytes of the stream ask for it and is
 * never larger than the window log given at the start, and 128 KiB.  Thread: one at a time.
 */
#pragma once

#include "display/pixels/frame.h"
#include "display/wire/msg-display.h"

typedef struct BerthExactUnpacker BerthExactUnpacker;

/*
 * window_log: 10..BERTH_LIMIT_ZSTD_WINDOW_LOG
 *
 * Errors: NULL if memory ran out.
 */
BerthExactUnpacker *berth_exact_unpacker_new(int window_log);

/* NULL is allowed. */
void berth_exact_unpacker_free(BerthExactUnpacker *self);

/*
 * Takes one EXACT message whose rectangles are all inside the canvas.
 *
 * Errors (the canvas is undefined then, the stream unusable): BERTH_ERR_CORRUPT if the bytes are
 * not zstd, want a larger window, or give more or fewer bytes than the rectangles hold.
 */
int berth_exact_unpacker_decode(BerthExactUnpacker *self, const BerthMsgExact *exact,
                                BerthFrame *canvas);
