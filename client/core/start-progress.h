/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How far a desktop is that was asked for: which steps are done, how long they took, what is still
 * to come.
 *
 * Pure: the clock is a parameter.  A value without allocation.  Thread: any.
 */
#pragma once

#include "client/core/broker-json.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    BERTH_START_ASKING,   /* the broker looks for a desktop */
    BERTH_START_QUEUED,   /* all are in use */
    BERTH_START_STARTING, /* one was found and starts */
    BERTH_START_OPENING,  /* it is ready and is being reached */
    BERTH_N_START_PHASES,
} BerthStartPhase;

typedef struct {
    BerthStartPhase phase;
    int64_t begun_us[BERTH_N_START_PHASES]; /* monotonic; 0 for phases that were not entered */
    int64_t position;                       /* in the queue, from 1; 0 if not told */
    int64_t estimate_s;                     /* until it is ready, when last told; 0 if not told */
    int64_t told_us;                        /* when that was */
} BerthStartProgress;

/* A desktop is asked for. */
void berth_start_progress_begin(BerthStartProgress *self, int64_t now_us);

/* The broker says "not yet". */
void berth_start_progress_wait(BerthStartProgress *self, const BerthConnectAnswer *answer,
                               int64_t now_us);

/* The desktop is ready. */
void berth_start_progress_open(BerthStartProgress *self, int64_t now_us);

/* How long a phase took, or takes until now; -1 if it was not entered. */
int64_t berth_start_progress_phase_us(const BerthStartProgress *self, BerthStartPhase phase,
                                      int64_t now_us);

/* Seconds that the present phase may still take; 0 if nobody knows. */
int64_t berth_start_progress_left_s(const BerthStartProgress *self, int64_t now_us);

/* What is being waited for, as half a sentence.  Owned. */
char *berth_start_progress_text(const BerthStartProgress *self);

/* A time for people: "a moment", "25 s", "about 3 minutes".  Owned. */
char *berth_duration_text(int64_t seconds);
