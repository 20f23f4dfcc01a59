/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A unit of work inside a transaction: it fails alone.
 *
 * What runs over many rows puts each of them in a unit, so that one bad row never blocks the rest.
 * Units do not nest.  Thread: writer.
 */
#pragma once

#include "broker/store/store.h"

/*
 * Runs a unit in a savepoint and undoes it if it fails.
 *
 * ret_result:  what run returned
 *
 * Errors: those of tx.h if the whole transaction is lost; BERTH_OK if the caller may go on.
 */
int berth_unit_run(BerthTx *tx, BerthTxFunc run, void *data, int *ret_result);
