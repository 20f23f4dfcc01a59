/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is still to be done for each chunk of a file that is being fetched, and who does what next.
 *
 * A chunk comes from a copy that may be here already (the half of an earlier attempt, or an older
 * version) or over the wire; what turns out not to be good locally comes over the wire after all.
 * Chunks of zeros are never open.  Pure; thread: whoever holds its owner's lock.
 */
#pragma once

#include "base/depot/chunk-list.h"

typedef struct BerthImagePlan BerthImagePlan;

typedef enum {
    BERTH_IMAGE_WAY_DONE,
    BERTH_IMAGE_WAY_OWN,   /* said to be in the file already: is read and checked again */
    BERTH_IMAGE_WAY_OLDER, /* is in an older file of this host */
    BERTH_IMAGE_WAY_WIRE,
    BERTH_IMAGE_WAY_BUSY, /* somebody works at it */
} BerthImageWay;

typedef struct {
    uint64_t first, n; /* chunks; those of zeros among them are not sent */
} BerthImageRange;

/* A plan in which all that is not zero comes over the wire.  list: a reference is taken. */
BerthImagePlan *berth_image_plan_new(BerthChunkList *list);

/* NULL is allowed. */
void berth_image_plan_free(BerthImagePlan *self);

/* Says that a chunk may be had locally: OWN or OLDER; a chunk of zeros stays done. */
void berth_image_plan_set_way(BerthImagePlan *self, uint64_t index, BerthImageWay way);

/* Takes the next chunk that may be had locally; it is busy then.  False if there is none. */
bool berth_image_plan_take_local(BerthImagePlan *self, uint64_t *ret_index, BerthImageWay *ret_way);

/*
 * Takes the next chunks for one request; they are busy then.  False if there are none.
 *
 * max_chunks:  that are sent, at least 1
 */
bool berth_image_plan_take_range(BerthImagePlan *self, uint64_t max_chunks, BerthImageRange *ret);

/* A busy chunk is in the file, and good. */
void berth_image_plan_finish(BerthImagePlan *self, uint64_t index);

/* Busy chunks of a range are to come over the wire (again). */
void berth_image_plan_give_back(BerthImagePlan *self, const BerthImageRange *range);

/* Chunks that are not done, busy ones among them. */
uint64_t berth_image_plan_n_open(const BerthImagePlan *self);

/* Bytes of the chunks that are not done. */
uint64_t berth_image_plan_open_bytes(const BerthImagePlan *self);

/* What is to be done for a chunk of the list. */
BerthImageWay berth_image_plan_get_way(const BerthImagePlan *self, uint64_t index);
