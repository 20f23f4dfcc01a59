/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a host says of its images, RAM templates, tasks and disks, written down.
 *
 * Errors: those of berth_tx_run().  Thread: writer.
 */
#pragma once

#include "broker/audit.h"
#include "broker/inventory-parts.h"

/*
 * Brings the rows of a host in line with its report.
 *
 * key:        of the site, for what is signed when a task ends
 * n_changes:  grows by what others should hear of
 */
int berth_host_apply_parts(BerthTx *tx, const BerthCause *cause, const char *host,
                           const BerthInventoryParts *parts, const BerthSigningKey *key,
                           int *n_changes);
