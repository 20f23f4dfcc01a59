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
#include "display/wire/flow.h"
#include "display/wire/msg-input.h"

/* A value; initialise with zeros. */
typedef struct {
    bool is_wanted; /* the client shows statistics; without it nothing happens */
    BerthPressTimes presses;
    uint32_t interval_us; /* of the flow */
    uint8_t photo_quality;
    BerthMsgHostState told; /* last */
    int64_t told_us;        /* when; 0: never */
} BerthStatisticsTeller;

/* Between two HOST_STATE, in microseconds. */
#define BERTH_STATISTICS_INTERVAL_US (1000 * 1000)

/* What the viewer's flow allows now. */
void berth_statistics_teller_note_flow(BerthStatisticsTeller *self, const BerthSeatFlow *flow);

/* Input was given to the guest; presses count. */
void berth_statistics_teller_note_input(BerthStatisticsTeller *self, uint8_t type,
                                        const BerthMsgInput *input, int64_t now_us);

/*
 * A turn of the frame room brought something for the viewer: sends what belongs before it.
 *
 * Errors: those of berth_link_send().
 */
int berth_statistics_teller_tell(BerthStatisticsTeller *self, BerthLink *link,
                                 const BerthFlow *flow, const BerthSeatDelivery *delivery,
                                 int64_t now_us);
