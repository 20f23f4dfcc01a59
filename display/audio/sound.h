/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What all of the sound shares: pieces of 16-bit samples, stereo, left first, 48,000 ticks a
 * second.  A tick is one sample of both channels.
 */
#pragma once

#include <stdint.h>

#define BERTH_SOUND_TICKS_PER_S 48000
#define BERTH_SOUND_TICKS_PER_MS 48
#define BERTH_SOUND_CHANNELS 2
/* Of a packet that we make: 10 ms. */
#define BERTH_SOUND_PACKET_TICKS 480
/* Of the longest packet that may come: 20 ms. */
#define BERTH_SOUND_MAX_PACKET_TICKS 960

/* Loudness of the loudest sample in 0..32767. */
static inline int
berth_sound_peak(const int16_t *samples, unsigned n_ticks)
{
    int peak = 0;

    for (unsigned i = 0; i < n_ticks * BERTH_SOUND_CHANNELS; i++) {
        int value = samples[i] < 0 ? -(samples[i] + 1) : samples[i];

        peak = value > peak ? value : peak;
    }
    return peak;
}
