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

/* What happened in one hour of a report. */
typedef struct {
    int64_t n_spans;    /* of which some part lies in it */
    int64_t total_us;   /* of these parts */
    int64_t peak;       /* spans at once */
    int64_t peak_at_us; /* when first so; the hour's begin if there are none */
} BerthReportHour;

/*
 * Tells all hours of a report in one walk over the spans, however many hours there are.
 *
 * spans:      n, in any order
 * from, to:   what is outside does not count
 * ret_hours:  of n_hours, zeroed; the first is the full hour in which from_us lies, the last that
 * of to_us
 */
void berth_spans_by_hour(const BerthSpan *spans, size_t n, int64_t from_us, int64_t to_us,
                         BerthReportHour *ret_hours, size_t n_hours);
