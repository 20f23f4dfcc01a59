/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checks online, read-only, what must never be false in a store.
 */
#pragma once

#include "broker/store/tx.h"

/*
 * Runs every check.
 *
 * ret_checks:  [{"check": name, "breaches": n}], new reference; set on success only
 *
 * Errors: those of berth_tx_run().  Thread: any.
 */
int berth_fsck(BerthTx *tx, json_t **ret_checks, int64_t *ret_n_breaches);
