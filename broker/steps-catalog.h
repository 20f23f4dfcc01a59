/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Steps of what administrators keep: pools, versions of images, rollouts.  Each writes its audit
 * row in the caller's transaction.
 *
 * Rollouts are driven by rollout-step.h, and by people (rollouts.h).
 *
 * Errors of each: BERTH_ERR_STATE if the table has no such step, BERTH_ERR_NOT_FOUND, and those of
 * berth_tx_run().  Thread: writer.
 */
#pragma once

#include "broker/audit.h"
#include "broker/fsm/image-version.h"
#include "broker/fsm/pool.h"
#include "broker/fsm/rollout.h"

/* Steps a pool.  Errors: also BERTH_ERR_BUSY for DELETE while it has machines. */
int berth_pool_step(BerthTx *tx, const BerthCause *cause, const char *pool, BerthPoolEvent event);

/* Steps a version; reason is for the audit log, "" if there is nothing to say. */
int berth_image_version_step(BerthTx *tx, const BerthCause *cause, const char *version,
                             BerthImageVersionEvent event, const char *reason);

/*
 * Steps a rollout.  A paused one goes on where it was: RESUME_CANARY and RESUME_ROLLING are refused
 * for the other.
 */
int berth_rollout_step(BerthTx *tx, const BerthCause *cause, const char *rollout,
                       BerthRolloutEvent event, const char *reason);

/* Deadline of a state that was just entered; 0 for a state that may rest.  Pure. */
int64_t berth_image_version_deadline_us(BerthImageVersionState state, int64_t now_us);

/* As berth_image_version_deadline_us(), for rollouts. */
int64_t berth_rollout_deadline_us(BerthRolloutState state, int64_t now_us);
