/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Users who wait for a desktop of a pool, in the order in which they came.
 *
 * The queue is a table: all brokers share it and it survives them.  A waiting request says every
 * two seconds that somebody still waits; who was not seen for BERTH_QUEUE_FRESH_US counts no more.
 */
#pragma once

#include "broker/audit.h"

#include <stdbool.h>

#define BERTH_QUEUE_FRESH_US (8LL * 1000 * 1000)
/* A row that is so old is deleted. */
#define BERTH_QUEUE_FORGET_US (300LL * 1000 * 1000)

/* What is known about a wait.  Times are averages of the last 20; 0 if nothing was measured. */
typedef struct {
    int64_t position;     /* from 1 */
    int64_t n_coming;     /* machines on their way that will be free */
    int64_t coming_us;    /* what one takes until it can be used */
    int64_t n_in_use;     /* machines that their users may give back */
    int64_t give_back_us; /* one is given back so often */
} BerthQueueFacts;

/* An honest estimate of a wait; negative if nobody can say.  Pure. */
int64_t berth_queue_estimate_us(const BerthQueueFacts *facts);

/*
 * Joins the queue or stays in it.
 *
 * ret_is_new:  the user did not wait before
 *
 * Errors: those of tx.h.  Thread: writer.
 */
int berth_queue_wait(BerthTx *tx, const BerthCause *cause, const char *account, const char *pool,
                     bool *ret_is_new);

/* Leaves the queue; nothing happens if the user did not wait. */
int berth_queue_leave(BerthTx *tx, const char *account, const char *pool);
