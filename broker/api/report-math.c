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
typedef struct {
    int64_t *begins;
    int64_t *ends;
    size_t n;
} Edges;

static Edges
edges_new(const BerthSpan *spans, size_t n, int64_t from_us, int64_t to_us)
{
    Edges edges = { .begins = g_new(int64_t, n + 1), .ends = g_new(int64_t, n + 1) };
    for (size_t i = 0; i < n; i++) {
        if (berth_span_overlap_us(&spans[i], from_us, to_us) > 0) {
            edges.begins[edges.n] = MAX(spans[i].begin_us, from_us);
            edges.ends[edges.n++] = MIN(spans[i].end_us, to_us);
        }
    }
    qsort(edges.begins, edges.n, sizeof *edges.begins, compare);
    qsort(edges.ends, edges.n, sizeof *edges.ends, compare);
    return edges;
}

static void
edges_clear(Edges *edges)
{
    g_free(edges->begins);
    g_free(edges->ends);
}

size_t
berth_spans_peak(const BerthSpan *spans, size_t n, int64_t from_us, int64_t to_us,
                 int64_t *ret_at_us)
{
    Edges edges = edges_new(spans, n, from_us, to_us);
    size_t peak = 0;
    size_t ended = 0;
    *ret_at_us = from_us;
    for (size_t begun = 0; begun < edges.n; begun++) {
        while (edges.ends[ended] <= edges.begins[begun]) {
            ended++;
        }
        if (begun + 1 - ended > peak) {
            peak = begun + 1 - ended;
            *ret_at_us = edges.begins[begun];
        }
    }
    edges_clear(&edges);
    return peak;
}

/* Each hour's peak: who is there when it begins, and every begin in it. */
static void
find_peaks(const Edges *edges, int64_t first_us, int64_t from_us, BerthReportHour *hours,
           size_t n_hours)
{
    size_t begun = 0;
    size_t ended = 0;
    for (size_t i = 0; i < n_hours; i++) {
        int64_t end_us = first_us + (int64_t)(i + 1) * BERTH_REPORT_HOUR_US;
        int64_t at_us = MAX(end_us - BERTH_REPORT_HOUR_US, from_us);
        hours[i].peak_at_us = at_us;
        while (at_us < end_us) {
            while (begun < edges->n && edges->begins[begun] <= at_us) {
                begun++;
            }
            while (ended < edges->n && edges->ends[ended] <= at_us) {
                ended++;
            }
            if ((int64_t)(begun - ended) > hours[i].peak) {
                hours[i].peak = (int64_t)(begun - ended);
                hours[i].peak_at_us = at_us;
            }
            at_us = begun < edges->n ? edges->begins[begun] : end_us;
        }
    }
}

/*
 * Hours that a span fills are counted as a step up and a step down, and added up at the end: a span
 * of a month costs as much as one of a minute.
 */
static void
add_span(const BerthSpan *span, int64_t first_us, int64_t *steps, BerthReportHour *hours,
         size_t n_hours)
{
    size_t first = (size_t)((span->begin_us - first_us) / BERTH_REPORT_HOUR_US);
    size_t last = (size_t)((span->end_us - 1 - first_us) / BERTH_REPORT_HOUR_US);
    if (last >= n_hours) {
        return;
    }
    steps[first]++;
    steps[last + 1]--;
    /* What is missing of its first and of its last hour. */
    hours[first].total_us -= span->begin_us - first_us - (int64_t)first * BERTH_REPORT_HOUR_US;
    hours[last].total_us -= first_us + (int64_t)(last + 1) * BERTH_REPORT_HOUR_US - span->end_us;
}

void
berth_spans_by_hour(const BerthSpan *spans, size_t n, int64_t from_us, int64_t to_us,
                    BerthReportHour *ret_hours, size_t n_hours)
{
    int64_t first_us = from_us - from_us % BERTH_REPORT_HOUR_US;
    g_autofree int64_t *steps = g_new0(int64_t, n_hours + 1);
    for (size_t i = 0; i < n; i++) {
        BerthSpan inside = { MAX(spans[i].begin_us, from_us), MIN(spans[i].end_us, to_us) };
        if (inside.begin_us < inside.end_us) {
            add_span(&inside, first_us, steps, ret_hours, n_hours);
        }
    }
    int64_t n_present = 0;
    for (size_t i = 0; i < n_hours; i++) {
        n_present += steps[i];
        ret_hours[i].n_spans = n_present;
        ret_hours[i].total_us += n_present * BERTH_REPORT_HOUR_US;
    }
    Edges edges = edges_new(spans, n, from_us, to_us);
    find_peaks(&edges, first_us, from_us, ret_hours, n_hours);
    edges_clear(&edges);
}
