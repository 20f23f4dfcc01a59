/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Brings every pool to what it should be: reads, plans (pool-planner.h), carries out.
 *
 * The whole gap is closed at once: machines beyond a host's start slots are rows in state planned,
 * and are let go as slots become free, the oldest first.  Thread: writer; only the broker that
 * holds the lease.
 */
#pragma once

#include "broker/audit.h"

#include <glib.h>

/*
 * Plans all pools.
 *
 * n_queued:   pool id -> GINT_TO_POINTER(users who wait at this broker); may be NULL
 * n_changes:  grows by what was done
 *
 * Errors: those of berth_tx_run().
 */
int berth_plan_step(BerthTx *tx, const BerthCause *cause, GHashTable *n_queued, int *n_changes);
