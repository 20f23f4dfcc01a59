/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a host should run, as the rows say it: docs/PROTOCOL-CONTROL.md section 3.
 */
#pragma once

#include "broker/inventory.h"
#include "broker/store/tx.h"

/*
 * Reads the desired state of a host: {"machines": [...], "sessions": [...]}, in a stable order.
 *
 * ret:  new reference, set on success only
 *
 * Errors: those of berth_tx_run().  Thread: any.
 */
int berth_host_desired(BerthTx *tx, const char *host, json_t **ret);

/*
 * Takes out what must not be told while the store may be older than the host: machines that would
 * be removed or recycled, sessions that would be ended, disks that would go, and tasks that the
 * host does not report: it may have done them long ago.
 *
 * inventory:  what the host reported last, NULL if nothing yet
 *
 * Pure; thread: any.
 */
void berth_desired_make_safe(json_t *desired, const BerthInventory *inventory);
