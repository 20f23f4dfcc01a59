/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a video plays: finds rectangles of the screen that change often with photo-like content.
 *
 * A region opens when tiles near each other changed at least four times within half a second, as
 * films do and not explained by copies, and most tiles of their common box changed, too.
 * Its rectangle is the exact box of what changed, so it need not lie on the borders of tiles, moved
 * by a pixel if colours turn out to be shared by pairs of pixels that begin one earlier.  It is
 * frozen; if the video proves to be larger, the region is closed and a new one opens.  It closes
 * after 700 ms without enough change, or at once when drawings cover it.
 *
 * Within a region tiles are kept out (keep rectangles), and drawn exactly by other means, which did
 * not change since before the region opened, which stood still for some seconds, or which a
 * drawing covers.
 *
 * Order of a frame in a planner:
 *  1. berth_video_regions_is_video(tile): looking for copies is a waste there;
 *  2. find what changed;
 *  3. berth_video_regions_update();
 *  4. encode each region that has_changed (key frame if is_new); send berth_video_regions_cut() of
 *     every change by the other means.
 *
 * State: 100 bytes a tile.  Thread: one at a time.
 */
#pragma once

#include "display/pixels/classify.h"
#include "display/pixels/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most regions at once; a region's stream is below this. */
#define BERTH_VIDEO_MAX_REGIONS 2
/* Most keep rectangles of a region; what would need more is painted. */
#define BERTH_VIDEO_MAX_KEEP 256
/* Most rectangles that berth_video_regions_cut() makes of one rectangle within a tile. */
#define BERTH_VIDEO_MAX_CUTS 16

/* What changed in one tile in one frame. */
typedef struct {
    unsigned tile;  /* row-major index in the grid of 64x64 tiles */
    BerthRect rect; /* in pixels of the screen, inside the tile, not empty */
    bool is_film;   /* berth_video_is_film(): false for drawings, text, one colour */
    bool is_sharp;  /* berth_video_is_sharp(): part of a film only if it was before */
    bool is_copied; /* the rest of a tile that copies explained */
} BerthVideoChange;

typedef struct {
    uint8_t stream;   /* 0..BERTH_VIDEO_MAX_REGIONS - 1 */
    bool is_new;      /* opened by the last update */
    bool has_changed; /* to be encoded and painted in this frame */
    BerthRect rect;   /* of the screen; frozen */
    BerthRect keep[BERTH_VIDEO_MAX_KEEP];
    size_t n_keep;
} BerthVideoRegion;

typedef struct BerthVideoRegions BerthVideoRegions;

/*
 * True if pixels look like those of a film: neighbours differ a little, seldom by much.
 *
 * Other than photos, films have parts of few colours, and boxes in which little changed.
 */
bool berth_video_is_film(const BerthPixelStats *stats);

/* True if more neighbours differ by much than in any plain part of a film: text, drawings. */
bool berth_video_is_sharp(const BerthPixelStats *stats);

/* Errors: NULL if memory ran out. */
BerthVideoRegions *berth_video_regions_new(void);

/* NULL is allowed. */
void berth_video_regions_free(BerthVideoRegions *self);

/*
 * A new screen size: forgets everything; open regions are gone without a further word.
 *
 * Errors: BERTH_ERR_TOO_LARGE, BERTH_ERR_NO_MEMORY (nothing changes).
 */
int berth_video_regions_configure(BerthVideoRegions *self, int width, int height);

/* Closes all regions at the next update, and opens none while it is not allowed. */
void berth_video_regions_set_allowed(BerthVideoRegions *self, bool is_allowed);

/* On a slow path frames are rare and large: a region opens after two changes, not four. */
void berth_video_regions_set_hasty(BerthVideoRegions *self, bool is_hasty);

/*
 * True if video paints the tile, wholly or in part.
 *
 * tile: row-major index
 */
bool berth_video_regions_is_video(const BerthVideoRegions *self, unsigned tile);

/*
 * Takes the changes of one frame, also of one without changes (time goes on).
 *
 * frame:   after the changes; NULL: colours are not looked at
 * changes: at most one a tile
 */
void berth_video_regions_update(BerthVideoRegions *self, const BerthFrame *frame,
                                const BerthVideoChange *changes, size_t n_changes, int64_t now_us);

/* The open regions after the last update, ret_n of them; borrowed until the next one. */
const BerthVideoRegion *berth_video_regions_get(const BerthVideoRegions *self, size_t *ret_n);

/* Streams that the last update closed, as a mask of 1 << stream; a stream may be closed and, as
 * another region, new in one update. */
unsigned berth_video_regions_get_closed(const BerthVideoRegions *self);

/* When an update without changes would close a region; -1 if never. */
int64_t berth_video_regions_get_due_us(const BerthVideoRegions *self);

/*
 * What of a rectangle within one tile the open regions do not paint in this frame.
 *
 * rects: room for BERTH_VIDEO_MAX_CUTS
 *
 * Returns the number of rectangles, which do not overlap; 0 if video paints all of it.
 */
size_t berth_video_regions_cut(const BerthVideoRegions *self, BerthRect rect, BerthRect *rects);
