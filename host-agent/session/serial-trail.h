/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which input of one viewer a picture already shows.
 *
 * A desktop counts all input that it gets, from whomever; pictures carry that stamp.  Each viewer
 * numbers its own messages, and wants to know its own serial.  The trail remembers the newest
 * pairs; if it has forgotten the right one, an older serial is the answer.
 *
 * A value; pure.  Thread: any.
 */
#pragma once

#include <stdint.h>

/* Pairs that are remembered: inputs of one viewer between two frames. */
#define BERTH_SERIAL_TRAIL_PAIRS 32

typedef struct {
    struct {
        uint32_t stamp, serial;
    } pairs[BERTH_SERIAL_TRAIL_PAIRS]; /* oldest first */

    unsigned n_pairs;
    uint32_t serial; /* of pairs that are gone */
} BerthSerialTrail;

/* Notes that the input with this serial has this stamp; stamps grow, and wrap. */
void berth_serial_trail_note(BerthSerialTrail *self, uint32_t stamp, uint32_t serial);

/* Takes the last note back: the guest did not get the input. */
void berth_serial_trail_take_back(BerthSerialTrail *self);

/* The newest serial whose stamp is not after this one; 0 if there is none. */
uint32_t berth_serial_trail_find(const BerthSerialTrail *self, uint32_t stamp);
