/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages of the channels audio-out and audio-in: what the desktop plays, and the microphone.
 *
 * Pure.  Payloads borrow the bytes that they were decoded from.  Errors as in msg-control.h.
 */
#pragma once

#include "base/bytes-reader.h"
#include "base/bytes-writer.h"
#include "berth/limits.h"
#include "berth/protocol.h"

#include <stddef.h>
#include <stdint.h>

/* SOUND_OPEN and MIC_OPEN: a stream begins, at position 0. */
typedef struct {
    uint8_t codec;         /* BerthSoundCodec */
    uint8_t n_channels;    /* 1 or 2 */
    uint16_t packet_ticks; /* of each packet: 480 or 960, at 48,000 a second */
} BerthMsgSoundOpen;

typedef struct {
    uint64_t position;   /* ticks from the beginning of the stream to the first of the packet */
    int64_t capture_us;  /* clock of the session, when the first of them was there */
    const uint8_t *data; /* borrowed; 1..BERTH_LIMIT_SOUND_PACKET_BYTES */
    size_t data_len;
} BerthMsgSoundData;

typedef struct {
    uint64_t position;
    const uint8_t *data;
    size_t data_len;
} BerthMsgMicData;

int berth_msg_sound_open_encode(BerthWriter *writer, const BerthMsgSoundOpen *open);
int berth_msg_sound_open_decode(const uint8_t *payload, size_t len, BerthMsgSoundOpen *ret);

int berth_msg_sound_data_encode(BerthWriter *writer, const BerthMsgSoundData *data);
int berth_msg_sound_data_decode(const uint8_t *payload, size_t len, BerthMsgSoundData *ret);

/* flags: BERTH_SOUND_*; others zero. */
int berth_msg_sound_state_encode(BerthWriter *writer, uint8_t flags);
int berth_msg_sound_state_decode(const uint8_t *payload, size_t len, uint8_t *ret);

/* 1: the user hears what is played; 0: nothing needs to come. */
int berth_msg_sound_wanted_encode(BerthWriter *writer, uint8_t is_wanted);
int berth_msg_sound_wanted_decode(const uint8_t *payload, size_t len, uint8_t *ret);

/* How loud the user wants it to be, in steps of one in a hundred of what comes. */
typedef struct {
    uint8_t percent; /* 0..100 */
    uint8_t is_muted;
} BerthMsgSoundLevel;

int berth_msg_sound_level_encode(BerthWriter *writer, const BerthMsgSoundLevel *level);
int berth_msg_sound_level_decode(const uint8_t *payload, size_t len, BerthMsgSoundLevel *ret);

int berth_msg_mic_data_encode(BerthWriter *writer, const BerthMsgMicData *data);
int berth_msg_mic_data_decode(const uint8_t *payload, size_t len, BerthMsgMicData *ret);
