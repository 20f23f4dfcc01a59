/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/probe/wav-device.h"

#include "base/bytes-writer.h"
#include "base/clock.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>

#define STEP_US 10000
#define STEP_TICKS (STEP_US / 1000 * BERTH_SOUND_TICKS_PER_MS)
#define TICK_BYTES (BERTH_SOUND_CHANNELS * 2)
#define HEADER_BYTES 44
/* Of what is spoken: five minutes. */
#define MAX_SPEECH_BYTES (64u * 1024 * 1024)

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
    bool is_recording; /* somebody listens */
    char *speech;      /* a whole file; NULL: none */
    size_t speech_bytes, spoken_bytes;
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

/* The next step of what is spoken, under the lock; silence at its end. */
static void
read_speech(WavDevice *self, int16_t *ret)
{
    for (size_t i = 0; i < STEP_TICKS * BERTH_SOUND_CHANNELS; i++) {
        const uint8_t *at = (const uint8_t *)self->speech + self->spoken_bytes;

        ret[i] = 0;
        if (self->speech != NULL && self->spoken_bytes + 2 <= self->speech_bytes) {
            ret[i] = (int16_t)((uint16_t)at[0] | (uint16_t)at[1] << 8);
            self->spoken_bytes += 2;
        }
    }
}

/* One step of the clock; under the lock, but for the callbacks. */
static void
take_step(WavDevice *self)
{
    int16_t heard[STEP_TICKS * BERTH_SOUND_CHANNELS];
    int16_t spoken[STEP_TICKS * BERTH_SOUND_CHANNELS];
    bool is_recording = self->is_recording;

    if (is_recording) {
        read_speech(self, spoken);
    }
    g_mutex_unlock(&self->lock);
    self->callbacks->pull(heard, STEP_TICKS, berth_monotonic_us(), self->user_data);
    if (is_recording) {
        self->callbacks->give(spoken, STEP_TICKS, berth_monotonic_us(), self->user_data);
    }
    g_mutex_lock(&self->lock);
    if (self->file != NULL) {
        write_samples(self, heard);
    }
}

static gpointer
run_thread(gpointer data)
{
    WavDevice *self = data;
    int64_t next_us = berth_monotonic_us();

    g_mutex_lock(&self->lock);
    while (!self->is_over) {
        if (!g_cond_wait_until(&self->wakeup, &self->lock, next_us)) {
            take_step(self);
            next_us += STEP_US;
        }
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

static void
wav_set_recording(BerthSoundDevice *base, bool is_on)
{
    WavDevice *self = (WavDevice *)base;

    g_mutex_lock(&self->lock);
    self->is_recording = is_on;
    g_mutex_unlock(&self->lock);
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
    g_free(self->speech);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->wakeup);
    g_free(self);
}

static const BerthSoundDeviceOps ops = {
    .start = wav_start,
    .set_playing = wav_set_playing,
    .set_recording = wav_set_recording,
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
    FILE *file = fopen(path, "wb");
    bool is_good;

    if (file == NULL || !write_header(file, 0)) {
        berth_set_error(error, BERTH_ERR_IO, "\"%s\" cannot be written: %m", path);
        if (file != NULL) {
            fclose(file);
        }
        return false;
    }
    g_mutex_lock(&self->lock);
    is_good = complete_file(self);
    self->file = file;
    self->n_bytes = 0;
    g_mutex_unlock(&self->lock);
    return is_good || berth_set_error(error, BERTH_ERR_IO, "the file of sound was not written: %m");
}

bool
berth_wav_device_speak(BerthSoundDevice *device, const char *path, GError **error)
{
    /* "fmt " of PCM, two channels, 48,000 ticks a second; the sizes before it may be any. */
    static const uint8_t format[] = { 'W', 'A', 'V', 'E', 'f', 'm', 't',  ' ',  16, 0,
                                      0,   0,   1,   0,   2,   0,   0x80, 0xbb, 0,  0 };
    WavDevice *self = (WavDevice *)device;
    g_autoptr(GError) why = NULL;
    char *speech = NULL;
    gsize len = 0;

    if (!g_file_get_contents(path, &speech, &len, &why)) {
        return berth_set_error(error, BERTH_ERR_IO, "\"%s\" cannot be read: %s", path,
                               why->message);
    }
    if (len < HEADER_BYTES || memcmp(speech + 8, format, sizeof format) != 0 ||
        len > MAX_SPEECH_BYTES) {
        g_free(speech);
        return berth_set_error(error,
                               len > MAX_SPEECH_BYTES ? BERTH_ERR_TOO_LARGE : BERTH_ERR_INVALID,
                               "\"%s\" is no WAV of 16 bits, stereo, 48,000 a second, of five "
                               "minutes at most",
                               path);
    }
    g_mutex_lock(&self->lock);
    g_free(self->speech);
    self->speech = speech;
    self->speech_bytes = len;
    self->spoken_bytes = HEADER_BYTES;
    g_mutex_unlock(&self->lock);
    return true;
}
