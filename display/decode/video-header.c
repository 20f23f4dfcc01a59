/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/decode/video-header.h"

#include "base/bytes-reader.h"
#include "berth/errors.h"
#include "berth/protocol.h"

#define VP9_FRAME_MARKER 2u
#define VP9_SYNC_CODE 0x498342u
#define VP9_COLOUR_RGB 7u
#define VP9_REFERENCES 3
/* The last byte of a packet that holds several frames. */
#define VP9_INDEX_MASK 0xe0u
#define VP9_INDEX_MARKER 0xc0u
#define VP8_START_CODE 0x2a019du

/* Bits, the highest of a byte first; zeros and a sticky error behind the end. */
typedef struct {
    BerthReader bytes;
    unsigned current;
    unsigned n_left;
} BitReader;

static unsigned
get_bits(BitReader *reader, unsigned n)
{
    unsigned value = 0;
    for (; n > 0; n--) {
        if (reader->n_left == 0) {
            reader->current = berth_reader_get_u8(&reader->bytes);
            reader->n_left = 8;
        }
        reader->n_left--;
        value = value << 1 | (reader->current >> reader->n_left & 1);
    }
    return value;
}

/* True if the explicit size is that of the stream. */
static bool
check_size(BitReader *reader, int width, int height)
{
    unsigned coded_width = get_bits(reader, 16) + 1;
    unsigned coded_height = get_bits(reader, 16) + 1;
    return coded_width == (unsigned)width && coded_height == (unsigned)height;
}

/* Colours of a key frame: 8 bits; 4:2:0 has no bits for it in profile 0. */
static bool
check_colours(BitReader *reader, unsigned profile)
{
    if (get_bits(reader, 3) == VP9_COLOUR_RGB) {
        return false;
    }
    get_bits(reader, 1); /* range */
    /* Horizontal and vertical subsampling and a reserved bit: 4:4:4 is all zeros. */
    return profile == 0 || get_bits(reader, 3) == 0;
}

static bool
check_vp9_key(BitReader *reader, unsigned profile, int width, int height)
{
    return get_bits(reader, 24) == VP9_SYNC_CODE && check_colours(reader, profile) &&
           check_size(reader, width, height);
}

/* A frame that is shown is not intra-only; its size is a reference's or explicit. */
static bool
check_vp9_inter(BitReader *reader, bool is_resilient, int width, int height)
{
    if (!is_resilient) {
        get_bits(reader, 2); /* what to forget */
    }
    get_bits(reader, 8); /* what to replace */
    for (int i = 0; i < VP9_REFERENCES; i++) {
        get_bits(reader, 4);
    }
    for (int i = 0; i < VP9_REFERENCES; i++) {
        if (get_bits(reader, 1)) {
            return true;
        }
    }
    return check_size(reader, width, height);
}

static bool
check_vp9(bool is_444, int width, int height, const uint8_t *data, size_t len, bool *ret_is_key)
{
    BitReader reader = { .n_left = 0 };
    berth_reader_init(&reader.bytes, data, len);
    if (len == 0 || (data[len - 1] & VP9_INDEX_MASK) == VP9_INDEX_MARKER ||
        get_bits(&reader, 2) != VP9_FRAME_MARKER) {
        return false;
    }
    unsigned profile = get_bits(&reader, 1);
    profile |= get_bits(&reader, 1) << 1;
    unsigned is_old_frame = get_bits(&reader, 1);
    bool is_key = get_bits(&reader, 1) == 0;
    unsigned is_shown = get_bits(&reader, 1);
    bool is_resilient = get_bits(&reader, 1) != 0;
    if (profile != (is_444 ? 1 : 0) || is_old_frame || !is_shown) {
        return false;
    }
    bool is_good = is_key ? check_vp9_key(&reader, profile, width, height)
                          : check_vp9_inter(&reader, is_resilient, width, height);
    *ret_is_key = is_key;
    return is_good && reader.bytes.error == BERTH_OK;
}

static unsigned
get_u24(BerthReader *reader)
{
    unsigned low = berth_reader_get_u16(reader);
    return low | (unsigned)berth_reader_get_u8(reader) << 16;
}

static bool
check_vp8(int width, int height, const uint8_t *data, size_t len, bool *ret_is_key)
{
    BerthReader reader;
    berth_reader_init(&reader, data, len);
    unsigned tag = get_u24(&reader);
    bool is_key = (tag & 1) == 0;
    bool is_shown = (tag >> 4 & 1) != 0;
    unsigned first_part_bytes = tag >> 5;
    if (is_key) {
        unsigned start_code = get_u24(&reader);
        /* 14 bits of size and 2 of scale, which must be none. */
        unsigned coded_width = berth_reader_get_u16(&reader);
        unsigned coded_height = berth_reader_get_u16(&reader);
        if (start_code != VP8_START_CODE || coded_width != (unsigned)width ||
            coded_height != (unsigned)height) {
            return false;
        }
    }
    *ret_is_key = is_key;
    return reader.error == BERTH_OK && is_shown &&
           first_part_bytes <= berth_reader_remaining(&reader);
}

int
berth_video_header_check(uint8_t codec, int width, int height, const uint8_t *data, size_t len,
                         bool *ret_is_key)
{
    bool is_key = false;
    bool is_good = codec == BERTH_VIDEO_VP8
                       ? check_vp8(width, height, data, len, &is_key)
                       : check_vp9(codec == BERTH_VIDEO_VP9_444, width, height, data, len, &is_key);
    if (!is_good) {
        return BERTH_ERR_CORRUPT;
    }
    *ret_is_key = is_key;
    return BERTH_OK;
}
