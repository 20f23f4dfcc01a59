/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What administrators do with rollouts: publish a version, pause, go on, promote, go back.
 *
 * Each is one transaction with its audit rows.  ret_why of each is a sentence for people if it
 * returns BERTH_ERR_STATE, _NOT_FOUND, _BUSY or _EXISTS, to be freed with g_free(); NULL otherwise.
 * Errors: those of tx.h.  Thread: writer.
 */
#pragma once

#include "broker/audit.h"
#include "broker/fsm/rollout.h"
#include "broker/rollout-plan.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    const char *image;       /* id */
    const char *version;     /* number or id */
    const char *tag;         /* moved to the version, unless pools are named */
    const GPtrArray *pools;  /* names or ids; NULL: all that follow the tag */
    int64_t n_canary;        /* 0: none */
    int64_t batch;           /* 0: as many as may be away */
    int64_t max_unavailable; /* 0: a quarter of a pool */
    BerthStrategy strategy;
    const json_t *settings; /* checked by berth_rollout_settings_read() */
} BerthPublish;

/*
 * Publishes: pools whose machines are on another version get a rollout each, pools that have no
 * version yet take it at once.
 *
 * ret_rollouts:  array of {"rollout", "pool"}, new reference
 *
 * Errors: also BERTH_ERR_NOT_FOUND for an unknown version or pool, BERTH_ERR_STATE for a version
 * that hosts may not run, BERTH_ERR_EXISTS if a pool has a rollout already.
 */
int berth_rollouts_publish(BerthTx *tx, const BerthCause *cause, const BerthPublish *publish,
                           json_t **ret_rollouts, char **ret_why);

typedef enum {
    BERTH_ROLLOUT_ORDER_PAUSE,
    BERTH_ROLLOUT_ORDER_RESUME,
    BERTH_ROLLOUT_ORDER_PROMOTE,   /* skip the rest of the canary */
    BERTH_ROLLOUT_ORDER_ROLL_BACK, /* also of one that is done, while nothing came after it */
} BerthRolloutOrder;

/* Gives an order to one rollout.  Errors: also BERTH_ERR_STATE if it makes no sense now. */
int berth_rollouts_order(BerthTx *tx, const BerthCause *cause, const char *rollout,
                         BerthRolloutOrder order, char **ret_why);

/*
 * Gives an order to the rollouts of an image for which it makes sense.
 *
 * ret_rollouts:  array of {"rollout", "pool"}, new reference
 *
 * Errors: also BERTH_ERR_STATE if there is none.
 */
int berth_rollouts_order_image(BerthTx *tx, const BerthCause *cause, const char *image,
                               BerthRolloutOrder order, json_t **ret_rollouts, char **ret_why);

/*
 * Turns a rollout back, by this event: also the tag goes back, so that new pools do not get what
 * was just given up.
 */
int berth_rollouts_turn_back(BerthTx *tx, const BerthCause *cause, const char *rollout,
                             BerthRolloutEvent event, const char *reason);
