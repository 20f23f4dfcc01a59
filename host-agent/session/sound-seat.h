/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One client's end of the channels audio-out and audio-in.
 *
 * It listens to the sound room in the place of who listened before.  What has waited too long for
 * the network is dropped here, so sound is never late by what a link could not take.
 *
 * Thread: main.
 */
#pragma once

#include "host-agent/session/sound-room.h"

#include "display/transport/link.h"

#include <stddef.h>
#include <stdint.h>

typedef struct BerthSoundSeat BerthSoundSeat;

/*
 * Takes the place in the room and tells the client what is allowed.
 *
 * room, link:  borrowed, must outlive the seat
 * audio_mask:  BERTH_AUDIO_* of its HELLO
 *
 * Returns NULL if the client takes no sound.
 */
BerthSoundSeat *berth_sound_seat_new(BerthSoundRoom *room, BerthLink *link, uint8_t audio_mask);

/* NULL is allowed. */
void berth_sound_seat_free(BerthSoundSeat *self);

/*
 * Takes a message of the two channels; NULL ignores them.
 *
 * Errors: those of the decoders; BERTH_ERR_PROTOCOL for positions that do not rise.
 */
int berth_sound_seat_handle(BerthSoundSeat *self, BerthChannel channel, uint8_t type,
                            const uint8_t *payload, size_t len, int64_t now_us);
