/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/claim-queue.h"

#include "base/error.h"

#include <glib.h>

/* Of a machine that is made or scrubbed while nothing was measured. */
#define FIRST_COMING_US (30LL * 1000 * 1000)

int64_t
berth_queue_estimate_us(const BerthQueueFacts *facts)
{
    int64_t coming_us = facts->coming_us > 0 ? facts->coming_us : FIRST_COMING_US;
    if (facts->position <= facts->n_coming) {
        return coming_us;
    }
    if (facts->n_in_use == 0 || facts->give_back_us == 0) {
        return -1;
    }
    /* What is given back has to be scrubbed and to start before it is somebody's. */
    return (facts->position - facts->n_coming) * facts->give_back_us + coming_us;
}

int
berth_queue_wait(BerthTx *tx, const BerthCause *cause, const char *account, const char *pool,
                 bool *ret_is_new)
{
    int64_t since_us = 0;
    int error = berth_tx_get_int(tx, &since_us, BERTH_SQL_QUEUE_WAIT, "ssii", account, pool,
                                 cause->now_us, cause->now_us - BERTH_QUEUE_FORGET_US);
    *ret_is_new = since_us == cause->now_us;
    return error;
}

int
berth_queue_leave(BerthTx *tx, const char *account, const char *pool)
{
    return berth_tx_post(tx, BERTH_SQL_QUEUE_LEAVE, "ss", account, pool);
}
