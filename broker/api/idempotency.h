/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests that may be sent again: an Idempotency-Key ties a request to its one answer.
 *
 * The answer is written in the transaction of the change itself, so either both are there or
 * neither; a request that failed changed nothing and left no answer.
 */
#pragma once

#include "broker/api/router.h"

/* How long an answer is kept. */
#define BERTH_IDEMPOTENCY_LIFE_US (24LL * 3600 * 1000 * 1000)

/*
 * Runs a handler, or gives the answer that its key gave before, in request->reply and
 * request->status.
 *
 * Errors: BERTH_ERR_KEY_REUSED if the key was used for another request, BERTH_ERR_STATE if another
 * broker runs the same request just now, those of the handler.  Thread: writer.
 */
int berth_idempotency_run(BerthTx *tx, BerthRequest *request, BerthTxHandler handler);
