/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opus: pieces of sound to packets and back.
 *
 * Encoder and decoder keep what they know of the sound before, so each belongs to one stream.
 * Pure.  Thread: any, one at a time.
 */
#pragma once

#include "display/audio/sound.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthOpusEncoder BerthOpusEncoder;
typedef struct BerthOpusDecoder BerthOpusDecoder;

/*
 * New encoder of packets of BERTH_SOUND_PACKET_TICKS.  About 40 KiB of memory, 60 us a packet.
 *
 * kbps: 16..256; 24 and less is for speech
 */
BerthOpusEncoder *berth_opus_encoder_new(int kbps);

/* NULL is allowed. */
void berth_opus_encoder_free(BerthOpusEncoder *self);

/* Forgets the sound before: a new stream begins. */
void berth_opus_encoder_reset(BerthOpusEncoder *self);

/*
 * Encodes BERTH_SOUND_PACKET_TICKS.
 *
 * ret: room for BERTH_LIMIT_SOUND_PACKET_BYTES
 *
 * Returns the bytes of the packet, at least 1, or BERTH_ERR_INTERNAL.
 */
int berth_opus_encoder_encode(BerthOpusEncoder *self, const int16_t *samples, uint8_t *ret);

/* New decoder; gives out stereo whatever comes.  About 40 KiB. */
BerthOpusDecoder *berth_opus_decoder_new(void);

/* NULL is allowed. */
void berth_opus_decoder_free(BerthOpusDecoder *self);

/* Forgets the sound before: a new stream begins. */
void berth_opus_decoder_reset(BerthOpusDecoder *self);

/*
 * Decodes a packet.
 *
 * n_ticks: what the packet must have, at most BERTH_SOUND_MAX_PACKET_TICKS
 * ret:     room for so much
 *
 * Errors: BERTH_ERR_CORRUPT; ret is what the decoder makes up for a lost packet then.
 */
int berth_opus_decoder_decode(BerthOpusDecoder *self, const uint8_t *data, size_t len,
                              unsigned n_ticks, int16_t *ret);

/* Makes n_ticks up that go on from the sound before, and fade the longer that lasts. */
void berth_opus_decoder_conceal(BerthOpusDecoder *self, unsigned n_ticks, int16_t *ret);

/* Whether a packet says that it has n_ticks; decodes nothing. */
bool berth_opus_packet_has_ticks(const uint8_t *data, size_t len, unsigned n_ticks);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthOpusEncoder, berth_opus_encoder_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthOpusDecoder, berth_opus_decoder_free)
