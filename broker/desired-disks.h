/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Disks of users, as a host should have them and says that it has them.
 *
 * Errors: those of berth_tx_run().
 */
#pragma once

#include "broker/audit.h"
#include "broker/inventory-parts.h"

/* The disks that a host should have: array of the protocol.  A new reference, NULL on error. */
json_t *berth_desired_disks(BerthTx *tx, const char *host, int *ret_error);

/* Gives machines (an array of the protocol) the disks that are leased to them. */
int berth_desired_add_machine_disks(BerthTx *tx, const char *host, json_t *machines);

/* Writes down what a host says of its disks: reports of BerthDiskReport.  Thread: writer. */
int berth_host_apply_disks(BerthTx *tx, const BerthCause *cause, const char *host,
                           const GArray *reports);
