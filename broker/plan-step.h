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

#include "berth/ids.h"

#include <glib.h>

/*
 * Plans all pools.
 *
 * n_changes:  grows by what was done
 *
 * Errors: those of berth_tx_run().
 */
int berth_plan_step(BerthTx *tx, const BerthCause *cause, int *n_changes);

/*
 * Makes one machine at once, for a user who waits.  It may still wait for a start slot (planned).
 *
 * power:  "on", "frozen", "off"
 * at:     the only host that will do, "" for any
 *
 * Errors: also BERTH_ERR_NOT_FOUND if the pool is full or no host has room.
 */
int berth_machine_create(BerthTx *tx, const BerthCause *cause, const char *pool, const char *power,
                         const char *at, char ret_id[BERTH_ID_HEX_CHARS + 1],
                         char ret_host[BERTH_ID_HEX_CHARS + 1]);

/*
 * Every host's verdict on one more machine of a pool, as berth_plan_hosts_explain().  Reads only.
 *
 * Errors: also BERTH_ERR_NOT_FOUND if there is no such pool.  Returns NULL on error.
 */
json_t *berth_plan_explain(BerthTx *tx, const BerthCause *cause, const char *pool, int *ret_error);
