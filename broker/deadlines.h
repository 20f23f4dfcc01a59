/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * States that lasted too long: each takes its step `timeout`, in a unit of its own.
 *
 * Thread: writer; only the broker that holds the lease.
 */
#pragma once

#include "broker/audit.h"

/*
 * Times everything out that is overdue.
 *
 * n_changes:  grows by what was done
 *
 * Errors: those of tx.h; one that cannot take its step is logged and left for the next time.
 */
int berth_deadlines_step(BerthTx *tx, const BerthCause *cause, int *n_changes);
