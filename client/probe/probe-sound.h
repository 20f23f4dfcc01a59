/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a probe hears of the desktop and says to it: a sound client whose loudspeaker and microphone
 * are files.
 *
 * Nothing is sent to it before it is told to listen.  Thread: main.
 */
#pragma once

#include "client/core/sound-client.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct BerthProbeSound BerthProbeSound;

/* Hears nothing yet. */
BerthProbeSound *berth_probe_sound_new(void);

/* NULL is allowed. */
void berth_probe_sound_free(BerthProbeSound *self);

/* For the controller; borrowed. */
BerthSoundClient *berth_probe_sound_get_client(BerthProbeSound *self);

/* Lets the desktop be heard; nothing if it is already. */
void berth_probe_sound_listen(BerthProbeSound *self);

/* Whether the desktop plays, or began to since it was to be heard or to be recorded. */
bool berth_probe_sound_is_heard(BerthProbeSound *self);

/* Listens, and writes what is heard from now on; see berth_wav_device_record(). */
bool berth_probe_sound_record(BerthProbeSound *self, const char *path, GError **error);

/* See berth_wav_device_speak(). */
bool berth_probe_sound_speak(BerthProbeSound *self, const char *path, GError **error);

/* The numbers of what is heard.  Ownership: new reference. */
json_t *berth_probe_sound_to_json(BerthProbeSound *self);
