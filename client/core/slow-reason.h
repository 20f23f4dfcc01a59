/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Why the desktop feels slow, if it does: one reason, and a sentence for its user.  Pure.
 */
#pragma once

#include "client/core/input-split.h"

#include <stdbool.h>
#include <stdint.h>

/* What is known of the last seconds; 0 where nothing is. */
typedef struct {
    int64_t rtt_us;                         /* to the host and back */
    uint64_t used_kbps;                     /* what came */
    uint32_t rate_kbps;                     /* what the path carries */
    uint32_t queue_us;                      /* how long frames wait in the network */
    uint32_t parts_us[BERTH_N_INPUT_PARTS]; /* of a press */
    uint32_t decode_us;                     /* of a frame, last message to pixels */
    uint32_t paint_us;                      /* of a frame, from there to the screen */
    uint8_t effort;                         /* of the host, 3 is all */
    bool has_host_state;                    /* effort is known */
    unsigned n_resumes;                     /* of the last minute */
} BerthHealth;

typedef enum {
    BERTH_SLOW_NOT,
    BERTH_SLOW_BREAKS, /* the connection was lost again and again */
    BERTH_SLOW_QUEUE,  /* somebody else fills the path */
    BERTH_SLOW_NARROW, /* the desktop itself fills it */
    BERTH_SLOW_FAR,    /* the way is long */
    BERTH_SLOW_HOST,   /* the host has too much to do */
    BERTH_SLOW_GUEST,  /* the desktop takes its time */
    BERTH_SLOW_DEVICE, /* this device does */
    BERTH_N_SLOW_REASONS,
} BerthSlowReason;

/* The reason that counts most; NOT if nothing is over what people notice. */
BerthSlowReason berth_slow_reason(const BerthHealth *health);

/*
 * "the connection is slow because ...", with what can be done.
 *
 * Returns new text in the user's language; NULL for NOT.
 */
char *berth_slow_sentence(BerthSlowReason reason, const BerthHealth *health);

/* "far", "guest", ... for programs; constant. */
const char *berth_slow_name(BerthSlowReason reason);
