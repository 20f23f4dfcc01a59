/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A loudspeaker and a microphone that are files: takes and gives sound each 10 ms by the clock, as
 * a sound card would.
 *
 * Thread: main; it has one of its own for the sound.
 */
#pragma once

#include "client/core/sound-device.h"

#include <glib.h>

/* A device that pulls always, so that what is heard is known without a file, too. */
BerthSoundDevice *berth_wav_device_new(void);

/*
 * Writes what is heard from now on into a new file: PCM of 16 bits, stereo, 48,000 a second.  The
 * file before is completed.  Errors: BERTH_ERR_IO.
 */
bool berth_wav_device_record(BerthSoundDevice *device, const char *path, GError **error);

/*
 * Says what is in such a file, once, from the moment on in which somebody listens; then silence.
 *
 * Errors: BERTH_ERR_IO, BERTH_ERR_INVALID for another kind of file, BERTH_ERR_TOO_LARGE.
 */
bool berth_wav_device_speak(BerthSoundDevice *device, const char *path, GError **error);
