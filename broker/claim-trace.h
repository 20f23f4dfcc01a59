/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How one connect went, step by step: what `explain` shows.
 *
 * {"outcome", "total_ms", "steps": [{"step", "result", "ms", ...}, ...]}, one row a user and pool.
 * Thread: writer.
 */
#pragma once

#include "broker/audit.h"

typedef struct {
    json_t *steps;
    int64_t began_us; /* monotonic */
    int64_t last_us;
} BerthTrace;

/* Begins; clear it with berth_trace_clear(). */
void berth_trace_init(BerthTrace *trace);

/* Adds a step that took the time since the last one; details is taken and may be NULL. */
void berth_trace_step(BerthTrace *trace, const char *step, const char *result, json_t *details);

/* Writes the trace.  Errors: those of tx.h. */
int berth_trace_write(BerthTrace *trace, BerthTx *tx, const BerthCause *cause, const char *account,
                      const char *pool, const char *outcome);

/* Frees what a trace holds. */
void berth_trace_clear(BerthTrace *trace);
