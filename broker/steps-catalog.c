/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/steps-catalog.h"

#include "base/error.h"
#include "broker/steps-private.h"

#define SECOND_US (1000LL * 1000)
/* Hashing an image of 100 GB takes minutes on a slow disk. */
#define SEALING_LIMIT_US (3600 * SECOND_US)
#define DELETING_LIMIT_US (300 * SECOND_US)
/* A canary that nobody logs on to in a day says nothing; users may stay logged on for a week. */
#define CANARY_LIMIT_US (24 * 3600 * SECOND_US)
#define ROLLING_LIMIT_US (7 * 24 * 3600 * SECOND_US)

int64_t
berth_image_version_deadline_us(BerthImageVersionState state, int64_t now_us)
{
    switch (state) {
    case BERTH_IMAGE_VERSION_SEALING:
        return now_us + SEALING_LIMIT_US;
    case BERTH_IMAGE_VERSION_DELETING:
        return now_us + DELETING_LIMIT_US;
    default:
        return 0;
    }
}

int64_t
berth_rollout_deadline_us(BerthRolloutState state, int64_t now_us)
{
    switch (state) {
    case BERTH_ROLLOUT_CANARY:
        return now_us + CANARY_LIMIT_US;
    case BERTH_ROLLOUT_ROLLING:
    case BERTH_ROLLOUT_ROLLING_BACK:
        return now_us + ROLLING_LIMIT_US;
    default:
        return 0;
    }
}

/* The present state in, the next one out. */
static int
choose(BerthTx *tx, BerthStatement lock, const BerthFsmTable *table, const char *id, int event,
       int *ret_from, int *ret_to)
{
    g_autofree char *name = NULL;
    int error = berth_tx_get_text(tx, &name, lock, "s", id);
    if (error != BERTH_OK) {
        return error;
    }
    *ret_from = berth_fsm_state_from_name(table, name);
    *ret_to = *ret_from;
    return berth_fsm_step(table, ret_to, event, NULL);
}

int
berth_pool_step(BerthTx *tx, const BerthCause *cause, const char *pool, BerthPoolEvent event)
{
    int from = 0;
    int to = 0;
    int error = choose(tx, BERTH_SQL_POOL_LOCK, &berth_pool_fsm, pool, (int)event, &from, &to);
    if (error != BERTH_OK || from == to) {
        return error;
    }
    bool is_delete = event == BERTH_POOL_EVENT_DELETE;
    error =
        berth_tx_run_one(tx, is_delete ? BERTH_SQL_POOL_SET_DELETED : BERTH_SQL_POOL_SET_STATE,
                         is_delete ? "s" : "ss", pool, berth_fsm_state_name(&berth_pool_fsm, to));
    if (error == BERTH_ERR_NOT_FOUND && is_delete) {
        return BERTH_ERR_BUSY;
    }
    return error != BERTH_OK ? error
                             : berth_steps_audit(tx, cause, &berth_pool_fsm, pool, from, (int)event,
                                                 to, json_object(), "");
}

int
berth_image_version_step(BerthTx *tx, const BerthCause *cause, const char *version,
                         BerthImageVersionEvent event, const char *reason)
{
    int from = 0;
    int to = 0;
    int error = choose(tx, BERTH_SQL_IMAGE_VERSION_LOCK, &berth_image_version_fsm, version,
                       (int)event, &from, &to);
    if (error == BERTH_OK) {
        error = berth_tx_run_one(
            tx, BERTH_SQL_IMAGE_VERSION_SET_STATE, "ssii", version,
            berth_fsm_state_name(&berth_image_version_fsm, to), cause->now_us,
            berth_image_version_deadline_us((BerthImageVersionState)to, cause->now_us));
    }
    return error != BERTH_OK ? error
                             : berth_steps_audit(tx, cause, &berth_image_version_fsm, version, from,
                                                 (int)event, to, json_object(), reason);
}

/* Whether a rollout was paused from another state than the one that is to be resumed. */
static int
check_resume(BerthTx *tx, const char *rollout, BerthRolloutEvent event)
{
    g_autofree char *paused_from = NULL;
    const char *wanted = event == BERTH_ROLLOUT_EVENT_RESUME_CANARY    ? "canary"
                         : event == BERTH_ROLLOUT_EVENT_RESUME_ROLLING ? "rolling"
                                                                       : NULL;
    if (wanted == NULL) {
        return BERTH_OK;
    }
    int error = berth_tx_get_text(tx, &paused_from, BERTH_SQL_ROLLOUT_PAUSED_FROM, "s", rollout);
    return error == BERTH_OK && g_strcmp0(paused_from, wanted) != 0 ? BERTH_ERR_STATE : error;
}

int
berth_rollout_step(BerthTx *tx, const BerthCause *cause, const char *rollout,
                   BerthRolloutEvent event, const char *reason)
{
    int from = 0;
    int to = 0;
    int error =
        choose(tx, BERTH_SQL_ROLLOUT_LOCK, &berth_rollout_fsm, rollout, (int)event, &from, &to);
    if (error == BERTH_OK) {
        error = check_resume(tx, rollout, event);
    }
    if (error == BERTH_OK) {
        const char *paused_from =
            to == BERTH_ROLLOUT_PAUSED ? berth_fsm_state_name(&berth_rollout_fsm, from) : "";
        error = berth_tx_run_one(
            tx, BERTH_SQL_ROLLOUT_SET_STATE, "sssiis", rollout,
            berth_fsm_state_name(&berth_rollout_fsm, to), paused_from, cause->now_us,
            berth_rollout_deadline_us((BerthRolloutState)to, cause->now_us), reason);
    }
    return error != BERTH_OK ? error
                             : berth_steps_audit(tx, cause, &berth_rollout_fsm, rollout, from,
                                                 (int)event, to, json_object(), reason);
}
