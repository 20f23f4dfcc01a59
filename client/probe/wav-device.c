/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/probe/wav-device.h"

#include "base/bytes-writer.h"
#include "base/clock.h"
#include "base/error.h"

#include <stdio.h>

#define STEP_US 10000
#define STEP_TICKS (STEP_US / 1000 * BERTH_SOUND_TICKS_PER_MS)
#define TICK_BYTES (BERTH_SOUND_CHANNELS * 2)
#define HEADER_BYTES 44

typedef struct {
    BerthSoundDevice base;
    const BerthSoundDeviceCallbacks *callbacks;
    void *user_data;
    GThread *thread;
    GMutex lock;  /* of the file, and of the end */
    GCond wakeup; /* it is over */
    bool is_over;
    FILE *file; /* NULL: none */
    uint32_t n_bytes;
} WavDevice;

static bool
write_header(FILE *file, uint32_t n_bytes)
{
    BerthWriter writer;
    bool is_good;

    berth_writer_init(&writer, HEADER_BYTES);
    berth_writer_put_bytes(&writer, "RIFF", 4);
    berth_writer_put_u32(&writer, n_bytes + HEADER_BYTES - 8);
    berth_writer_put_bytes(&writer, "WAVEfmt ", 8);
    berth_writer_put_u32(&writer, 16);
    berth_writer_put_u16(&writer, 1);
    berth_writer_put_u16(&writer, BERTH_SOUND_CHANNELS);
    berth_writer_put_u32(&writer, BERTH_SOUND_TICKS_PER_S);
    berth_writer_put_u32(&writer, BERTH_SOUND_TICKS_PER_S * TICK_BYTES);
    berth_writer_put_u16(&writer, TICK_BYTES);
    berth_writer_put_u16(&writer, 16);
    berth_writer_put_bytes(&writer, "data", 4);
    berth_writer_put_u32(&writer, n_bytes);
    is_good = fwrite(writer.data, writer.len, 1, file) == 1;
    berth_writer_clear(&writer);
    return is_good;
}

/* Under the lock. */
static void
write_samples(WavDevice *self, const int16_t *samples)
{
    uint8_t bytes[STEP_TICKS * TICK_BYTES];

    for (size_t i = 0; i < sizeof bytes / 2; i++) {
        bytes[2 * i] = (uint8_t)samples[i];
        bytes[2 * i + 1] = (uint8_t)((uint16_t)samples[i] >> 8);
    }
    if (self->n_bytes < UINT32_MAX / 2 && fwrite(bytes, sizeof bytes, 1, self->file) == 1) {
        self->n_bytes += sizeof bytes;
    }
}

static gpointer
run_thread(gpointer data)
{
    WavDevice *self = data;
    int64_t next_us = berth_monotonic_us();

    g_mutex_lock(&self->lock);
    while (!self->is_over) {
        int16_t samples[STEP_TICKS * BERTH_SOUND_CHANNELS];

        if (g_cond_wait_until(&self->wakeup, &self->lock, next_us)) {
            continue;
        }
        g_mutex_unlock(&self->lock);
        self->callbacks->pull(samples, STEP_TICKS, berth_monotonic_us(), self->user_data);
        g_mutex_lock(&self->lock);
        if (self->file != NULL) {
            write_samples(self, samples);
        }
        next_us += STEP_US;
    }
    g_mutex_unlock(&self->lock);
    return NULL;
}

static void
wav_start(BerthSoundDevice *base, const BerthSoundDeviceCallbacks *callbacks, void *user_data)
{
    WavDevice *self = (WavDevice *)base;

    self->callbacks = callbacks;
    self->user_data = user_data;
    self->thread = g_thread_new("sound", run_thread, self);
}

static void
wav_set_playing(BerthSoundDevice *base, bool is_on)
{
}

/* Under the lock. */
static bool
complete_file(WavDevice *self)
{
    bool is_good = true;

    if (self->file != NULL) {
        is_good = fseek(self->file, 0, SEEK_SET) == 0 && write_header(self->file, self->n_bytes);
        is_good = fclose(self->file) == 0 && is_good;
        self->file = NULL;
    }
    return is_good;
}

static void
wav_free(BerthSoundDevice *base)
{
    WavDevice *self = (WavDevice *)base;

    g_mutex_lock(&self->lock);
    self->is_over = true;
    g_cond_signal(&self->wakeup);
    g_mutex_unlock(&self->lock);
    g_thread_join(self->thread);
    complete_file(self);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->wakeup);
    g_free(self);
}

static const BerthSoundDeviceOps ops = {
    .start = wav_start,
    .set_playing = wav_set_playing,
    .free = wav_free,
};

BerthSoundDevice *
berth_wav_device_new(void)
{
    WavDevice *self = g_new0(WavDevice, 1);

    self->base.ops = &ops;
    g_mutex_init(&self->lock);
    g_cond_init(&self->wakeup);
    return &self->base;
}

bool
berth_wav_device_record(BerthSoundDevice *device, const char *path, GError **error)
{
    WavDevice *self = (WavDevice *)device;
    FILE *file = NULL;
    bool is_good;

    if (path != NULL) {
        file = fopen(path, "wb");
        if (file == NULL || !write_header(file, 0)) {
            berth_set_error(error, BERTH_ERR_IO, "\"%s\" cannot be written: %m", path);
            if (file != NULL) {
                fclose(file);
            }
            return false;
        }
    }
    g_mutex_lock(&self->lock);
    is_good = complete_file(self);
    self->file = file;
    self->n_bytes = 0;
    g_mutex_unlock(&self->lock);
    return is_good || berth_set_error(error, BERTH_ERR_IO, "the file of sound was not written: %m");
}
