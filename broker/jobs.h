/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Jobs whose time has come: first leased, then run, in two transactions.
 *
 * Any broker runs them.  What a broker leased and did not finish is taken by another after
 * BERTH_JOB_LEASE_US; a job that fails is tried again ever later, and one that failed
 * BERTH_JOB_MAX_ATTEMPTS times, or took its brokers down as often, is dead until people look at it.
 * Thread: writer.
 */
#pragma once

#include "broker/audit.h"

#include <glib.h>

#define BERTH_JOB_LEASE_US (30LL * 1000 * 1000)
#define BERTH_JOB_MAX_ATTEMPTS 5

/*
 * Leases what is due, at most 64.
 *
 * ret_jobs:  set on success only; to be given to berth_jobs_run(), free with g_array_unref()
 *
 * Errors: those of tx.h.
 */
int berth_jobs_lease(BerthTx *tx, const BerthCause *cause, const char *holder, GArray **ret_jobs);

/*
 * Runs leased jobs, each in a unit of its own; one that this broker does not have any more is left
 * alone.
 *
 * Errors: those of tx.h.
 */
int berth_jobs_run(BerthTx *tx, const BerthCause *cause, const char *holder, const GArray *jobs);
