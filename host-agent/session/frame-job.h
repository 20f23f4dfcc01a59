/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One turn of the frame room: the work for one head that is done in the plan thread.
 *
 * A turn of new pixels takes the picture from the screen, plans, and writes the plan out for each
 * viewer that takes part; the others note what they miss.  Other turns plan nothing new.  While a
 * job runs nobody else touches its head and the streams of its seats.
 *
 * Thread: main, but for berth_frame_job_run().
 */
#pragma once

#include "host-agent/session/marked-picture.h"
#include "host-agent/session/screen.h"
#include "host-agent/session/seat-private.h"

#include "base/fork-join.h"
#include "display/encode/plan.h"
#include "display/encode/planner.h"

#include <glib.h>

/* What is made of one head: belongs to the job while one runs, else to main. */
typedef struct {
    BerthPlanner *planner;
    BerthPlan *plan;           /* the newest; NULL before the first */
    BerthMarkedPicture marked; /* what is planned from */
    BerthDamage *no_damage;    /* of the mode's size, empty; NULL before the first mode */
    int width, height;         /* of the mode; 0 before */
    bool is_broken;            /* the planner has to begin anew */
} BerthFrameDesk;

/* What becomes of one seat in this turn. */
typedef struct {
    BerthSeat *seat;
    bool takes_part;
    bool wants_refresh;
    BerthSerialTrail trail;
    size_t refine_bytes;
    size_t budget_bytes; /* of a frame that is no refinement */
    GArray *messages;    /* BerthSeatMessage */
    BerthSeatDelivery delivery;
    bool is_behind;
    int64_t refine_due_us;
} BerthFrameJobItem;

typedef struct {
    /* Set before: */
    BerthFrameKind kind;
    int head;
    BerthScreen *screen;
    BerthFrameDesk *desk;
    BerthForkJoin *workers;
    BerthWatermark *watermark; /* NULL: none; a reference */
    BerthPlanInput input;      /* but for now_us and needs_key */
    int64_t start_us;
    int64_t waiting_px; /* that the capture had at the start */
    BerthFrameJobItem *items;
    size_t n_items;
    /* Set by the run: */
    int error;           /* of the planner: nobody got anything */
    int64_t plan_due_us; /* INT64_MAX: never */
    int64_t late_us;     /* from start_us to the moment when the thread really ran */
    int64_t end_us;
} BerthFrameJob;

/* Makes a job with room for n_items, all zero. */
BerthFrameJob *berth_frame_job_new(size_t n_items);

/* Frees it with all messages that were not taken. */
void berth_frame_job_free(BerthFrameJob *self);

/* Does the work.  job: a BerthFrameJob.  Thread: the plan thread, or main while that one rests. */
void berth_frame_job_run(void *job);

/* Frees what the desk holds, but not itself. */
void berth_frame_desk_clear(BerthFrameDesk *self);
