/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The encoder works in the mode without look-ahead for speech: 2.5 ms of delay instead of 6.5, and
 * no change of the codec in the middle of a sound.
 */
#include "display/audio/opus-codec.h"

#include "base/error.h"
#include "berth/limits.h"

#include <opus/opus.h>
#include <string.h>

/* 5 of 10: beyond it the ear gains less than the processor loses. */
#define COMPLEXITY 5

struct BerthOpusEncoder {
    OpusEncoder *opus;
};

struct BerthOpusDecoder {
    OpusDecoder *opus;
};

BerthOpusEncoder *
berth_opus_encoder_new(int kbps)
{
    BerthOpusEncoder *self = g_new0(BerthOpusEncoder, 1);
    int error = OPUS_OK;

    self->opus = opus_encoder_create(BERTH_SOUND_TICKS_PER_S, BERTH_SOUND_CHANNELS,
                                     OPUS_APPLICATION_RESTRICTED_LOWDELAY, &error);
    g_assert(self->opus != NULL && error == OPUS_OK); /* but for lack of memory */
    opus_encoder_ctl(self->opus, OPUS_SET_BITRATE(CLAMP(kbps, 16, 256) * 1000));
    opus_encoder_ctl(self->opus, OPUS_SET_COMPLEXITY(COMPLEXITY));
    return self;
}

void
berth_opus_encoder_free(BerthOpusEncoder *self)
{
    if (self != NULL) {
        opus_encoder_destroy(self->opus);
        g_free(self);
    }
}

void
berth_opus_encoder_reset(BerthOpusEncoder *self)
{
    opus_encoder_ctl(self->opus, OPUS_RESET_STATE);
}

int
berth_opus_encoder_encode(BerthOpusEncoder *self, const int16_t *samples, uint8_t *ret)
{
    int n = opus_encode(self->opus, samples, BERTH_SOUND_PACKET_TICKS, ret,
                        BERTH_LIMIT_SOUND_PACKET_BYTES);

    return n >= 1 ? n : BERTH_ERR_INTERNAL;
}

BerthOpusDecoder *
berth_opus_decoder_new(void)
{
    BerthOpusDecoder *self = g_new0(BerthOpusDecoder, 1);
    int error = OPUS_OK;

    self->opus = opus_decoder_create(BERTH_SOUND_TICKS_PER_S, BERTH_SOUND_CHANNELS, &error);
    g_assert(self->opus != NULL && error == OPUS_OK);
    return self;
}

void
berth_opus_decoder_free(BerthOpusDecoder *self)
{
    if (self != NULL) {
        opus_decoder_destroy(self->opus);
        g_free(self);
    }
}

void
berth_opus_decoder_reset(BerthOpusDecoder *self)
{
    opus_decoder_ctl(self->opus, OPUS_RESET_STATE);
}

void
berth_opus_decoder_conceal(BerthOpusDecoder *self, unsigned n_ticks, int16_t *ret)
{
    int n = opus_decode(self->opus, NULL, 0, ret, (int)n_ticks, 0);

    if (n != (int)n_ticks) {
        memset(ret, 0, n_ticks * BERTH_SOUND_CHANNELS * sizeof *ret);
    }
}

int
berth_opus_decoder_decode(BerthOpusDecoder *self, const uint8_t *data, size_t len, unsigned n_ticks,
                          int16_t *ret)
{
    if (berth_opus_packet_has_ticks(data, len, n_ticks) &&
        opus_decode(self->opus, data, (opus_int32)len, ret, (int)n_ticks, 0) == (int)n_ticks) {
        return BERTH_OK;
    }
    berth_opus_decoder_conceal(self, n_ticks, ret);
    return BERTH_ERR_CORRUPT;
}

bool
berth_opus_packet_has_ticks(const uint8_t *data, size_t len, unsigned n_ticks)
{
    return len >= 1 && len <= BERTH_LIMIT_SOUND_PACKET_BYTES &&
           opus_packet_get_nb_samples(data, (opus_int32)len, BERTH_SOUND_TICKS_PER_S) ==
               (int)n_ticks;
}
