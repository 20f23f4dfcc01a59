/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Leases: work that one broker does for the site until it stops saying that it is there.
 *
 * A lease is taken in the transaction of the work itself: its row is locked until the commit, so
 * that a broker that slept through the end of its lease writes nothing as its holder.  The epoch
 * grows with each new holder.  Times are the site's, which no jump of a clock moves.
 */
#pragma once

#include "broker/audit.h"

#define BERTH_LEASE_US (5LL * 1000 * 1000)

/*
 * Takes or renews a lease.
 *
 * holder:     id of this broker process
 * ret_epoch:  set on success only
 *
 * Errors: BERTH_ERR_AGAIN if another broker holds it, those of tx.h.  Thread: writer.
 */
int berth_lease_take(BerthTx *tx, const BerthCause *cause, const char *name, const char *holder,
                     int64_t *ret_epoch);
