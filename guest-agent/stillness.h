/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a process has come to an end of its work, by looks at what Linux says of it: it sleeps,
 * and has not run since the looks before.
 *
 * Pure; a value.  Thread: any one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Looks that have to be alike: one may fall between two pieces of work. */
#define BERTH_STILL_LOOKS 4u

typedef struct {
    unsigned n_alike;
    uint64_t ran_ns;
} BerthStillness;

/*
 * Notes a look; returns whether the process is still now.
 *
 * stat, schedstat: contents of /proc/PID/stat and /proc/PID/schedstat; NULL: they cannot be read,
 * which is never still
 */
bool berth_stillness_note(BerthStillness *self, const char *stat, const char *schedstat);
