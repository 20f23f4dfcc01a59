/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Arithmetic of reports: time spans added up and counted.  Pure; thread: any.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define BERTH_REPORT_HOUR_US (3600LL * 1000 * 1000)

/* One session: from begin (included) to end (not included).  Units: microseconds. */
typedef struct {
    int64_t begin_us;
    int64_t end_us;
} BerthSpan;

/* The part of a span that lies in another, in microseconds; 0 if none does. */
int64_t berth_span_overlap_us(const BerthSpan *span, int64_t from_us, int64_t to_us);

/*
 * How many spans lie over one another at most, and when first so.
 *
 * spans:      n, in any order
 * from, to:   what is outside does not count
 * ret_at_us:  when the peak began; from_us if there is none
 *
 * A span that ends when another begins does not count with it.
 */
size_t berth_spans_peak(const BerthSpan *spans, size_t n, int64_t from_us, int64_t to_us,
                        int64_t *ret_at_us);
