/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What has to happen without anybody asking: deadlines, pool sizes, old rows.
 *
 * All of it in one transaction that may be repeated at any time; only the broker that holds the
 * lease does it.  Timers are jobs, which any broker runs (jobs.h).  Thread: writer.
 */
#pragma once

#include "broker/audit.h"

#include <stdbool.h>

typedef struct {
    const char *holder; /* id of this broker process */
    bool is_thorough;   /* about once a minute: schedules of sessions, rows that are too old */
    const BerthSigningKey *signing_key; /* of the site */
    int64_t keep_us; /* how long history is kept: ended sessions, deleted machines */
} BerthTick;

/*
 * Does everything that is due.
 *
 * ret_n_changes:  how many things were done
 *
 * Errors: BERTH_ERR_AGAIN if another broker holds the lease, and those of berth_tx_run().
 */
int berth_tick(BerthTx *tx, const BerthCause *cause, const BerthTick *tick, int *ret_n_changes);
