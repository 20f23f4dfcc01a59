/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a video plays: finds rectangles of the screen that change often with photo-like content.
 *
 * A region opens when connected tiles changed at least 8 times within 500 ms, not explained by
 * copies and with many colours, most of them in most of those frames.  Its rectangle is the exact
 * box of what changed, so it need not lie on the borders of tiles; it is frozen while the region
 * lives.  It closes after 700 ms without enough change.  Within a region, tiles of few colours and
 * tiles that stand still are kept out (keep rectangles): they are drawn exactly, by other means.
 *
 * Order of a frame in the planner:
 *  1. berth_video_regions_is_video(tile): do not look for copies, fills or photos there;
 *  2. classify what changed (all damaged tiles: see BerthTileChange);
 *  3. berth_video_regions_update();
 *  4. encode each region (key frame if is_new), and send berth_video_regions_cut() of every crop
 *     by the other means.
 *
 * State: 64 bytes a tile.  Thread: one at a time.
 */
#pragma once

#include "display/pixels/damage.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most regions at once; a region's stream is below this. */
#define BERTH_VIDEO_MAX_REGIONS 2
/* Most keep rectangles of a region; more tiles than that to keep end the region. */
#define BERTH_VIDEO_MAX_KEEP 64
/* Most rectangles that berth_video_regions_cut() makes of one crop within a tile. */
#define BERTH_VIDEO_MAX_CUTS 8

/* What happened to a damaged tile in this frame. */
typedef enum {
    BERTH_TILE_CHANGE_COPIED = 0, /* copies, fills or kept tiles explain (nearly) all of it */
    BERTH_TILE_CHANGE_FLAT = 1,   /* few colours: text, menus, drawings */
    BERTH_TILE_CHANGE_PHOTO = 2,  /* many colours */
} BerthTileChange;

typedef struct {
    uint8_t stream;   /* 0..BERTH_VIDEO_MAX_REGIONS - 1 */
    bool is_new;      /* opened by this update */
    bool has_changed; /* something in it changed in this frame: encode it */
    BerthRect rect;   /* of the screen; frozen */
    BerthRect keep[BERTH_VIDEO_MAX_KEEP];
    size_t n_keep;
} BerthVideoRegion;

typedef struct BerthVideoRegions BerthVideoRegions;

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

/*
 * True if video painted the tile in the previous frame and is going to do so again, wholly or in
 * part: looking for copies there is a waste.
 *
 * tile: row-major index in the grid of 64x64 tiles
 */
bool berth_video_regions_is_video(const BerthVideoRegions *self, unsigned tile);

/*
 * Takes the changes of one frame, also of one without damage (time goes on).
 *
 * damage:  of the size configured
 * changes: one BerthTileChange a tile, row-major; read for damaged tiles only
 *
 * Errors: BERTH_ERR_INVALID if the damage is of another size.
 */
int berth_video_regions_update(BerthVideoRegions *self, int64_t now_us, const BerthDamage *damage,
                               const uint8_t *changes);

/* The open regions after the last update; borrowed until the next call that is not const. */
const BerthVideoRegion *berth_video_regions_get(const BerthVideoRegions *self, size_t *ret_n);

/* Streams that the last update closed, as a mask of 1 << stream; a stream may be closed and, as
 * another region, new in one update. */
unsigned berth_video_regions_get_closed(const BerthVideoRegions *self);

/* When an update without damage would close a region or keep a tile; -1 if never. */
int64_t berth_video_regions_get_due_us(const BerthVideoRegions *self);

/*
 * What of a rectangle within one tile the open regions do not paint.
 *
 * rects: room for BERTH_VIDEO_MAX_CUTS
 *
 * Returns the number of rectangles, which do not overlap; 0 if video paints all of it.
 */
size_t berth_video_regions_cut(const BerthVideoRegions *self, BerthRect rect, BerthRect *rects);
