/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ends of the tasks that work in maintenance machines, as finish of host-task-kinds.h.
 */
#pragma once

#include "broker/host-task-kinds.h"

/* The packages of a version's parent become known.  Errors: those of berth_tx_run(). */
int berth_task_facts_finish(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task,
                            int code, const json_t *result);

/*
 * The version is sealed, and its maintenance machine goes; or it has failed, and says why.
 *
 * Errors: BERTH_ERR_INVALID for a result that is none, those of berth_version_seal().
 */
int berth_task_seal_finish(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task,
                           int code, const json_t *result);
