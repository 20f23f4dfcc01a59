/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/latency.h"

#include <stdlib.h>
#include <string.h>

#define FORGET_AFTER_US (2LL * 1000 * 1000)

static void
drop_pending(BerthLatency *self, size_t i)
{
    self->n_pending--;
    memmove(&self->pending[i], &self->pending[i + 1],
            (self->n_pending - i) * sizeof self->pending[0]);
}

void
berth_latency_sent(BerthLatency *self, uint32_t serial, int64_t now_us)
{
    if (self->n_pending == BERTH_LATENCY_MAX_PENDING) {
        drop_pending(self, 0);
    }
    self->pending[self->n_pending].serial = serial;
    self->pending[self->n_pending].sent_us = now_us;
    self->n_pending++;
}

void
berth_latency_frame(BerthLatency *self, uint32_t input_serial, bool is_changed, int64_t now_us)
{
    size_t i = 0;

    self->answered_serial = 0;
    while (i < self->n_pending) {
        int64_t age_us = now_us - self->pending[i].sent_us;
        /* Serials wrap around: the difference tells which is later. */
        bool is_covered = (int32_t)(input_serial - self->pending[i].serial) >= 0;

        if (age_us > FORGET_AFTER_US) {
            drop_pending(self, i);
        } else if (is_covered && is_changed) {
            self->samples_us[self->n_samples % BERTH_LATENCY_MAX_SAMPLES] = age_us;
            self->n_samples++;
            self->last_us = age_us;
            self->answered_serial = self->pending[i].serial;
            self->answered_sent_us = self->pending[i].sent_us;
            drop_pending(self, i);
        } else {
            i++;
        }
    }
}

void
berth_latency_forget(BerthLatency *self)
{
    self->n_pending = 0;
}

static int
compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

void
berth_latency_summarize(const BerthLatency *self, BerthLatencySummary *ret_summary)
{
    int64_t sorted[BERTH_LATENCY_MAX_SAMPLES];
    size_t n = self->n_samples < BERTH_LATENCY_MAX_SAMPLES ? (size_t)self->n_samples
                                                           : BERTH_LATENCY_MAX_SAMPLES;

    ret_summary->n_samples = self->n_samples;
    ret_summary->min_us = ret_summary->p50_us = ret_summary->p95_us = ret_summary->max_us = -1;
    if (n == 0) {
        return;
    }
    memcpy(sorted, self->samples_us, n * sizeof sorted[0]);
    qsort(sorted, n, sizeof sorted[0], compare);
    ret_summary->min_us = sorted[0];
    ret_summary->p50_us = sorted[n / 2];
    ret_summary->p95_us = sorted[n * 95 / 100];
    ret_summary->max_us = sorted[n - 1];
}
