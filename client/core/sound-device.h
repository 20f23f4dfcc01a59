/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where sound is heard and spoken: loudspeaker and microphone behind one table.
 *
 * A device has a thread of its own, in which it takes sound when it needs some and gives what it
 * hears.  Thread of the functions: main.
 */
#pragma once

#include "display/audio/sound.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct BerthSoundDevice BerthSoundDevice;

/* Called in the device's thread. */
typedef struct {
    /* Fills n_ticks of stereo, of which the first is heard at now_us, or soon after. */
    void (*pull)(int16_t *ret, unsigned n_ticks, int64_t now_us, void *user_data);
    /* The microphone heard n_ticks, the last of them at now_us. */
    void (*give)(const int16_t *samples, unsigned n_ticks, int64_t now_us, void *user_data);
} BerthSoundDeviceCallbacks;

typedef struct {
    /* Who takes and gives; once, before the others.  callbacks: borrowed, outlive the device. */
    void (*start)(BerthSoundDevice *self, const BerthSoundDeviceCallbacks *callbacks,
                  void *user_data);
    /* Begins to pull, or ends; a device that cannot says so in the log and tries again next time.
     */
    void (*set_playing)(BerthSoundDevice *self, bool is_on);
    /* Begins to give, or ends.  NULL: it has no microphone. */
    void (*set_recording)(BerthSoundDevice *self, bool is_on);
    /* Ends the thread; no callback comes any more. */
    void (*free)(BerthSoundDevice *self);
} BerthSoundDeviceOps;

/* Every device begins with this. */
struct BerthSoundDevice {
    const BerthSoundDeviceOps *ops;
};
