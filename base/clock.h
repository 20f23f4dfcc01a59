/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only place that reads a clock.
 *
 * Engines take now_us as a parameter; objects that own timers take a BerthClock, so that a test
 * gives them a BerthFakeClock.  All times are microseconds.  Thread: any; a fake clock belongs to
 * its test.
 */
#pragma once

#include <stdint.h>

typedef struct {
    int64_t (*now_us)(void *data);
    void *data;
} BerthClock;

typedef struct {
    int64_t now_us;
} BerthFakeClock;

/* Microseconds since boot; never goes back.  For deadlines and durations. */
extern const BerthClock berth_clock_monotonic;

/* Microseconds since 1970 UTC; may jump.  For what people and tickets see. */
extern const BerthClock berth_clock_wall;

/* Asks a clock. */
int64_t berth_clock_now_us(const BerthClock *clock);

/* Reads the monotonic clock. */
int64_t berth_monotonic_us(void);

/* Microseconds since boot, those in which the machine slept among them; never goes back. */
int64_t berth_boot_us(void);

/* Reads the wall clock. */
int64_t berth_wall_us(void);

/* A clock that shows fake->now_us; fake is borrowed and set by the test. */
BerthClock berth_fake_clock(BerthFakeClock *fake);
