/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/lease.h"

#include "base/error.h"

#include <string.h>

/* A look without a lock: who does not hold the lease does not make its holder wait. */
static int
check_holder(BerthTx *tx, const BerthCause *cause, const char *name, const char *holder)
{
    BerthRows rows;
    bool is_others = false;
    berth_tx_query(tx, &rows, BERTH_SQL_LEASE_GET, "s", name);
    if (berth_rows_next(&rows)) {
        is_others = strcmp(berth_rows_text(&rows, 0), holder) != 0 &&
                    berth_rows_int(&rows, 1) >= cause->now_us;
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && is_others ? BERTH_ERR_AGAIN : error;
}

int
berth_lease_take(BerthTx *tx, const BerthCause *cause, const char *name, const char *holder,
                 int64_t *ret_epoch)
{
    int error = check_holder(tx, cause, name, holder);
    if (error == BERTH_OK) {
        error = berth_tx_get_int(tx, ret_epoch, BERTH_SQL_LEASE_TAKE, "ssii", name, holder,
                                 cause->now_us, cause->now_us + BERTH_LEASE_US);
    }
    return error == BERTH_ERR_NOT_FOUND ? BERTH_ERR_AGAIN : error;
}
