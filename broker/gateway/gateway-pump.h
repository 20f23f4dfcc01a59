/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Splices two ends: bytes both ways through one bounded buffer each, half-closes passed on.
 *
 * A slow reader stops its writer by a full buffer.  The pump ends when both directions have ended
 * or one end breaks.  Thread: main.
 */
#pragma once

#include "base/poller.h"
#include "broker/gateway/gateway-end.h"

#include <stdint.h>

typedef struct BerthPump BerthPump;

/* Called once when the splice is over; free the pump then. */
typedef void (*BerthPumpFunc)(void *user_data);

/*
 * Starts splicing.
 *
 * client, server:  taken; neither is watched by the poller
 * poller:          borrowed, outlives the pump
 *
 * done is never called before this returns.
 */
BerthPump *berth_pump_new(BerthPoller *poller, BerthEnd client, BerthEnd server, BerthPumpFunc done,
                          void *user_data);

/* Closes both ends at once and frees the pump; NULL is allowed. */
void berth_pump_free(BerthPump *self);

/* Bytes moved so far in both directions; a sign of life. */
uint64_t berth_pump_get_bytes(const BerthPump *self);
