/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sending end of a stream of sound: pieces of any length in, packets out.
 *
 * A stream begins with the first packet that is not silent and ends after a second of silence, so
 * a desktop that plays nothing costs nothing.  When pieces stop coming, or come later than the
 * sound in them lasts, the stream ends and the next piece begins another one: positions are time.
 *
 * No clock.  Thread: any, one at a time.
 */
#pragma once

#include "display/audio/sound.h"

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthSoundPacker BerthSoundPacker;

/* Silence that ends a stream. */
#define BERTH_SOUND_SILENCE_US (1000 * 1000)
/* Pieces that are later than that belong to another stream. */
#define BERTH_SOUND_BREAK_US (250 * 1000)

typedef enum {
    BERTH_SOUND_BEGINS,
    BERTH_SOUND_PACKET,
    BERTH_SOUND_ENDS,
} BerthSoundEventKind;

typedef struct {
    BerthSoundEventKind kind;
    uint64_t position; /* of a packet: ticks since the beginning of the stream */
    int64_t capture_us;
    const uint8_t *data; /* borrowed */
    size_t len;
} BerthSoundEvent;

typedef void (*BerthSoundEmitFunc)(const BerthSoundEvent *event, void *user_data);

/* kbps: see berth_opus_encoder_new(); emit gets what is to be sent, in its order. */
BerthSoundPacker *berth_sound_packer_new(int kbps, BerthSoundEmitFunc emit, void *user_data);

/* NULL is allowed. */
void berth_sound_packer_free(BerthSoundPacker *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthSoundPacker, berth_sound_packer_free)

/* Takes a piece, whose last tick is of now_us. */
void berth_sound_packer_write(BerthSoundPacker *self, const int16_t *samples, unsigned n_ticks,
                              int64_t now_us);

/* Ends the stream, if there is one. */
void berth_sound_packer_stop(BerthSoundPacker *self);
