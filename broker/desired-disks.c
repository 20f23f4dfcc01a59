/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/desired-disks.h"

#include "base/error.h"

json_t *
berth_desired_disks(BerthTx *tx, const char *host, int *ret_error)
{
    *ret_error = BERTH_OK;
    return json_array();
}

int
berth_host_apply_disks(BerthTx *tx, const BerthCause *cause, const char *host,
                       const GArray *reports)
{
    return BERTH_OK;
}
