/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The time of the site: what every row, deadline and audit record is dated with.
 *
 * It runs with the machine's clock since boot, not with its wall clock: an hour that an
 * administrator, a time server or a database adds or takes away moves no deadline.  What it is off
 * by is worked off slowly, at most BERTH_SITE_CLOCK_SLEW_PPM of the time that passes, so that a
 * deadline comes at most that part too early or too late.  The reference is the wall clock of the
 * broker on SQLite, the clock of the database on PostgreSQL.  One broker, the one that holds the
 * lease of the tick, writes down what the site's time was when the reference showed what; the
 * others go by that, and so does one that starts: site time never falls behind what the store saw.
 * One that starts on the machine of that note, in the same boot, goes by the clock since boot: a
 * wall clock that was set while no broker ran ends no login and no session.
 */
#pragma once

#include "broker/store/tx.h"

#include <stdbool.h>
#include <stdint.h>

/* An hour is worked off in 20 hours; a deadline of ten minutes is off by half a minute at most. */
#define BERTH_SITE_CLOCK_SLEW_PPM 50000

/* The engine: a value, pure. */
typedef struct {
    int64_t boot_us;    /* clock since boot at which ... */
    int64_t site_us;    /* ... it was so late at the site */
    int64_t correct_us; /* still to be worked off from there */
} BerthSiteTime;

/* Begins at site_us. */
BerthSiteTime berth_site_time_init(int64_t boot_us, int64_t site_us);

/* Time at the site; never decreases while boot_us does not.  Units: microseconds since 1970. */
int64_t berth_site_time_now_us(const BerthSiteTime *time, int64_t boot_us);

/* Goes on from the present time towards a reference. */
void berth_site_time_steer(BerthSiteTime *time, int64_t boot_us, int64_t reference_us);

/* Time at the site.  The wall clock's until the first berth_site_clock_open().  Thread: any. */
int64_t berth_site_clock_now_us(void);

/*
 * Sets the clock by the store, once at start.
 *
 * Errors: those of tx.h.  Thread: any.
 */
int berth_site_clock_open(BerthTx *tx);

/*
 * Steers the clock, about once a second.
 *
 * is_leader:  goes by the reference itself, and writes down where the others are led
 *
 * Errors: BERTH_ERR_STATE before berth_site_clock_open(), those of tx.h.  Thread: writer.
 */
int berth_site_clock_keep(BerthTx *tx, bool is_leader);
