/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kinds of tasks that hosts do, and what the end of each means.
 */
#pragma once

#include "broker/host-tasks.h"

typedef struct {
    const char *kind;
    /*
     * Called when a task has ended, in a unit of its own; NULL if nothing is to be done.
     *
     * code:    BERTH_OK, or what went wrong
     * result:  JSON object of the host: not to be trusted
     *
     * An error fails the task with that error.
     */
    int (*finish)(BerthTx *tx, const BerthCause *cause, const BerthHostTask *task, int code,
                  const json_t *result);
    bool keeps_operation; /* finish ends the operation itself, now or later */
} BerthHostTaskKind;

/* NULL if it is not known. */
const BerthHostTaskKind *berth_host_task_kind_find(const char *kind);
