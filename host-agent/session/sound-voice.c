/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/sound-voice.h"

#include "base/error.h"
#include "display/audio/sound.h"

#include <glib.h>
#include <string.h>

#define FULL_VOLUME 255

int
berth_sound_voice_init(BerthSoundVoice *self, uint64_t id, const BerthSoundFormat *format)
{
    *self = (BerthSoundVoice){ 0 };
    if (format->bits != 16 || !format->is_signed || format->is_float || format->is_big_endian ||
        format->ticks_per_s != BERTH_SOUND_TICKS_PER_S || format->n_channels < 1 ||
        format->n_channels > BERTH_SOUND_CHANNELS) {
        return BERTH_ERR_UNSUPPORTED;
    }
    self->id = id;
    self->is_used = true;
    self->n_channels = format->n_channels;
    self->volumes[0] = FULL_VOLUME;
    self->volumes[1] = FULL_VOLUME;
    return BERTH_OK;
}

void
berth_sound_voice_set_volume(BerthSoundVoice *self, bool is_muted, const uint8_t *volumes, size_t n)
{
    self->is_muted = is_muted;
    if (n > 0) {
        self->volumes[0] = volumes[0];
        self->volumes[1] = volumes[n > 1 ? 1 : 0];
    }
}

static int16_t
get_sample(const uint8_t *bytes)
{
    return (int16_t)((uint16_t)bytes[0] | (uint16_t)bytes[1] << 8);
}

static int16_t
scale(const BerthSoundVoice *self, int side, int16_t sample)
{
    if (self->is_full) {
        return sample;
    }
    return self->is_muted ? 0 : (int16_t)(sample * self->volumes[side] / FULL_VOLUME);
}

unsigned
berth_sound_voice_read(const BerthSoundVoice *self, const uint8_t *bytes, size_t len, int16_t *ret,
                       unsigned max_ticks, size_t *ret_used)
{
    size_t tick_bytes = 2 * (size_t)self->n_channels;
    unsigned n = (unsigned)MIN(len / tick_bytes, max_ticks);

    for (unsigned i = 0; i < n; i++, bytes += tick_bytes) {
        ret[2 * i] = scale(self, 0, get_sample(bytes));
        ret[2 * i + 1] = scale(self, 1, get_sample(bytes + tick_bytes - 2));
    }
    *ret_used = n * tick_bytes;
    return n;
}

size_t
berth_sound_voice_write(const BerthSoundVoice *self, const int16_t *samples, unsigned n_ticks,
                        uint8_t *bytes)
{
    size_t n = 0;

    for (unsigned i = 0; i < n_ticks; i++) {
        for (unsigned c = 0; c < self->n_channels; c++) {
            uint16_t value = (uint16_t)scale(self, (int)c, samples[2 * i + c]);

            bytes[n++] = (uint8_t)value;
            bytes[n++] = (uint8_t)(value >> 8);
        }
    }
    return n;
}
