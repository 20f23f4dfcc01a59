/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Plays a tone at a sound server whose microphone hears its loudspeaker, until a second of it has
 * come back; then it stops and starts once more.  Prints what came back.
 */
#include "client/core/sound-pulse.h"

#include <glib.h>
#include <math.h>
#include <stdio.h>

#define LIMIT_US (60 * G_USEC_PER_SEC)
#define HZ 440

typedef struct {
    GMutex lock;
    GCond heard;
    double phase;
    uint64_t n_pulled, n_loud, n_crossings;
    int16_t last;
} Ear;

static void
on_pull(int16_t *ret, unsigned n_ticks, int64_t now_us, void *user_data)
{
    Ear *ear = user_data;

    g_mutex_lock(&ear->lock);
    for (unsigned i = 0; i < n_ticks; i++) {
        ret[2 * i] = ret[2 * i + 1] = (int16_t)(8000 * sin(ear->phase));
        ear->phase += 2 * G_PI * HZ / BERTH_SOUND_TICKS_PER_S;
    }
    ear->n_pulled += n_ticks;
    g_mutex_unlock(&ear->lock);
}

static void
on_give(const int16_t *samples, unsigned n_ticks, int64_t now_us, void *user_data)
{
    Ear *ear = user_data;

    g_mutex_lock(&ear->lock);
    if (berth_sound_peak(samples, n_ticks) > 7000) {
        for (unsigned i = 0; i < n_ticks; i++) {
            ear->n_crossings += ear->last < 0 && samples[2 * i] >= 0;
            ear->last = samples[2 * i];
        }
        ear->n_loud += n_ticks;
        g_cond_signal(&ear->heard);
    }
    g_mutex_unlock(&ear->lock);
}

static const BerthSoundDeviceCallbacks callbacks = { .pull = on_pull, .give = on_give };

/* Returns whether a second of the tone came back. */
static bool
listen_once(BerthSoundDevice *device, Ear *ear)
{
    gint64 until_us = g_get_monotonic_time() + LIMIT_US;
    bool is_heard = true;

    device->ops->set_playing(device, true);
    device->ops->set_recording(device, true);
    g_mutex_lock(&ear->lock);
    ear->n_loud = 0;
    ear->n_crossings = 0;
    while (is_heard && ear->n_loud < BERTH_SOUND_TICKS_PER_S) {
        is_heard = g_cond_wait_until(&ear->heard, &ear->lock, until_us);
    }
    printf("pulled %" G_GUINT64_FORMAT " heard %" G_GUINT64_FORMAT " hertz %.0f\n", ear->n_pulled,
           ear->n_loud,
           (double)ear->n_crossings * BERTH_SOUND_TICKS_PER_S / (double)MAX(ear->n_loud, 1));
    is_heard = is_heard && ear->n_crossings > HZ * 8 / 10 && ear->n_crossings < HZ * 12 / 10;
    g_mutex_unlock(&ear->lock);
    device->ops->set_playing(device, false);
    device->ops->set_recording(device, false);
    return is_heard;
}

int
main(void)
{
    BerthSoundDevice *device = berth_sound_pulse_new("berth test");
    Ear ear = { .last = 0 };
    bool is_good;

    g_mutex_init(&ear.lock);
    g_cond_init(&ear.heard);
    device->ops->start(device, &callbacks, &ear);
    is_good = listen_once(device, &ear) && listen_once(device, &ear);
    device->ops->free(device);
    return is_good ? 0 : 1;
}
