/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/recording.h"

#include "base/error.h"
#include "berth/limits.h"

#include <stdbool.h>
#include <string.h>

#define MAGIC_BYTES 8u
#define HEADER_MAGIC "BERTHREC"
#define TRAILER_MAGIC "BERTHEND"
#define PLACE_BYTES 16u

static bool
get_magic(BerthReader *reader, const char *magic)
{
    const uint8_t *bytes = berth_reader_get_bytes_direct(reader, MAGIC_BYTES);
    return bytes != NULL && memcmp(bytes, magic, MAGIC_BYTES) == 0;
}

int
berth_recording_header_encode(BerthWriter *writer, const BerthRecordingHeader *header)
{
    berth_writer_put_bytes(writer, HEADER_MAGIC, MAGIC_BYTES);
    berth_writer_put_u32(writer, BERTH_RECORDING_VERSION);
    berth_writer_put_u32(writer, 0);
    berth_writer_put_i64(writer, header->started_us);
    berth_writer_put_bytes(writer, header->session.bytes, BERTH_ID_BYTES);
    return writer->error;
}

int
berth_recording_header_decode(const uint8_t *data, size_t len, BerthRecordingHeader *ret)
{
    BerthReader reader;
    BerthRecordingHeader header;
    berth_reader_init(&reader, data, len);
    bool is_ours = get_magic(&reader, HEADER_MAGIC);
    uint32_t version = berth_reader_get_u32(&reader);
    uint32_t zero = berth_reader_get_u32(&reader);
    header.started_us = berth_reader_get_i64(&reader);
    berth_reader_get_bytes(&reader, header.session.bytes, BERTH_ID_BYTES);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (!is_ours) {
        return BERTH_ERR_CORRUPT;
    }
    if (version != BERTH_RECORDING_VERSION || zero != 0) {
        return BERTH_ERR_VERSION;
    }
    *ret = header;
    return BERTH_OK;
}

/* Most bytes of a record; 0 for a type that is none. */
static uint32_t
max_len(BerthRecordType type)
{
    switch (type) {
    case BERTH_RECORD_STREAM:
        return 8;
    case BERTH_RECORD_DISPLAY:
        return 1 + BERTH_LIMIT_MESSAGE_BYTES;
    case BERTH_RECORD_CURSOR:
        return 1024 * 1024;
    case BERTH_RECORD_INDEX:
        return PLACE_BYTES * BERTH_LIMIT_RECORDING_STREAMS;
    }
    return 0;
}

static int
check_head(const BerthRecordHead *head)
{
    if (max_len(head->type) == 0 || head->t_us < 0 || head->t_us > BERTH_LIMIT_RECORDING_US ||
        head->len == 0) {
        return BERTH_ERR_CORRUPT;
    }
    return head->len <= max_len(head->type) ? BERTH_OK : BERTH_ERR_TOO_LARGE;
}

int
berth_record_head_encode(BerthWriter *writer, const BerthRecordHead *head)
{
    int r = check_head(head);
    if (r < 0) {
        return r;
    }
    berth_writer_put_u32(writer, head->len);
    berth_writer_put_u8(writer, (uint8_t)head->type);
    berth_writer_put_i64(writer, head->t_us);
    return writer->error;
}

int
berth_record_head_decode(const uint8_t *data, size_t len, BerthRecordHead *ret)
{
    BerthReader reader;
    BerthRecordHead head;
    berth_reader_init(&reader, data, len);
    head.len = berth_reader_get_u32(&reader);
    head.type = (BerthRecordType)berth_reader_get_u8(&reader);
    head.t_us = berth_reader_get_i64(&reader);
    int r = berth_reader_finish(&reader);
    if (r == BERTH_OK) {
        r = check_head(&head);
    }
    if (r == BERTH_OK) {
        *ret = head;
    }
    return r;
}

int
berth_recording_caps_encode(BerthWriter *writer, const BerthRecordingCaps *caps)
{
    berth_writer_put_u8(writer, caps->exact_window_log);
    berth_writer_put_u8(writer, caps->gradient_window_log);
    berth_writer_put_u16(writer, caps->cache_tiles);
    berth_writer_put_u8(writer, caps->photo_mask);
    berth_writer_put_u8(writer, caps->video_mask);
    berth_writer_put_u16(writer, caps->cursor_shapes);
    return writer->error;
}

int
berth_recording_caps_decode(const uint8_t *data, size_t len, BerthRecordingCaps *ret)
{
    BerthReader reader;
    BerthRecordingCaps caps;
    berth_reader_init(&reader, data, len);
    caps.exact_window_log = berth_reader_get_u8(&reader);
    caps.gradient_window_log = berth_reader_get_u8(&reader);
    caps.cache_tiles = berth_reader_get_u16(&reader);
    caps.photo_mask = berth_reader_get_u8(&reader);
    caps.video_mask = berth_reader_get_u8(&reader);
    caps.cursor_shapes = berth_reader_get_u16(&reader);
    int r = berth_reader_finish(&reader);
    if (r == BERTH_OK) {
        *ret = caps;
    }
    return r;
}

/* Returns true if the place may follow the one before; NULL is the beginning. */
static bool
is_place_good(const BerthRecordingPlace *place, const BerthRecordingPlace *before)
{
    uint64_t min_offset = before != NULL ? before->offset + 1 : BERTH_RECORDING_HEADER_BYTES;
    int64_t min_us = before != NULL ? before->t_us : 0;
    return place->t_us >= min_us && place->t_us <= BERTH_LIMIT_RECORDING_US &&
           place->offset >= min_offset && place->offset <= INT64_MAX;
}

int
berth_recording_index_encode(BerthWriter *writer, const BerthRecordingPlace *places, size_t n)
{
    if (n < 1 || n > BERTH_LIMIT_RECORDING_STREAMS) {
        return BERTH_ERR_INVALID;
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_place_good(&places[i], i > 0 ? &places[i - 1] : NULL)) {
            return BERTH_ERR_INVALID;
        }
        berth_writer_put_i64(writer, places[i].t_us);
        berth_writer_put_u64(writer, places[i].offset);
    }
    return writer->error;
}

int
berth_recording_index_decode(const uint8_t *data, size_t len, BerthRecordingPlace *ret,
                             size_t *ret_n)
{
    BerthReader reader;
    size_t n = len / PLACE_BYTES;
    if (n < 1 || n > BERTH_LIMIT_RECORDING_STREAMS || len % PLACE_BYTES != 0) {
        return BERTH_ERR_CORRUPT;
    }
    berth_reader_init(&reader, data, len);
    for (size_t i = 0; i < n; i++) {
        ret[i].t_us = berth_reader_get_i64(&reader);
        ret[i].offset = berth_reader_get_u64(&reader);
        if (!is_place_good(&ret[i], i > 0 ? &ret[i - 1] : NULL)) {
            return BERTH_ERR_CORRUPT;
        }
    }
    *ret_n = n;
    return berth_reader_finish(&reader);
}

int
berth_recording_trailer_encode(BerthWriter *writer, uint64_t index_offset)
{
    berth_writer_put_u64(writer, index_offset);
    berth_writer_put_bytes(writer, TRAILER_MAGIC, MAGIC_BYTES);
    return writer->error;
}

int
berth_recording_trailer_decode(const uint8_t *data, size_t len, uint64_t *ret_index_offset)
{
    BerthReader reader;
    berth_reader_init(&reader, data, len);
    uint64_t offset = berth_reader_get_u64(&reader);
    bool is_ours = get_magic(&reader, TRAILER_MAGIC);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (!is_ours) {
        return BERTH_ERR_CORRUPT;
    }
    *ret_index_offset = offset;
    return BERTH_OK;
}
