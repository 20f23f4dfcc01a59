/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/unit.h"

#include "base/error.h"

int
berth_unit_run(BerthTx *tx, BerthTxFunc run, void *data, int *ret_result)
{
    int error = berth_tx_run(tx, BERTH_SQL_UNIT_BEGIN, "");
    if (error != BERTH_OK) {
        return error;
    }
    *ret_result = run(tx, data);
    if (*ret_result == BERTH_OK) {
        /* What was only posted fails here at the latest. */
        *ret_result = berth_tx_run(tx, BERTH_SQL_UNIT_END, "");
    }
    if (*ret_result == BERTH_OK) {
        return BERTH_OK;
    }
    error = berth_tx_run(tx, BERTH_SQL_UNIT_UNDO, "");
    return error == BERTH_OK ? berth_tx_run(tx, BERTH_SQL_UNIT_END, "") : error;
}
