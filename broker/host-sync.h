/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What passes from one host into the store: its hello and its inventory.
 *
 * Errors: those of berth_tx_run().
 */
#pragma once

#include "broker/audit.h"
#include "broker/desired.h"
#include "broker/hello.h"

/* Silence after which a host gets no new desktops, and after which it counts as lost. */
#define BERTH_AGENT_SUSPECT_US (6LL * 1000 * 1000)
#define BERTH_AGENT_LOST_US (60LL * 1000 * 1000)

/*
 * Writes down what a host told about itself, and that it is up: its link is the one of broker
 * `holder`, for BERTH_AGENT_LOST_US from now.
 *
 * Errors: also BERTH_ERR_NOT_FOUND for a host that was never added, BERTH_ERR_STALE_EPOCH if the
 * same boot was heard with a higher agent epoch: an old process that came back.  Thread: writer.
 */
int berth_host_hello(BerthTx *tx, const BerthCause *cause, const BerthHello *hello,
                     const char *holder);

typedef struct {
    int n_steps;     /* 0: nothing was new */
    bool is_pending; /* the same inventory may lead to more later */
    int n_strangers; /* machines that the host has and no row knows */
} BerthSyncResult;

/*
 * Brings the rows of a host in line with its inventory.
 *
 * living:  set of ids of machines that the agent may be about to make, NULL: none
 * ret:     set on success only
 *
 * Thread: writer.
 */
int berth_host_apply_inventory(BerthTx *tx, const BerthCause *cause, const char *host,
                               const BerthInventory *inventory, GHashTable *living,
                               BerthSyncResult *ret);
