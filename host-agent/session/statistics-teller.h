/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells a client that shows statistics what only the host knows, before its frames: where the time
 * of presses went, and how path and host are.
 *
 * Thread: main.
 */
#pragma once

#include "host-agent/session/press-times.h"
#include "host-agent/session/seat.h"

#include "display/transport/link.h"

/* A value; initialise with zeros. */
typedef struct {
    BerthPressTimes presses;
    BerthMsgHostState told; /* last */
    int64_t told_us;        /* when; 0: never */
} BerthStatisticsTeller;

/* Between two HOST_STATE, in microseconds. */
#define BERTH_STATISTICS_INTERVAL_US (1000 * 1000)

/*
 * A turn of the frame room brought something for the viewer: sends what belongs before it.
 *
 * state: as it is now
 *
 * Errors: those of berth_link_send().
 */
int berth_statistics_teller_tell(BerthStatisticsTeller *self, BerthLink *link,
                                 const BerthSeatDelivery *delivery,
                                 const BerthMsgHostState *state, int64_t now_us);
