/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images, RAM templates and tasks that a host should have.
 *
 * Images are those of the host's machines, and those of which pools may place machines there, now
 * or after a rollout: so that a new version is there before the first machine needs it.
 */
#pragma once

#include "broker/store/tx.h"

/*
 * Adds "images", "templates", "tasks" and "disks" to a desired state.
 *
 * Errors: those of berth_tx_run().  Thread: any with a transaction.
 */
int berth_desired_add_parts(BerthTx *tx, const char *host, json_t *desired);
