/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/msg-sound.h"

#include "base/error.h"

#include <stdbool.h>

/* Positions of some hundred thousand years: sums of them never overflow. */
#define MAX_POSITION (UINT64_C(1) << 60)

static bool
is_open_good(const BerthMsgSoundOpen *open)
{
    return open->codec == BERTH_SOUND_OPUS && open->n_channels >= 1 && open->n_channels <= 2 &&
           (open->packet_ticks == 480 || open->packet_ticks == 960);
}

static bool
is_data_good(uint64_t position, size_t len)
{
    return position < MAX_POSITION && len >= 1 && len <= BERTH_LIMIT_SOUND_PACKET_BYTES;
}

int
berth_msg_sound_open_encode(BerthWriter *writer, const BerthMsgSoundOpen *open)
{
    if (!is_open_good(open)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u8(writer, open->codec);
    berth_writer_put_u8(writer, open->n_channels);
    berth_writer_put_u16(writer, open->packet_ticks);
    return writer->error;
}

int
berth_msg_sound_open_decode(const uint8_t *payload, size_t len, BerthMsgSoundOpen *ret)
{
    BerthReader reader;
    BerthMsgSoundOpen open = { 0 };
    berth_reader_init(&reader, payload, len);
    open.codec = berth_reader_get_u8(&reader);
    open.n_channels = berth_reader_get_u8(&reader);
    open.packet_ticks = berth_reader_get_u16(&reader);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (!is_open_good(&open)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = open;
    return BERTH_OK;
}

int
berth_msg_sound_data_encode(BerthWriter *writer, const BerthMsgSoundData *data)
{
    if (!is_data_good(data->position, data->data_len)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u64(writer, data->position);
    berth_writer_put_u64(writer, (uint64_t)data->capture_us);
    berth_writer_put_bytes(writer, data->data, data->data_len);
    return writer->error;
}

/* Reads the packet that fills the rest of a message. */
static int
get_packet(BerthReader *reader, uint64_t position, const uint8_t **ret_data, size_t *ret_len)
{
    size_t len = berth_reader_remaining(reader);
    const uint8_t *data = berth_reader_get_bytes_direct(reader, len);
    int r = berth_reader_finish(reader);
    if (r < 0) {
        return r;
    }
    if (len == 0) {
        return BERTH_ERR_TRUNCATED;
    }
    if (len > BERTH_LIMIT_SOUND_PACKET_BYTES) {
        return BERTH_ERR_TRAILING;
    }
    if (!is_data_good(position, len)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret_data = data;
    *ret_len = len;
    return BERTH_OK;
}

int
berth_msg_sound_data_decode(const uint8_t *payload, size_t len, BerthMsgSoundData *ret)
{
    BerthReader reader;
    BerthMsgSoundData data = { 0 };
    berth_reader_init(&reader, payload, len);
    data.position = berth_reader_get_u64(&reader);
    data.capture_us = (int64_t)berth_reader_get_u64(&reader);
    int r = get_packet(&reader, data.position, &data.data, &data.data_len);
    if (r == BERTH_OK) {
        *ret = data;
    }
    return r;
}

int
berth_msg_sound_level_encode(BerthWriter *writer, const BerthMsgSoundLevel *level)
{
    if (level->percent > 100 || level->is_muted > 1) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u8(writer, level->percent);
    berth_writer_put_u8(writer, level->is_muted);
    return writer->error;
}

int
berth_msg_sound_level_decode(const uint8_t *payload, size_t len, BerthMsgSoundLevel *ret)
{
    BerthReader reader;
    BerthMsgSoundLevel level;
    int r;

    berth_reader_init(&reader, payload, len);
    level.percent = berth_reader_get_u8(&reader);
    level.is_muted = berth_reader_get_u8(&reader);
    r = berth_reader_finish(&reader);
    if (r == BERTH_OK && (level.percent > 100 || level.is_muted > 1)) {
        r = BERTH_ERR_PROTOCOL;
    }
    if (r == BERTH_OK) {
        *ret = level;
    }
    return r;
}

int
berth_msg_mic_data_encode(BerthWriter *writer, const BerthMsgMicData *data)
{
    if (!is_data_good(data->position, data->data_len)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u64(writer, data->position);
    berth_writer_put_bytes(writer, data->data, data->data_len);
    return writer->error;
}

int
berth_msg_mic_data_decode(const uint8_t *payload, size_t len, BerthMsgMicData *ret)
{
    BerthReader reader;
    BerthMsgMicData data = { 0 };
    berth_reader_init(&reader, payload, len);
    data.position = berth_reader_get_u64(&reader);
    int r = get_packet(&reader, data.position, &data.data, &data.data_len);
    if (r == BERTH_OK) {
        *ret = data;
    }
    return r;
}

/* One byte with no bits but those of mask. */
static int
encode_byte(BerthWriter *writer, uint8_t value, uint8_t mask)
{
    if ((value & ~mask) != 0) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u8(writer, value);
    return writer->error;
}

static int
decode_byte(const uint8_t *payload, size_t len, uint8_t mask, uint8_t *ret)
{
    BerthReader reader;
    berth_reader_init(&reader, payload, len);
    uint8_t value = berth_reader_get_u8(&reader);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if ((value & ~mask) != 0) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = value;
    return BERTH_OK;
}

int
berth_msg_sound_state_encode(BerthWriter *writer, uint8_t flags)
{
    return encode_byte(writer, flags, BERTH_SOUND_ALL);
}

int
berth_msg_sound_state_decode(const uint8_t *payload, size_t len, uint8_t *ret)
{
    return decode_byte(payload, len, BERTH_SOUND_ALL, ret);
}

int
berth_msg_sound_wanted_encode(BerthWriter *writer, uint8_t is_wanted)
{
    return encode_byte(writer, is_wanted, 1);
}

int
berth_msg_sound_wanted_decode(const uint8_t *payload, size_t len, uint8_t *ret)
{
    return decode_byte(payload, len, 1, ret);
}
