/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lowers the effort of encoding when the host is too busy, and raises it again.
 *
 * Many sessions share the processors of a host.  When work waits for them, each session does less:
 * it searches less, then makes its videos cheaper, then sends fewer frames.  All of them notice the
 * same thing, so all give way.  Effort comes back when work starts in time for two seconds; a try
 * that fails makes the next one come later.
 *
 * A value; pure; now_us is any monotonic clock.  Thread: one at a time.
 */
#pragma once

#include <stdint.h>

#define BERTH_GOVERNOR_N_SAMPLES 64

/* What effort means: BerthPlanInput.effort. */
typedef enum {
    BERTH_EFFORT_LEAST = 0,  /* as below, and 20 frames a second */
    BERTH_EFFORT_CHEAP = 1,  /* videos as cheap as they get, no search in two directions */
    BERTH_EFFORT_STRIPS = 2, /* no search in two directions */
    BERTH_EFFORT_ALL = 3,
} BerthEffort;

typedef struct {
    BerthEffort effort;
    int64_t raised_us;
    int64_t raise_after_us; /* how long work must be in time before the next try */
    int64_t calm_since_us;
    uint32_t late_us[BERTH_GOVERNOR_N_SAMPLES]; /* ring of the last jobs */
    unsigned n_samples, next;
} BerthGovernor;

/* All effort. */
void berth_governor_init(BerthGovernor *self, int64_t now_us);

/*
 * Notes a job of planning and encoding.
 *
 * late_us: how much later it started than it was due, because a thread or a processor was busy
 * run_us:  from start to end
 *
 * Negative times count as 0.
 */
void berth_governor_note(BerthGovernor *self, int64_t late_us, int64_t run_us, int64_t now_us);

BerthEffort berth_governor_get_effort(const BerthGovernor *self);

/* Returns the least time between two frames that the effort allows; 0 is none. */
int64_t berth_governor_get_min_interval_us(const BerthGovernor *self);
