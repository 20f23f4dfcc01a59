/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Plays sound a little faster or slower: how a receiver follows the clock of a sender.
 *
 * Values between two ticks are those of a curve through four of them (Catmull-Rom); for changes of
 * some per mille nobody hears that.  At speed 1 what goes in comes out, bit by bit, once the last
 * change has come to rest on a tick.
 *
 * A value, pure.  It keeps what was given and not used: at most BERTH_STRETCHER_TICKS.
 */
#pragma once

#include "display/audio/sound.h"

#include <stdint.h>

#define BERTH_STRETCHER_TICKS 2048
/* In parts of a million, both ways: 0.5 %. */
#define BERTH_STRETCHER_MAX_PPM 5000

typedef struct {
    int16_t samples[BERTH_STRETCHER_TICKS * BERTH_SOUND_CHANNELS];
    unsigned n_ticks; /* in samples */
    double place;     /* of the next tick to play, in ticks from the beginning of samples; >= 1 */
    int ppm;
} BerthStretcher;

/* Forgets everything; goes on with silence at speed 1. */
void berth_stretcher_init(BerthStretcher *self);

/* ppm: how much faster than the sender, within BERTH_STRETCHER_MAX_PPM. */
void berth_stretcher_set_speed(BerthStretcher *self, int ppm);

/* Ticks that it can take now. */
unsigned berth_stretcher_get_room(const BerthStretcher *self);

/* Takes n_ticks; there must be room. */
void berth_stretcher_give(BerthStretcher *self, const int16_t *samples, unsigned n_ticks);

/* Gives out what it can, at most n_ticks.  Returns how many. */
unsigned berth_stretcher_take(BerthStretcher *self, int16_t *ret, unsigned n_ticks);

/* Ticks of the sender that were given and not played. */
unsigned berth_stretcher_get_waiting(const BerthStretcher *self);
