/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a session tells a client that shows statistics: INPUT_TIMES and HOST_STATE of the control
 * channel.
 *
 * Pure.  Errors as in msg-control.h.
 */
#pragma once

#include "base/bytes-reader.h"
#include "base/bytes-writer.h"
#include "berth/protocol.h"

#include <stddef.h>
#include <stdint.h>

/* Where the time of a press went, as far as the host knows; microseconds. */
typedef struct {
    uint32_t serial;    /* of the newest KEY or BUTTON that the next frame answers; not 0 */
    uint32_t guest_us;  /* it came, to the capture of what the frame shows */
    uint32_t wait_us;   /* from there to the beginning of the frame's making */
    uint32_t encode_us; /* from there to the frame's sending */
} BerthMsgInputTimes;

typedef struct {
    uint32_t rate_kbps;    /* that the path carries; 0: not known yet */
    uint32_t queue_us;     /* how long frames wait in the network behind others */
    uint32_t interval_us;  /* the least time from one frame to the next; 0: none */
    uint8_t photo_quality; /* 1..100 */
    uint8_t effort;        /* of the encoder: 3 all, 0 the least that there is */
} BerthMsgHostState;

int berth_msg_input_times_encode(BerthWriter *writer, const BerthMsgInputTimes *times);
int berth_msg_input_times_decode(const uint8_t *payload, size_t len, BerthMsgInputTimes *ret);

int berth_msg_host_state_encode(BerthWriter *writer, const BerthMsgHostState *state);
int berth_msg_host_state_decode(const uint8_t *payload, size_t len, BerthMsgHostState *ret);
