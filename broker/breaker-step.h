/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Circuit breakers in the store: what machines' failures and successes do to them.
 *
 * Opening and closing are written to the audit log.  Errors: those of berth_tx_run().  Thread:
 * writer.
 */
#pragma once

#include "broker/audit.h"
#include "broker/breaker.h"

/*
 * A machine of this pool and image failed on this host.
 *
 * image:  NULL: none
 * code:   why, for people
 */
int berth_breaker_note_failure(BerthTx *tx, const BerthCause *cause, const char *pool,
                               const char *host, const char *image, const char *code);

/* A machine of this pool and image became ready on this host. */
int berth_breaker_note_success(BerthTx *tx, const BerthCause *cause, const char *pool,
                               const char *host, const char *image);

/*
 * An administrator closes the breakers of a pool, those of one host if it is not NULL.
 *
 * Errors: BERTH_ERR_NOT_FOUND if there is none.
 */
int berth_breaker_reset(BerthTx *tx, const BerthCause *cause, const char *pool, const char *host);
