/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a guest and its QEMU say of a stream of sound: a format, volumes, and bytes of any number.
 */
#include "host-agent/session/sound-voice.h"

#include "base/error.h"
#include "display/audio/sound.h"

#include <glib.h>

#define MAX_TICKS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
take_bytes(const BerthSoundVoice *voice, const uint8_t *bytes, size_t len)
{
    int16_t samples[MAX_TICKS * BERTH_SOUND_CHANNELS];
    uint8_t back[MAX_TICKS * BERTH_SOUND_CHANNELS * 2];
    size_t used;
    unsigned n;

    while ((n = berth_sound_voice_read(voice, bytes, len, samples, MAX_TICKS, &used)) > 0) {
        g_assert(n <= MAX_TICKS && used <= len && used == (size_t)n * 2 * voice->n_channels);
        g_assert(berth_sound_voice_write(voice, samples, n, back) == used);
        bytes += used;
        len -= used;
    }
    g_assert(len < 2 * (size_t)voice->n_channels);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BerthSoundFormat format;
    BerthSoundVoice voice;
    uint8_t flags;
    uint8_t n_volumes;

    if (size < 8) {
        return 0;
    }
    flags = data[1];
    format = (BerthSoundFormat){ .bits = data[0],
                                 .is_signed = (flags & 1) != 0,
                                 .is_float = (flags & 2) != 0,
                                 .is_big_endian = (flags & 4) != 0,
                                 .ticks_per_s = (uint32_t)data[2] * 1000,
                                 .n_channels = data[3] };
    if (berth_sound_voice_init(&voice, data[4], &format) != BERTH_OK) {
        g_assert(!voice.is_used);
        return 0;
    }
    n_volumes = (uint8_t)MIN(data[5] % (BERTH_SOUND_VOICE_VOLUMES + 1), size - 8);
    berth_sound_voice_set_volume(&voice, (flags & 8) != 0, data + 8, n_volumes);
    take_bytes(&voice, data + 8 + n_volumes, size - 8 - n_volumes);
    return 0;
}
