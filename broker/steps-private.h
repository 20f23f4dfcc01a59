/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of steps.h share.  Thread: writer.
 */
#pragma once

#include "broker/steps.h"

/*
 * The audit row of a step.
 *
 * data:    JSON object, taken; "from", "to" and "reason" are added
 * reason:  "" if there is nothing to say
 */
int berth_steps_audit(BerthTx *tx, const BerthCause *cause, const BerthFsmTable *table,
                      const char *id, int from, int event, int to, json_t *data,
                      const char *reason);

/* Ids that a query of one value lists.  Returns texts to be freed with g_ptr_array_unref(). */
GPtrArray *berth_steps_read_ids(BerthTx *tx, BerthStatement statement, const char *value,
                                int *ret_error);

/* Ends the sessions of an open assignment and closes it; its machine is the caller's to step. */
int berth_steps_close_assignment(BerthTx *tx, const BerthCause *cause, const char *assignment,
                                 const char *reason);
