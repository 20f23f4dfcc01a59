/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What passes between the store and one host: its hello, its desired state, its inventory.
 *
 * Errors: those of berth_tx_run().
 */
#pragma once

#include "broker/audit.h"
#include "broker/inventory.h"

#include "berth/ids.h"

typedef struct {
    char host[BERTH_ID_HEX_CHARS + 1];
    char boot_id[BERTH_INVENTORY_TEXT_BYTES + 1];
    char address[BERTH_INVENTORY_TEXT_BYTES + 1]; /* ip:port for display connections */
    char accel[BERTH_INVENTORY_TEXT_BYTES + 1];
    char qemu[BERTH_INVENTORY_TEXT_BYTES + 1];
    int64_t agent_epoch;
    int64_t memory_limit_mib;
    int64_t start_slots;
} BerthHello;

/*
 * Reads a hello message.
 *
 * ret:  set on success only
 *
 * Errors: BERTH_ERR_PROTOCOL, BERTH_ERR_VERSION.  Pure.
 */
bool berth_hello_from_json(const json_t *message, BerthHello *ret, GError **error);

/*
 * Writes down what a host told about itself, and that it is up.
 *
 * Errors: also BERTH_ERR_NOT_FOUND for a host that was never added, BERTH_ERR_STALE_EPOCH if the
 * same boot was heard with a higher agent epoch: an old process that came back.  Thread: writer.
 */
int berth_host_hello(BerthTx *tx, const BerthCause *cause, const BerthHello *hello);

/*
 * What the host should run: {"machines": [...], "sessions": [...]}, in a stable order.
 *
 * ret:  new reference, set on success only
 *
 * Thread: any.
 */
int berth_host_desired(BerthTx *tx, const char *host, json_t **ret);

/*
 * Brings the rows of a host in line with its inventory.
 *
 * ret_n_steps:  how many steps were taken; 0: nothing was new
 *
 * Thread: writer.
 */
int berth_host_apply_inventory(BerthTx *tx, const BerthCause *cause, const char *host,
                               const BerthInventory *inventory, int *ret_n_steps);
