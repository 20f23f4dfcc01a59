/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Plans the frames of one head: finds what moved, what has one colour and what must be sent.
 *
 * The planner keeps the picture as the viewers have it after the last plan, so damage is only a
 * hint where to look: pixels that they have already cost nothing.  Everything that it proposes is
 * compared with the new picture before it becomes part of the plan.
 *
 * State for one head: 4 bytes a pixel, the search's tables and lists of the size of the picture
 * (about 3 MB at 1920x1080).  Thread: one at a time.
 */
#pragma once

#include "display/encode/plan.h"
#include "display/pixels/damage.h"
#include "display/pixels/frame.h"

typedef struct BerthPlanner BerthPlanner;

/* What the planner has to know of the world. */
typedef struct {
    int64_t now_us; /* when the picture was captured; any monotonic clock */
    int pointer_x;  /* where the user looks; negative if not known */
    int pointer_y;
    int effort;            /* 0 least, 3 all there is: what the processor can spare */
    uint8_t photo_quality; /* of JPEG, 1..100 */
    size_t budget_bytes;   /* about so much may one frame have; 0: no limit */
    unsigned video_kbps;   /* what videos may take */
    uint8_t photo_mask;    /* BERTH_PHOTO_*: what every viewer can decode; 0: send exactly */
    uint8_t video_mask;    /* BERTH_VIDEO_*: the same for videos */
    bool needs_key;        /* a viewer cannot go on with its videos without a key frame */
} BerthPlanInput;

/* Errors: NULL if memory ran out. */
BerthPlanner *berth_planner_new(void);

/* NULL is allowed.  Plans may live longer. */
void berth_planner_free(BerthPlanner *self);

/*
 * Starts a new mode: the picture is black, the next plan is number 1.
 *
 * Errors (nothing changes): BERTH_ERR_TOO_LARGE, BERTH_ERR_NO_MEMORY.
 */
int berth_planner_configure(BerthPlanner *self, int width, int height);

/*
 * Plans the way from the last picture to this one.
 *
 * frame, damage: of the size of the mode; read only, and only during the call.  All pixels that
 *                changed since the last plan must be in the damage.
 * ret_plan:      for the caller to free; an empty plan is possible
 *
 * Errors: BERTH_ERR_STATE (no mode), BERTH_ERR_INVALID (sizes), BERTH_ERR_NO_MEMORY (the planner
 * must be configured anew).
 */
int berth_planner_plan(BerthPlanner *self, const BerthFrame *frame, const BerthDamage *damage,
                       const BerthPlanInput *input, BerthPlan **ret_plan);

/*
 * Tells when a plan is worth making even if nothing is damaged: a video has come to its end.
 *
 * ret_due_us: on the clock of the plans; set on true only
 */
bool berth_planner_get_due(const BerthPlanner *self, int64_t *ret_due_us);

/* The picture after the last plan; NULL before the first mode.  Borrowed. */
const BerthFrame *berth_planner_get_picture(const BerthPlanner *self);
