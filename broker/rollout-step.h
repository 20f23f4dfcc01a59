/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rollouts in the store: what the plan says is carried out, whichever broker has the lease.
 *
 * Nothing is kept between two calls: a broker that dies leaves a rollout that the next one carries
 * on.  Errors of each: those of tx.h.  Thread: writer.
 */
#pragma once

#include "broker/audit.h"
#include "broker/rollout-gate.h"

#include <stdbool.h>

/* Kind of the jobs that log users off in a forced rollout; target: the session, epoch: the moment
 * at which the rollout came into its state. */
#define BERTH_ROLLOUT_JOB "rollout"

/* A RAM template that is not there after so long is not waited for: desktops boot without it. */
#define BERTH_ROLLOUT_TEMPLATE_US (600LL * 1000 * 1000)
/* The old version is judged by what it did so long. */
#define BERTH_ROLLOUT_COMPARE_US (7LL * 24 * 3600 * 1000 * 1000)
/* When all are on the new version, hosts keep the RAM templates of the old one so long: the way
 * back is as fast as forks are. */
#define BERTH_ROLLOUT_OLD_KEEP_US (4LL * 3600 * 1000 * 1000)
/* Samples are kept so long. */
#define BERTH_ROLLOUT_SAMPLES_KEEP_US (30LL * 24 * 3600 * 1000 * 1000)

/*
 * Carries every rollout on by one step; a rollout that fails is logged and the others go on.
 *
 * is_thorough:  desktops that are on another version than their pool, without a rollout, follow too
 */
int berth_rollouts_step(BerthTx *tx, const BerthCause *cause, bool is_thorough, int *n_changes);

/*
 * A user was warned long enough: logs him off if the rollout still asks for it.
 *
 * Errors: also those of steps.h.
 */
int berth_rollout_fire(BerthTx *tx, const BerthCause *cause, const char *session, int64_t epoch);

/* What was measured of a version in a pool since then. */
int berth_rollout_measure(BerthTx *tx, const char *version, const char *pool, int64_t since_us,
                          BerthGateNumbers *ret);
