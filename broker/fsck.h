/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checks the invariants of the store, those that its schema holds among them.
 *
 * Reads one snapshot and changes nothing; the broker goes on meanwhile.  Thread: any but main: it
 * looks at every row.
 */
#pragma once

#include "broker/store/tx.h"

/* Rows that are named for one check; all are counted. */
#define BERTH_FSCK_ROWS 20

/*
 * Checks everything.
 *
 * ret_checks:      array of {"check", "breaches", "rows": [{"id", "what"}]}, new reference
 * ret_n_breaches:  of all checks together
 *
 * Errors: those of berth_tx_run().
 */
int berth_fsck(BerthTx *tx, json_t **ret_checks, int64_t *ret_n_breaches);
