/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/report-math.h"

#include <glib.h>
#include <stdlib.h>

int64_t
berth_span_overlap_us(const BerthSpan *span, int64_t from_us, int64_t to_us)
{
    int64_t begin_us = MAX(span->begin_us, from_us);
    int64_t end_us = MIN(span->end_us, to_us);
    return MAX(end_us - begin_us, 0);
}

static int
compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Begins and ends apart, each sorted: a walk along both counts who is there. */
size_t
berth_spans_peak(const BerthSpan *spans, size_t n, int64_t from_us, int64_t to_us,
                 int64_t *ret_at_us)
{
    g_autofree int64_t *begins = g_new(int64_t, n + 1);
    g_autofree int64_t *ends = g_new(int64_t, n + 1);
    size_t n_inside = 0;
    size_t peak = 0;
    size_t ended = 0;
    *ret_at_us = from_us;
    for (size_t i = 0; i < n; i++) {
        if (berth_span_overlap_us(&spans[i], from_us, to_us) > 0) {
            begins[n_inside] = MAX(spans[i].begin_us, from_us);
            ends[n_inside++] = spans[i].end_us;
        }
    }
    qsort(begins, n_inside, sizeof *begins, compare);
    qsort(ends, n_inside, sizeof *ends, compare);
    for (size_t begun = 0; begun < n_inside; begun++) {
        while (ends[ended] <= begins[begun]) {
            ended++;
        }
        if (begun + 1 - ended > peak) {
            peak = begun + 1 - ended;
            *ret_at_us = begins[begun];
        }
    }
    return peak;
}
