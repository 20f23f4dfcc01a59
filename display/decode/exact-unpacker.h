/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The receiving end of an exact stream: zstd bytes of a peer into rectangles of a canvas.
 *
 * State: the zstd window, which is allocated when the first bytes of the stream ask for it and is
 * never larger than the window log given at the start, and 128 KiB.  Thread: one at a time.
 */
#pragma once

#include "display/pixels/frame.h"
#include "display/wire/msg-exact.h"

typedef struct BerthExactUnpacker BerthExactUnpacker;

/*
 * kind: which of the two streams: whether it carries pixels or residuals
 * window_log: 10..BERTH_LIMIT_ZSTD_WINDOW_LOG
 *
 * Errors: NULL if memory ran out.
 */
BerthExactUnpacker *berth_exact_unpacker_new(BerthExactStreamKind kind, int window_log);

/* NULL is allowed. */
void berth_exact_unpacker_free(BerthExactUnpacker *self);

/*
 * Begins one EXACT message: unpacks the table of its rectangles.
 *
 * ret_rects: exact->n of them, allowed ones; borrowed until the next call.  The caller checks that
 *            they are inside of its canvas.
 *
 * Errors (the stream is unusable then): BERTH_ERR_CORRUPT as below, BERTH_ERR_PROTOCOL if the
 * table says something else than the message, BERTH_ERR_NO_MEMORY.
 */
int berth_exact_unpacker_begin(BerthExactUnpacker *self, const BerthMsgExact *exact,
                               const BerthWireRect **ret_rects);

/*
 * Draws the pixels of the message that was begun.  All of its rectangles are inside the canvas.
 *
 * Errors (the canvas is undefined then, the stream unusable): BERTH_ERR_CORRUPT if the bytes are
 * not zstd, want a larger window, or give more or fewer bytes than the rectangles hold.
 */
int berth_exact_unpacker_draw(BerthExactUnpacker *self, BerthFrame *canvas);
