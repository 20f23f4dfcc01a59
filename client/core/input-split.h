/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the time from a press to the pixels that answer it went, part by part.
 *
 * The host tells its parts just before the frame (INPUT_TIMES), the client knows its own; what is
 * left is the network, both ways.  Engine: no clock.  A value without allocation; initialise with
 * zeros.
 */
#pragma once

#include "display/wire/msg-statistics.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    BERTH_INPUT_NETWORK, /* to the host and back, the frame's own time included */
    BERTH_INPUT_GUEST,   /* the desktop made a picture of it */
    BERTH_INPUT_WAIT,    /* that picture waited for its turn on the host */
    BERTH_INPUT_ENCODE,
    BERTH_INPUT_DECODE,
    BERTH_INPUT_PAINT, /* to the screen, as far as known */
    BERTH_N_INPUT_PARTS,
} BerthInputPart;

#define BERTH_INPUT_SPLIT_MAX_SAMPLES 16

typedef struct {
    BerthMsgInputTimes told;                                                 /* serial 0: nothing */
    uint32_t samples_us[BERTH_INPUT_SPLIT_MAX_SAMPLES][BERTH_N_INPUT_PARTS]; /* ring */
    uint64_t n_samples;                                                      /* ever */
} BerthInputSplit;

/* The frame that answered a press; monotonic times of the client. */
typedef struct {
    uint32_t serial;
    int64_t sent_us;     /* the press */
    int64_t received_us; /* the last message of the frame */
    int64_t ready_us;    /* its pixels */
    int64_t shown_us;
} BerthInputAnswer;

/* What the host told; of a session that lies the parts are cut to what can be. */
void berth_input_split_told(BerthInputSplit *self, const BerthMsgInputTimes *times);

/* A press was answered; counts if the host told of it. */
void berth_input_split_answered(BerthInputSplit *self, const BerthInputAnswer *answer);

/*
 * The mean of the last samples, microseconds a part.
 *
 * Returns false if there is none; ret is zero then.
 */
bool berth_input_split_get(const BerthInputSplit *self, uint32_t ret_us[BERTH_N_INPUT_PARTS]);

/* "network", "guest", ...; constant. */
const char *berth_input_part_name(BerthInputPart part);
