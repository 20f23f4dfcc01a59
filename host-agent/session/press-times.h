/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When the presses of a viewer came, until a frame answers them.
 *
 * A value without allocation; initialise with zeros.  Pure: times are parameters, of one clock.
 */
#pragma once

#include "display/wire/msg-statistics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BERTH_PRESS_TIMES_MAX 32

typedef struct {
    struct {
        uint32_t serial;
        int64_t came_us;
    } presses[BERTH_PRESS_TIMES_MAX]; /* the oldest first */

    size_t n;
} BerthPressTimes;

/* What is known of a frame that is about to be sent. */
typedef struct {
    uint32_t input_serial; /* of the last input that the guest had before the capture */
    int64_t capture_us;    /* of its oldest change */
    int64_t begun_us;      /* its making */
    int64_t now_us;
} BerthPressAnswer;

/* A press has come.  Of too many that are not answered the oldest is forgotten. */
void berth_press_times_note(BerthPressTimes *self, uint32_t serial, int64_t now_us);

/*
 * A frame that changes something is about to leave: forgets the presses that it answers.
 *
 * ret: of the newest of them, which is what the picture shows last; set on true only
 *
 * Returns whether there was one.
 */
bool berth_press_times_take(BerthPressTimes *self, const BerthPressAnswer *answer,
                            BerthMsgInputTimes *ret);
