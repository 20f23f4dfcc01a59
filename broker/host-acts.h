/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What administrators do to a host: drain, maintenance, fence, remove.
 *
 * Errors of each: BERTH_ERR_NOT_FOUND, BERTH_ERR_STATE, those of berth_tx_run().  Thread: writer.
 */
#pragma once

#include "broker/audit.h"

#include <stdbool.h>

/*
 * Draining: no new machines, spares move to other hosts, users stay until they log off.
 * Maintenance: the same, and whoever is disconnected is logged off.
 */
int berth_host_set_drain(BerthTx *tx, const BerthCause *cause, const char *host, bool is_draining);
int berth_host_set_maintenance(BerthTx *tx, const BerthCause *cause, const char *host,
                               bool is_in_maintenance);

/*
 * An administrator says that a lost host is off: its users may have other desktops at once.
 *
 * ret_kept:  new array of {"machine", "user"}: desktops with data, which stay their users'
 *
 * Errors: BERTH_ERR_STATE unless the host is lost or fenced.
 */
int berth_host_fence(BerthTx *tx, const BerthCause *cause, const char *host, json_t **ret_kept);

/*
 * Removes a host that never comes back, or an empty one.
 *
 * is_forced:     desktops with their users' data may go
 * ret_blocking:  new array of {"machine", "user"}: what is in the way, with BERTH_ERR_BUSY
 *
 * Errors: BERTH_ERR_BUSY while a host that is not lost or fenced has machines, and while any has
 * machines with data, unless it is forced.
 */
int berth_host_remove(BerthTx *tx, const BerthCause *cause, const char *host, bool is_forced,
                      json_t **ret_blocking);
