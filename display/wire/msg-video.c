/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/msg-video.h"

#include "base/error.h"

#include <stdbool.h>

#define RECT_BYTES 8u

static bool
is_stream(uint8_t stream)
{
    return stream < BERTH_LIMIT_VIDEO_STREAMS;
}

static bool
is_open(const BerthMsgVideoOpen *open)
{
    return is_stream(open->stream) && open->codec >= BERTH_VIDEO_VP9_420 &&
           open->codec <= BERTH_VIDEO_VP8 && berth_wire_size_is_allowed(open->w, open->h) &&
           (uint32_t)open->w * open->h <= BERTH_LIMIT_VIDEO_AREA_PX;
}

/* Everything but the rectangles. */
static bool
is_video(const BerthMsgVideo *video)
{
    return is_stream(video->stream) && (video->flags & ~BERTH_VIDEO_KEY) == 0 &&
           video->x < BERTH_LIMIT_HEAD_SIDE_PX && video->y < BERTH_LIMIT_HEAD_SIDE_PX &&
           video->n_keep <= BERTH_LIMIT_VIDEO_KEEP_RECTS && video->data_len >= 1 &&
           video->data_len <= BERTH_LIMIT_VIDEO_BYTES;
}

int
berth_msg_video_open_encode(BerthWriter *writer, const BerthMsgVideoOpen *open)
{
    if (!is_open(open)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u8(writer, open->stream);
    berth_writer_put_u8(writer, open->codec);
    berth_writer_put_u16(writer, open->w);
    berth_writer_put_u16(writer, open->h);
    return writer->error;
}

int
berth_msg_video_open_decode(const uint8_t *payload, size_t len, BerthMsgVideoOpen *ret)
{
    BerthReader reader;
    BerthMsgVideoOpen open;
    berth_reader_init(&reader, payload, len);
    open.stream = berth_reader_get_u8(&reader);
    open.codec = berth_reader_get_u8(&reader);
    open.w = berth_reader_get_u16(&reader);
    open.h = berth_reader_get_u16(&reader);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (!is_open(&open)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = open;
    return BERTH_OK;
}

int
berth_msg_video_close_encode(BerthWriter *writer, const BerthMsgVideoClose *close)
{
    if (!is_stream(close->stream)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u8(writer, close->stream);
    return writer->error;
}

int
berth_msg_video_close_decode(const uint8_t *payload, size_t len, BerthMsgVideoClose *ret)
{
    BerthReader reader;
    BerthMsgVideoClose close;
    berth_reader_init(&reader, payload, len);
    close.stream = berth_reader_get_u8(&reader);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (!is_stream(close.stream)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = close;
    return BERTH_OK;
}

int
berth_msg_video_encode(BerthWriter *writer, const BerthMsgVideo *video, const BerthWireRect *keep)
{
    if (!is_video(video)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u8(writer, video->stream);
    berth_writer_put_u8(writer, video->flags);
    berth_writer_put_u16(writer, video->x);
    berth_writer_put_u16(writer, video->y);
    berth_writer_put_u16(writer, video->n_keep);
    for (unsigned i = 0; i < video->n_keep; i++) {
        if (!berth_wire_rect_is_allowed(keep[i])) {
            return BERTH_ERR_INVALID;
        }
        berth_wire_rect_put(writer, keep[i]);
    }
    berth_writer_put_bytes(writer, video->data, video->data_len);
    return writer->error;
}

BerthWireRect
berth_msg_video_get_keep(const BerthMsgVideo *video, unsigned i)
{
    BerthReader reader;
    berth_reader_init(&reader, video->keep + (size_t)i * RECT_BYTES, RECT_BYTES);
    return berth_wire_rect_get(&reader);
}

int
berth_msg_video_decode(const uint8_t *payload, size_t len, BerthMsgVideo *ret)
{
    BerthReader reader;
    BerthMsgVideo video;
    berth_reader_init(&reader, payload, len);
    video.stream = berth_reader_get_u8(&reader);
    video.flags = berth_reader_get_u8(&reader);
    video.x = berth_reader_get_u16(&reader);
    video.y = berth_reader_get_u16(&reader);
    video.n_keep = berth_reader_get_u16(&reader);
    video.keep = berth_reader_get_bytes_direct(&reader, video.n_keep * RECT_BYTES);
    video.data_len = berth_reader_remaining(&reader);
    video.data = berth_reader_get_bytes_direct(&reader, video.data_len);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (video.data_len == 0) {
        return BERTH_ERR_TRUNCATED;
    }
    if (!is_video(&video)) {
        return BERTH_ERR_PROTOCOL;
    }
    for (unsigned i = 0; i < video.n_keep; i++) {
        if (!berth_wire_rect_is_allowed(berth_msg_video_get_keep(&video, i))) {
            return BERTH_ERR_PROTOCOL;
        }
    }
    *ret = video;
    return BERTH_OK;
}
