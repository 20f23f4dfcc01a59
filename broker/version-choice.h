/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which version of its image a machine gets when it is made or recycled.
 */
#pragma once

#include "berth/ids.h"
#include "broker/fsm/rollout.h"
#include "broker/store/tx.h"

#include <stdbool.h>

typedef struct {
    const char *pool_version; /* what the pool's machines should be; "": none */
    bool has_rollout;         /* one is active; the rest of it means nothing otherwise */
    BerthRolloutState state;
    const char *from;
    const char *to;
    const char *own; /* what the machine has; "": it is new */
    bool is_canary;  /* the machine was chosen */
} BerthVersionFacts;

/*
 * The version that is wanted, borrowed from the facts; "" for an image without versions.  Pure.
 *
 * In a canary only machines that were chosen go on; when all roll, everyone does; a rollout that
 * is paused changes nothing.
 */
const char *berth_version_wanted(const BerthVersionFacts *facts);

typedef struct {
    char version[BERTH_ID_HEX_CHARS + 1]; /* "": the image of the pool has no versions */
    bool is_canary;
} BerthVersionChoice;

/*
 * Chooses for a machine that is made or recycled.  Whether its host has that version is the
 * caller's to look at.
 *
 * machine:  that is recycled; NULL: a new one
 *
 * Errors: BERTH_ERR_NOT_FOUND if there is no such pool or machine, those of berth_tx_run().
 * Thread: writer.
 */
int berth_version_choose(BerthTx *tx, const char *pool, const char *machine,
                         BerthVersionChoice *ret);
