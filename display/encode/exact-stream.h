/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An exact stream of one connection: rectangles of pixels through one long-lived zstd context.
 *
 * The plain one carries pixels as they are.  The gradient one carries what a prediction from the
 * neighbours leaves, for pictures of many colours, where nothing repeats.
 *
 * The window remembers what was sent before, so a letter, an icon or a line that the client has
 * seen within the last 8 MiB of pixels costs a few bytes when it appears anywhere again.
 *
 * State: the zstd context (see client-stream.h) and 640 KiB.  Thread: one at a time.
 */
#pragma once

#include "base/bytes-writer.h"
#include "display/pixels/frame.h"
#include "display/wire/msg-exact.h"

typedef struct BerthExactStream BerthExactStream;

/*
 * kind: what the stream carries;  window_log: 10..BERTH_LIMIT_ZSTD_WINDOW_LOG;  level: 1..9
 *
 * Errors: NULL if memory ran out.
 */
BerthExactStream *berth_exact_stream_new(BerthExactStreamKind kind, int window_log, int level);

/* NULL is allowed. */
void berth_exact_stream_free(BerthExactStream *self);

/*
 * Writes one EXACT message.
 *
 * rects:  inside the frame, 1..BERTH_WIRE_MAX_ITEMS of them
 * writer: the payload is appended
 *
 * Errors (the stream is unusable then): those of the writer, BERTH_ERR_INTERNAL from zstd.
 */
int berth_exact_stream_encode(BerthExactStream *self, const BerthFrame *frame,
                              const BerthWireRect *rects, size_t n_rects, BerthWriter *writer);
