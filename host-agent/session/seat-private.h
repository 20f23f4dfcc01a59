/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What frame room and frame job know of a seat.  Fields say who may touch them.
 */
#pragma once

#include "host-agent/session/seat.h"
#include "host-agent/session/serial-trail.h"

#include "berth/limits.h"

/* One head as this viewer has it. */
typedef struct {
    /* Main: */
    bool is_behind;     /* lacks something of the planner's picture */
    bool wants_refresh; /* the client asked for all of it */
    int64_t last_refresh_us;
    int64_t refine_due_us;
    BerthScheduleUnchecked unchecked; /* with the time of the last frame */
    /* The job, while one runs: */
    int width, height; /* as the client was told; 0 before */
} BerthSeatHead;

struct BerthSeat {
    /* Main: */
    const BerthSeatCallbacks *callbacks;
    void *user_data;
    BerthClientCaps caps;
    BerthSerialTrail trail;
    bool is_gone; /* given up while a job ran */
    BerthSeatHead heads[BERTH_LIMIT_HEADS];
    /* The job, while one runs: */
    BerthClientStream *stream;
    uint32_t frame_id;     /* of the last frame */
    uint32_t input_serial; /* that it named */
};

/* callbacks: borrowed.  NULL if the stream cannot be made (memory, or what the client offers). */
BerthSeat *berth_seat_new(const BerthClientCaps *caps, const BerthSeatCallbacks *callbacks,
                          void *user_data);

/* NULL is allowed. */
void berth_seat_free(BerthSeat *self);

/* A head is gone; if it comes back it is a new one.  No job may run. */
void berth_seat_forget_head(BerthSeat *self, int head);

/*
 * What the schedule has to know of a seat for one head.
 *
 * flow: as its owner said;  has_plan: there is something to catch up with
 */
BerthScheduleSeat berth_seat_get_schedule(const BerthSeat *self, int head,
                                          const BerthSeatFlow *flow, bool has_plan);

/* When a whole picture that was asked for may be sent; INT64_MAX if none was. */
int64_t berth_seat_get_refresh_due_us(const BerthSeat *self, int head);
