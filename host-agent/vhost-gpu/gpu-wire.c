/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vhost-gpu/gpu-wire.h"

#include "base/bytes-reader.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "display/pixels/frame.h"

#define MAX_CURSOR_SIDE_PX 64u

void
berth_gpu_packet_encode(const BerthGpuPacket *packet, BerthWriter *writer)
{
    berth_writer_put_u16(writer, (uint16_t)packet->type);
    berth_writer_put_u16(writer, packet->scanout);
    switch (packet->type) {
    case BERTH_GPU_MODE:
        berth_writer_put_u32(writer, packet->w);
        berth_writer_put_u32(writer, packet->h);
        berth_writer_put_u32(writer, packet->stride_bytes);
        break;
    case BERTH_GPU_SHOWN:
        berth_writer_put_u16(writer, (uint16_t)packet->n_rects);
        for (unsigned i = 0; i < packet->n_rects; i++) {
            berth_writer_put_u16(writer, (uint16_t)packet->rects[i].x);
            berth_writer_put_u16(writer, (uint16_t)packet->rects[i].y);
            berth_writer_put_u16(writer, (uint16_t)packet->rects[i].w);
            berth_writer_put_u16(writer, (uint16_t)packet->rects[i].h);
        }
        break;
    case BERTH_GPU_CURSOR:
        berth_writer_put_u16(writer, (uint16_t)packet->w);
        berth_writer_put_u16(writer, (uint16_t)packet->h);
        berth_writer_put_u16(writer, (uint16_t)packet->hot_x);
        berth_writer_put_u16(writer, (uint16_t)packet->hot_y);
        berth_writer_put_bytes(writer, packet->pixels, (size_t)packet->w * packet->h * 4);
        break;
    case BERTH_GPU_POINTER:
        berth_writer_put_i32(writer, packet->x);
        berth_writer_put_i32(writer, packet->y);
        berth_writer_put_u8(writer, packet->is_visible);
        break;
    case BERTH_GPU_WANT:
        break;
    }
}

static void
decode_mode(BerthReader *reader, BerthGpuPacket *ret)
{
    ret->w = berth_reader_get_u32(reader);
    ret->h = berth_reader_get_u32(reader);
    ret->stride_bytes = berth_reader_get_u32(reader);
    if (ret->w == 0 && ret->h == 0) {
        return;
    }
    if (!berth_frame_size_is_allowed(ret->w, ret->h)) {
        berth_reader_fail(reader, BERTH_ERR_TOO_LARGE);
    } else if (ret->stride_bytes < ret->w * 4 || ret->stride_bytes > ret->w * 4 + 64) {
        berth_reader_fail(reader, BERTH_ERR_PROTOCOL);
    }
}

static void
decode_shown(BerthReader *reader, BerthGpuPacket *ret)
{
    ret->n_rects = berth_reader_get_u16(reader);
    if (ret->n_rects > BERTH_GPU_PACKET_RECTS) {
        berth_reader_fail(reader, BERTH_ERR_TOO_LARGE);
        return;
    }
    for (unsigned i = 0; i < ret->n_rects; i++) {
        ret->rects[i].x = berth_reader_get_u16(reader);
        ret->rects[i].y = berth_reader_get_u16(reader);
        ret->rects[i].w = berth_reader_get_u16(reader);
        ret->rects[i].h = berth_reader_get_u16(reader);
        if (berth_rect_is_empty(ret->rects[i])) {
            berth_reader_fail(reader, BERTH_ERR_PROTOCOL);
        }
    }
}

static void
decode_cursor(BerthReader *reader, BerthGpuPacket *ret)
{
    ret->w = berth_reader_get_u16(reader);
    ret->h = berth_reader_get_u16(reader);
    ret->hot_x = berth_reader_get_u16(reader);
    ret->hot_y = berth_reader_get_u16(reader);
    if (ret->w == 0 || ret->h == 0 || ret->w > MAX_CURSOR_SIDE_PX || ret->h > MAX_CURSOR_SIDE_PX) {
        berth_reader_fail(reader, BERTH_ERR_TOO_LARGE);
    }
    ret->pixels = berth_reader_get_bytes_direct(reader, (size_t)ret->w * ret->h * 4);
}

int
berth_gpu_packet_decode(const uint8_t *data, size_t n_bytes, BerthGpuPacket *ret)
{
    BerthReader reader;

    berth_reader_init(&reader, data, n_bytes);
    ret->type = berth_reader_get_u16(&reader);
    ret->scanout = berth_reader_get_u16(&reader);
    ret->n_rects = 0;
    ret->pixels = NULL;
    switch (ret->type) {
    case BERTH_GPU_MODE:
        decode_mode(&reader, ret);
        break;
    case BERTH_GPU_SHOWN:
        decode_shown(&reader, ret);
        break;
    case BERTH_GPU_CURSOR:
        decode_cursor(&reader, ret);
        break;
    case BERTH_GPU_POINTER:
        ret->x = berth_reader_get_i32(&reader);
        ret->y = berth_reader_get_i32(&reader);
        ret->is_visible = berth_reader_get_u8(&reader) != 0;
        break;
    case BERTH_GPU_WANT:
        break;
    default:
        berth_reader_fail(&reader, BERTH_ERR_PROTOCOL);
    }
    return berth_reader_finish(&reader);
}
