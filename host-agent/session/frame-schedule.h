/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is to be made next for one head, for whom, or when to look again: a pure decision.
 *
 * The viewers of a head sit in an order; the first is the driver: new pixels are taken when it can
 * take a frame.  Whoever has no room then, or got a frame too short a time ago, skips and catches
 * up alone later, so a slow viewer never holds the driver.  A driver that has had no room for half
 * a second drives no more until it has.
 *
 * Work in order of urgency: new pixels, catching up, refinement (only for who has nothing in
 * flight), picture checks.
 *
 * Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Viewers of a head that can be scheduled: one bit each. */
#define BERTH_SCHEDULE_MAX_SEATS 32

/* Microseconds without room after which the first viewer drives no more. */
#define BERTH_SCHEDULE_STALL_US (500 * 1000)
/* Microseconds between two picture checks of a head: in a flow, and while only a caret blinks. */
#define BERTH_SCHEDULE_CHECK_US (5000 * 1000)
#define BERTH_SCHEDULE_RARE_CHECK_US (30 * 1000 * 1000)
/* Payload bytes of all frames since the last check up to which nothing but a caret blinked. */
#define BERTH_SCHEDULE_RARE_BYTES 8192
/* Microseconds from the last frame to a check at rest. */
#define BERTH_SCHEDULE_REST_US (1000 * 1000)

typedef enum {
    BERTH_FRAME_NONE = 0,
    BERTH_FRAME_NEW = 1,      /* new pixels; whoever is not named skips */
    BERTH_FRAME_CATCH_UP = 2, /* nothing new; those named get what they lack */
    BERTH_FRAME_REFINE = 3,   /* better pixels of the same picture */
    BERTH_FRAME_CHECK = 4,    /* a picture check */
} BerthFrameKind;

/* One viewer of the head. */
typedef struct {
    bool has_room;         /* its window takes a frame now */
    bool has_bulk_room;    /* the same for what is not urgent */
    bool is_quiet;         /* nothing is in flight */
    int64_t waiting_us;    /* how long it has had no room; 0 if it has */
    int64_t interval_us;   /* from one frame to the next */
    int64_t last_frame_us; /* INT64_MIN / 2 before the first */
    /* When there is something of a kind for it; INT64_MAX: never */
    int64_t catch_up_due_us; /* it lacks something: the past; it asked for all: not too often */
    int64_t refine_due_us;
    int64_t check_due_us;
} BerthScheduleSeat;

typedef struct {
    BerthFrameKind kind;
    uint32_t seats; /* bit i: seat i takes part */
    int64_t due_us; /* when to look again at the latest; INT64_MAX if only events can change it */
} BerthScheduleChoice;

/*
 * Chooses.
 *
 * has_changes: the capture has pixels that were not taken
 * seats:       at most BERTH_SCHEDULE_MAX_SEATS, the driver first
 */
BerthScheduleChoice berth_frame_schedule_choose(bool has_changes, const BerthScheduleSeat *seats,
                                                size_t n_seats, int64_t now_us);

/*
 * From when on a new picture would be made of pixels that came then; INT64_MAX if only events can
 * tell.  A source need not fetch any before.
 *
 * next_us: lowered to the time when another viewer may drive
 */
int64_t berth_frame_schedule_get_wanted_us(const BerthScheduleSeat *seats, size_t n_seats,
                                           int64_t now_us, int64_t *next_us);

/* What was sent of a head since its last picture check. */
typedef struct {
    int64_t last_check_us;      /* INT64_MIN / 2 before the first */
    int64_t first_unchecked_us; /* first frame after it; INT64_MAX if there was none */
    int64_t last_frame_us;
    uint64_t unchecked_bytes; /* payload of those frames */
} BerthScheduleUnchecked;

/*
 * When the next picture check of a viewer's head is due: every 5 s while frames flow, 1 s after the
 * last one, rarely while next to nothing changes, and never twice for the same picture.
 */
int64_t berth_frame_schedule_get_check_due_us(const BerthScheduleUnchecked *unchecked);
