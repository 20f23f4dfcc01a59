/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/msg-photo.h"

#include "base/error.h"

#include <stdbool.h>

static bool
is_photo(const BerthMsgPhoto *photo)
{
    return berth_wire_rect_is_allowed(photo->rect) &&
           (uint32_t)photo->rect.w * photo->rect.h <= BERTH_LIMIT_PHOTO_AREA_PX &&
           photo->codec == BERTH_PHOTO_JPEG && photo->quality >= 1 && photo->quality <= 100 &&
           photo->data_len >= 1 && photo->data_len <= BERTH_LIMIT_PHOTO_BYTES;
}

int
berth_msg_photo_encode(BerthWriter *writer, const BerthMsgPhoto *photo)
{
    if (!is_photo(photo)) {
        return BERTH_ERR_INVALID;
    }
    berth_wire_rect_put(writer, photo->rect);
    berth_writer_put_u8(writer, photo->codec);
    berth_writer_put_u8(writer, photo->quality);
    berth_writer_put_bytes(writer, photo->data, photo->data_len);
    return writer->error;
}

int
berth_msg_photo_decode(const uint8_t *payload, size_t len, BerthMsgPhoto *ret)
{
    BerthReader reader;
    BerthMsgPhoto photo;
    berth_reader_init(&reader, payload, len);
    photo.rect = berth_wire_rect_get(&reader);
    photo.codec = berth_reader_get_u8(&reader);
    photo.quality = berth_reader_get_u8(&reader);
    photo.data_len = berth_reader_remaining(&reader);
    photo.data = berth_reader_get_bytes_direct(&reader, photo.data_len);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (photo.data_len == 0) {
        return BERTH_ERR_TRUNCATED;
    }
    if (!is_photo(&photo)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = photo;
    return BERTH_OK;
}
