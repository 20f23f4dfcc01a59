/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Photos of one frame that are decoded together, on several processors.
 *
 * A photo that was added is painted by the next run.  Whoever reads or writes its rectangle before
 * that has to run the batch first: then the order of messages does not matter.
 *
 * State: BERTH_PHOTO_BATCH_SIZE decoders when they are first used, and the bytes of the photos that
 * wait.  Thread: one at a time; the parts of a run touch nothing of each other.
 */
#pragma once

#include "display/pixels/frame.h"
#include "display/pixels/rect.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BERTH_PHOTO_BATCH_SIZE 8

typedef struct BerthPhotoBatch BerthPhotoBatch;

/*
 * Calls func for 0 .. n_parts - 1, each once in any thread, and returns when all have returned:
 * berth_fork_join_run(), say.
 */
typedef void (*BerthRunParts)(void *runner, size_t n_parts,
                              void (*func)(size_t part, void *user_data), void *user_data);

/* runner: borrowed, for run.  Errors: NULL if memory ran out. */
BerthPhotoBatch *berth_photo_batch_new(BerthRunParts run, void *runner);

/* NULL is allowed. */
void berth_photo_batch_free(BerthPhotoBatch *self);

/* True if nothing can be added before the next run. */
bool berth_photo_batch_is_full(const BerthPhotoBatch *self);

/* True if a photo waits that paints a part of the rectangle. */
bool berth_photo_batch_touches(const BerthPhotoBatch *self, BerthRect rect);

/*
 * Keeps a photo for the next run; the batch must not be full.
 *
 * data: copied;  rect: inside the canvas of that run, not touching another one that waits
 *
 * Errors: BERTH_ERR_NO_MEMORY.
 */
int berth_photo_batch_add(BerthPhotoBatch *self, const uint8_t *data, size_t len, BerthRect rect);

/*
 * Paints all that wait; none waits any more.
 *
 * Errors: those of berth_photo_decoder_decode(), BERTH_ERR_NO_MEMORY; the rectangles may hold
 * rubbish then.
 */
int berth_photo_batch_run(BerthPhotoBatch *self, BerthFrame *canvas);
