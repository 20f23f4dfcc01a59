/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What QEMU says of one of a guest's streams of sound, checked, and its bytes made into ours.
 *
 * A guest chooses nothing but bytes and volumes; QEMU converts to what its command line says, so
 * one format is enough: 16 bits, 48,000 a second, one or two channels.  A value, pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most channels whose volumes are told. */
#define BERTH_SOUND_VOICE_VOLUMES 16

/* As Init of org.qemu.Display1.AudioOutListener says it. */
typedef struct {
    uint8_t bits;
    bool is_signed, is_float, is_big_endian;
    uint32_t ticks_per_s;
    uint8_t n_channels;
} BerthSoundFormat;

typedef struct {
    uint64_t id; /* QEMU's */
    bool is_used;
    bool is_enabled;
    unsigned n_channels;
    bool is_muted;
    uint8_t volumes[2]; /* left and right; 255 is as it is */
    bool is_echo;       /* the volumes are those that the client plays at */
    bool is_full;       /* so samples stay as they are */
} BerthSoundVoice;

/* Begins a voice.  Errors: BERTH_ERR_UNSUPPORTED; the voice is unused then. */
int berth_sound_voice_init(BerthSoundVoice *self, uint64_t id, const BerthSoundFormat *format);

/* volumes: n of them, one a channel; one for all if there is only one, none changes nothing. */
void berth_sound_voice_set_volume(BerthSoundVoice *self, bool is_muted, const uint8_t *volumes,
                                  size_t n);

/*
 * Makes bytes of QEMU into ticks of ours.
 *
 * len:     bytes; what is no whole tick at their end is left out
 * ret:     room for max_ticks
 *
 * Returns the ticks that were made; ret_used: bytes of them.
 */
unsigned berth_sound_voice_read(const BerthSoundVoice *self, const uint8_t *bytes, size_t len,
                                int16_t *ret, unsigned max_ticks, size_t *ret_used);

/*
 * Makes ticks of ours into bytes for QEMU: of a voice that records.
 *
 * bytes: room for n_ticks of the voice's channels; one channel is the left one
 *
 * Returns the bytes.
 */
size_t berth_sound_voice_write(const BerthSoundVoice *self, const int16_t *samples,
                               unsigned n_ticks, uint8_t *bytes);
