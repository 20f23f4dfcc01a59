/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/governor.h"

#include <glib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* One job in twenty may be so late; more is too busy. */
#define LATE_PERCENT 95
#define BUSY_US 8000
#define CALM_US 3000
/* A job that takes longer than this is as bad as one that starts late by what it is over. */
#define LONG_RUN_US 40000
/* Jobs after a change before the next one is thought about. */
#define MIN_JOBS 16
#define RAISE_AFTER_US (2LL * 1000 * 1000)
#define MAX_RAISE_AFTER_US (30LL * 1000 * 1000)
/* Effort that has to be lowered so soon after it was raised was raised too early. */
#define FAILED_TRY_US (5LL * 1000 * 1000)
#define LEAST_INTERVAL_US 50000

void
berth_governor_init(BerthGovernor *self, int64_t now_us)
{
    *self = (BerthGovernor){
        .effort = BERTH_EFFORT_ALL,
        .raised_us = now_us - FAILED_TRY_US,
        .raise_after_us = RAISE_AFTER_US,
        .calm_since_us = now_us,
    };
}

static int
compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* How late all but the worst few jobs were. */
static uint32_t
find_percentile_us(const BerthGovernor *self)
{
    uint32_t sorted[BERTH_GOVERNOR_N_SAMPLES];
    memcpy(sorted, self->late_us, self->n_samples * sizeof sorted[0]);
    qsort(sorted, self->n_samples, sizeof sorted[0], compare);
    return sorted[(self->n_samples - 1) * LATE_PERCENT / 100];
}

static void
change(BerthGovernor *self, BerthEffort effort, int64_t now_us)
{
    self->effort = effort;
    self->calm_since_us = now_us;
    self->n_samples = 0;
    self->next = 0;
}

static void
lower(BerthGovernor *self, int64_t now_us)
{
    if (now_us - self->raised_us < FAILED_TRY_US) {
        self->raise_after_us = MIN(self->raise_after_us * 2, MAX_RAISE_AFTER_US);
        self->raised_us = now_us - FAILED_TRY_US;
    }
    change(self, self->effort - 1, now_us);
}

static void
raise_effort(BerthGovernor *self, int64_t now_us)
{
    /* The last try went well, so the next one comes soon. */
    if (now_us - self->raised_us >= 2 * FAILED_TRY_US + self->raise_after_us) {
        self->raise_after_us = RAISE_AFTER_US;
    }
    self->raised_us = now_us;
    change(self, self->effort + 1, now_us);
}

static void
note_sample(BerthGovernor *self, int64_t late_us, int64_t run_us)
{
    int64_t over_us = MAX(run_us - LONG_RUN_US, 0);
    int64_t sample_us = CLAMP(MAX(late_us, over_us), 0, UINT32_MAX);
    self->late_us[self->next] = (uint32_t)sample_us;
    self->next = (self->next + 1) % BERTH_GOVERNOR_N_SAMPLES;
    self->n_samples = MIN(self->n_samples + 1, BERTH_GOVERNOR_N_SAMPLES);
}

void
berth_governor_note(BerthGovernor *self, int64_t late_us, int64_t run_us, int64_t now_us)
{
    note_sample(self, late_us, run_us);
    if (self->n_samples < MIN_JOBS) {
        return;
    }
    uint32_t late = find_percentile_us(self);
    if (late > CALM_US) {
        self->calm_since_us = now_us;
    }
    if (late > BUSY_US && self->effort > BERTH_EFFORT_LEAST) {
        lower(self, now_us);
    } else if (now_us - self->calm_since_us >= self->raise_after_us &&
               self->effort < BERTH_EFFORT_ALL) {
        raise_effort(self, now_us);
    }
}

BerthEffort
berth_governor_get_effort(const BerthGovernor *self)
{
    return self->effort;
}

int64_t
berth_governor_get_min_interval_us(const BerthGovernor *self)
{
    return self->effort == BERTH_EFFORT_LEAST ? LEAST_INTERVAL_US : 0;
}
