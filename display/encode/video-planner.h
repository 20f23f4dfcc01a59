/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The videos of one head: finds where something plays and keeps an encoder for each such region.
 *
 * State: that of the regions (90 bytes a tile) and of the encoders (25 bytes a pixel of each).
 * Thread: one at a time.
 */
#pragma once

#include "display/encode/plan.h"
#include "display/encode/video-regions.h"

typedef struct BerthVideoPlanner BerthVideoPlanner;

/* What the caller of a frame wants of videos. */
typedef struct {
    int64_t now_us;
    uint8_t mask;       /* BERTH_VIDEO_BIT() of codecs that may be used; 0: no videos */
    unsigned kbps;      /* for all videos together; 0: as much as the quality needs */
    int effort;         /* as BerthPlanInput */
    bool is_key_wanted; /* a viewer waits: every video gives a key frame within half a second */
} BerthVideoWish;

/* Errors: NULL if memory ran out. */
BerthVideoPlanner *berth_video_planner_new(void);

/* NULL is allowed. */
void berth_video_planner_free(BerthVideoPlanner *self);

/* A new mode; errors (nothing changes): those of berth_video_regions_configure(). */
int berth_video_planner_configure(BerthVideoPlanner *self, int width, int height);

/* Where videos are; borrowed, for questions only. */
const BerthVideoRegions *berth_video_planner_get_regions(const BerthVideoPlanner *self);

/*
 * Takes what changed in a frame and encodes every open region that is to be painted.
 *
 * frame:   the new picture;  damage: what changed in it, of its size
 * changes: as berth_video_regions_update()
 * ret_videos: the open regions; room for BERTH_VIDEO_MAX_REGIONS.  The caller frees data and keep
 *             of each with g_free().
 * ret_n:   how many
 *
 * Returns false if a region could not be encoded: then what changed must go by other means, all of
 * it.
 */
bool berth_video_planner_encode(BerthVideoPlanner *self, const BerthVideoWish *wish,
                                const BerthFrame *frame, const BerthDamage *damage,
                                const BerthVideoChange *changes, size_t n_changes,
                                BerthPlanVideo *ret_videos, size_t *ret_n);
