/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/audio/sound-packer.h"

#include "display/audio/opus-codec.h"

#include "base/error.h"
#include "berth/limits.h"

#include <string.h>

#define SILENCE_TICKS (BERTH_SOUND_SILENCE_US / 1000 * BERTH_SOUND_TICKS_PER_MS)

struct BerthSoundPacker {
    BerthSoundEmitFunc emit;
    void *user_data;
    BerthOpusEncoder *encoder;
    bool is_open;
    uint64_t position;     /* of the first tick that waits */
    unsigned silent_ticks; /* since something was heard */
    unsigned n_ticks;      /* that wait */
    int64_t end_us;        /* when the last piece was there; INT64_MIN before the first */
    int16_t samples[BERTH_SOUND_PACKET_TICKS * BERTH_SOUND_CHANNELS];
};

BerthSoundPacker *
berth_sound_packer_new(int kbps, BerthSoundEmitFunc emit, void *user_data)
{
    BerthSoundPacker *self = g_new0(BerthSoundPacker, 1);

    self->encoder = berth_opus_encoder_new(kbps);
    self->emit = emit;
    self->user_data = user_data;
    self->end_us = INT64_MIN;
    return self;
}

void
berth_sound_packer_free(BerthSoundPacker *self)
{
    if (self != NULL) {
        berth_opus_encoder_free(self->encoder);
        g_free(self);
    }
}

static void
emit_kind(BerthSoundPacker *self, BerthSoundEventKind kind)
{
    const BerthSoundEvent event = { .kind = kind };

    self->emit(&event, self->user_data);
}

void
berth_sound_packer_stop(BerthSoundPacker *self)
{
    self->n_ticks = 0;
    self->end_us = INT64_MIN;
    if (self->is_open) {
        self->is_open = false;
        emit_kind(self, BERTH_SOUND_ENDS);
    }
}

static void
begin(BerthSoundPacker *self)
{
    self->is_open = true;
    self->position = 0;
    self->silent_ticks = 0;
    berth_opus_encoder_reset(self->encoder);
    emit_kind(self, BERTH_SOUND_BEGINS);
}

/* Sends the packet that is full. */
static void
send_packet(BerthSoundPacker *self, int64_t capture_us)
{
    uint8_t bytes[BERTH_LIMIT_SOUND_PACKET_BYTES];
    int len = berth_opus_encoder_encode(self->encoder, self->samples, bytes);

    if (len > 0) {
        const BerthSoundEvent event = { BERTH_SOUND_PACKET, self->position, capture_us, bytes,
                                        (size_t)len };

        self->emit(&event, self->user_data);
    }
    self->position += BERTH_SOUND_PACKET_TICKS;
}

/* Decides about the packet that is full. */
static void
take_packet(BerthSoundPacker *self, int64_t capture_us)
{
    bool is_silent = berth_sound_peak(self->samples, BERTH_SOUND_PACKET_TICKS) == 0;

    self->n_ticks = 0;
    if (!self->is_open && is_silent) {
        return;
    }
    if (!self->is_open) {
        begin(self);
    }
    send_packet(self, capture_us);
    self->silent_ticks = is_silent ? self->silent_ticks + BERTH_SOUND_PACKET_TICKS : 0;
    if (self->silent_ticks >= SILENCE_TICKS) {
        self->is_open = false;
        emit_kind(self, BERTH_SOUND_ENDS);
    }
}

void
berth_sound_packer_write(BerthSoundPacker *self, const int16_t *samples, unsigned n_ticks,
                         int64_t now_us)
{
    int64_t lasts_us = (int64_t)n_ticks * 1000 / BERTH_SOUND_TICKS_PER_MS;

    if (self->end_us != INT64_MIN && now_us - self->end_us > lasts_us + BERTH_SOUND_BREAK_US) {
        berth_sound_packer_stop(self);
    }
    self->end_us = now_us;
    while (n_ticks > 0) {
        unsigned n = MIN(n_ticks, BERTH_SOUND_PACKET_TICKS - self->n_ticks);

        memcpy(self->samples + self->n_ticks * BERTH_SOUND_CHANNELS, samples,
               n * BERTH_SOUND_CHANNELS * sizeof *samples);
        samples += n * BERTH_SOUND_CHANNELS;
        self->n_ticks += n;
        n_ticks -= n;
        if (self->n_ticks == BERTH_SOUND_PACKET_TICKS) {
            int64_t ago_ticks = (int64_t)n_ticks + BERTH_SOUND_PACKET_TICKS;

            take_packet(self, now_us - ago_ticks * 1000 / BERTH_SOUND_TICKS_PER_MS);
        }
    }
}
