/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sound of the desktop at the user's device, and the microphone.
 *
 * It outlives connections: what the user muted stays muted when the desktop comes back.  The
 * microphone is open only while something in the desktop listens, the policy allows it and the
 * user does.
 *
 * Thread: main; what the device calls runs in the device's thread.
 */
#pragma once

#include "client/core/sound-device.h"

#include "berth/protocol.h"
#include "display/audio/sound-receiver.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthSoundClient BerthSoundClient;

/* Sends a message of the channels audio-out or audio-in. */
typedef void (*BerthSoundSendFunc)(BerthChannel channel, uint8_t type, const uint8_t *payload,
                                   size_t len, void *user_data);

/* device: taken. */
BerthSoundClient *berth_sound_client_new(BerthSoundDevice *device);

/* NULL is allowed. */
void berth_sound_client_free(BerthSoundClient *self);

/* BERTH_AUDIO_* for HELLO. */
uint8_t berth_sound_client_get_audio_mask(const BerthSoundClient *self);

/* A connection is open: messages go there. */
void berth_sound_client_attach(BerthSoundClient *self, BerthSoundSendFunc send, void *user_data);

/* The connection of user_data is over; nothing if it is another one's turn already. */
void berth_sound_client_detach(BerthSoundClient *self, const void *user_data);

/*
 * Takes a message of the channel audio-out.
 *
 * Errors: those of the decoders; BERTH_ERR_PROTOCOL for packets outside of a stream or whose
 * positions do not rise.
 */
int berth_sound_client_handle(BerthSoundClient *self, uint8_t type, const uint8_t *payload,
                              size_t len, int64_t now_us);

/* What the desktop plays is not heard, and need not come. */
void berth_sound_client_set_muted(BerthSoundClient *self, bool is_muted);
bool berth_sound_client_is_muted(const BerthSoundClient *self);

/*
 * Loudness of what the user hears, 0..100; 100 is as it comes.  The desktop is told, so that it can
 * show it; not before it was set once.
 */
void berth_sound_client_set_volume(BerthSoundClient *self, int percent);
int berth_sound_client_get_volume(const BerthSoundClient *self);

/* Loudest sample since the last question, 0..32767: for a level in the toolbar. */
int berth_sound_client_take_level(BerthSoundClient *self);

/* Whether the desktop plays, or did some seconds ago: a level is worth looking at. */
bool berth_sound_client_is_playing(const BerthSoundClient *self);

/* Whether the user lets the microphone be heard: true at the start. */
void berth_sound_client_set_mic_allowed(BerthSoundClient *self, bool is_allowed);
bool berth_sound_client_is_mic_allowed(const BerthSoundClient *self);

/* Whether it is open now; a sign is to be shown while it is. */
bool berth_sound_client_is_mic_open(const BerthSoundClient *self);

/* The policy lets sound come, or go; false before it is known. */
bool berth_sound_client_may_play(const BerthSoundClient *self);
bool berth_sound_client_may_record(const BerthSoundClient *self);

/*
 * changed is called when one of mute, volume, may_play, microphone has changed, and when the
 * desktop begins to play; it neither watches nor unwatches.
 */
void berth_sound_client_watch(BerthSoundClient *self, void (*changed)(void *user_data),
                              void *user_data);

/* Ends what was begun with that user_data; nothing if there is none. */
void berth_sound_client_unwatch(BerthSoundClient *self, const void *user_data);

void berth_sound_client_get_stats(BerthSoundClient *self, BerthSoundReceiverStats *ret);

/* The numbers of the receiver.  Ownership: new reference. */
json_t *berth_sound_client_stats_to_json(BerthSoundClient *self);
