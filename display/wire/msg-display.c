/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/msg-display.h"

#include "base/error.h"

#include <stdbool.h>

#define RECT_BYTES 8
#define COPY_BYTES 12
#define FILL_BYTES 12

/* --- what is allowed --- */

static bool
is_head(uint16_t head)
{
    return head < BERTH_LIMIT_HEADS;
}

static bool
is_size(uint16_t w, uint16_t h)
{
    return w >= 1 && h >= 1 && w <= BERTH_LIMIT_HEAD_SIDE_PX && h <= BERTH_LIMIT_HEAD_SIDE_PX &&
           (uint32_t)w * h <= BERTH_LIMIT_HEAD_AREA_PX;
}

static bool
is_rect(uint16_t x, uint16_t y, uint16_t w, uint16_t h)
{
    return w >= 1 && h >= 1 && (uint32_t)x + w <= BERTH_LIMIT_HEAD_SIDE_PX &&
           (uint32_t)y + h <= BERTH_LIMIT_HEAD_SIDE_PX;
}

static bool
is_copy(const BerthWireCopy *copy)
{
    return is_rect(copy->sx, copy->sy, copy->w, copy->h) &&
           is_rect(copy->dx, copy->dy, copy->w, copy->h);
}

static bool
is_fill(const BerthWireFill *fill)
{
    return is_rect(fill->x, fill->y, fill->w, fill->h) && fill->xrgb <= 0xffffffu;
}

static bool
is_request(const BerthMsgHeadRequest *request)
{
    return is_head(request->head) && is_size(request->w, request->h) &&
           request->w >= BERTH_LIMIT_HEAD_MIN_SIDE_PX && request->h >= BERTH_LIMIT_HEAD_MIN_SIDE_PX;
}

/* --- messages of fixed length --- */

int
berth_msg_head_config_encode(BerthWriter *writer, const BerthMsgHeadConfig *config)
{
    if (!is_head(config->head) || !is_size(config->w, config->h)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u16(writer, config->head);
    berth_writer_put_u16(writer, config->w);
    berth_writer_put_u16(writer, config->h);
    return writer->error;
}

int
berth_msg_head_config_decode(const uint8_t *payload, size_t len, BerthMsgHeadConfig *ret)
{
    BerthReader reader;
    BerthMsgHeadConfig config;
    berth_reader_init(&reader, payload, len);
    config.head = berth_reader_get_u16(&reader);
    config.w = berth_reader_get_u16(&reader);
    config.h = berth_reader_get_u16(&reader);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (!is_head(config.head) || !is_size(config.w, config.h)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = config;
    return BERTH_OK;
}

int
berth_msg_frame_begin_encode(BerthWriter *writer, const BerthMsgFrameBegin *begin)
{
    if (!is_head(begin->head) || (begin->flags & ~BERTH_FRAME_WHOLE) != 0) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u32(writer, begin->frame);
    berth_writer_put_u16(writer, begin->head);
    berth_writer_put_u16(writer, begin->flags);
    berth_writer_put_u32(writer, begin->input_serial);
    berth_writer_put_i64(writer, begin->capture_us);
    return writer->error;
}

int
berth_msg_frame_begin_decode(const uint8_t *payload, size_t len, BerthMsgFrameBegin *ret)
{
    BerthReader reader;
    BerthMsgFrameBegin begin;
    berth_reader_init(&reader, payload, len);
    begin.frame = berth_reader_get_u32(&reader);
    begin.head = berth_reader_get_u16(&reader);
    begin.flags = berth_reader_get_u16(&reader);
    begin.input_serial = berth_reader_get_u32(&reader);
    begin.capture_us = berth_reader_get_i64(&reader);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (!is_head(begin.head) || (begin.flags & ~BERTH_FRAME_WHOLE) != 0) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = begin;
    return BERTH_OK;
}

int
berth_msg_frame_end_encode(BerthWriter *writer, const BerthMsgFrameEnd *end)
{
    berth_writer_put_u32(writer, end->frame);
    berth_writer_put_u32(writer, end->n_bytes);
    berth_writer_put_u32(writer, end->encode_us);
    return writer->error;
}

int
berth_msg_frame_end_decode(const uint8_t *payload, size_t len, BerthMsgFrameEnd *ret)
{
    BerthReader reader;
    BerthMsgFrameEnd end;
    berth_reader_init(&reader, payload, len);
    end.frame = berth_reader_get_u32(&reader);
    end.n_bytes = berth_reader_get_u32(&reader);
    end.encode_us = berth_reader_get_u32(&reader);
    int r = berth_reader_finish(&reader);
    if (r == BERTH_OK) {
        *ret = end;
    }
    return r;
}

int
berth_msg_frame_ack_encode(BerthWriter *writer, const BerthMsgFrameAck *ack)
{
    berth_writer_put_u32(writer, ack->frame);
    berth_writer_put_u32(writer, ack->decode_us);
    berth_writer_put_u32(writer, ack->present_delay_us);
    berth_writer_put_u16(writer, ack->queued);
    return writer->error;
}

int
berth_msg_frame_ack_decode(const uint8_t *payload, size_t len, BerthMsgFrameAck *ret)
{
    BerthReader reader;
    BerthMsgFrameAck ack;
    berth_reader_init(&reader, payload, len);
    ack.frame = berth_reader_get_u32(&reader);
    ack.decode_us = berth_reader_get_u32(&reader);
    ack.present_delay_us = berth_reader_get_u32(&reader);
    ack.queued = berth_reader_get_u16(&reader);
    int r = berth_reader_finish(&reader);
    if (r == BERTH_OK) {
        *ret = ack;
    }
    return r;
}

int
berth_msg_head_request_encode(BerthWriter *writer, const BerthMsgHeadRequest *request)
{
    if (!is_request(request)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u16(writer, request->head);
    berth_writer_put_u16(writer, request->w);
    berth_writer_put_u16(writer, request->h);
    berth_writer_put_u16(writer, request->mm_w);
    berth_writer_put_u16(writer, request->mm_h);
    return writer->error;
}

int
berth_msg_head_request_decode(const uint8_t *payload, size_t len, BerthMsgHeadRequest *ret)
{
    BerthReader reader;
    BerthMsgHeadRequest request;
    berth_reader_init(&reader, payload, len);
    request.head = berth_reader_get_u16(&reader);
    request.w = berth_reader_get_u16(&reader);
    request.h = berth_reader_get_u16(&reader);
    request.mm_w = berth_reader_get_u16(&reader);
    request.mm_h = berth_reader_get_u16(&reader);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (!is_request(&request)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = request;
    return BERTH_OK;
}

int
berth_msg_refresh_encode(BerthWriter *writer, const BerthMsgRefresh *refresh)
{
    if (!is_head(refresh->head)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u16(writer, refresh->head);
    return writer->error;
}

int
berth_msg_refresh_decode(const uint8_t *payload, size_t len, BerthMsgRefresh *ret)
{
    BerthReader reader;
    BerthMsgRefresh refresh;
    berth_reader_init(&reader, payload, len);
    refresh.head = berth_reader_get_u16(&reader);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (!is_head(refresh.head)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = refresh;
    return BERTH_OK;
}

/* --- items of lists --- */

static BerthWireRect
get_rect(BerthReader *reader)
{
    BerthWireRect rect;
    rect.x = berth_reader_get_u16(reader);
    rect.y = berth_reader_get_u16(reader);
    rect.w = berth_reader_get_u16(reader);
    rect.h = berth_reader_get_u16(reader);
    return rect;
}

static BerthWireCopy
get_copy(BerthReader *reader)
{
    BerthWireCopy copy;
    copy.sx = berth_reader_get_u16(reader);
    copy.sy = berth_reader_get_u16(reader);
    copy.w = berth_reader_get_u16(reader);
    copy.h = berth_reader_get_u16(reader);
    copy.dx = berth_reader_get_u16(reader);
    copy.dy = berth_reader_get_u16(reader);
    return copy;
}

static BerthWireFill
get_fill(BerthReader *reader)
{
    BerthWireFill fill;
    fill.x = berth_reader_get_u16(reader);
    fill.y = berth_reader_get_u16(reader);
    fill.w = berth_reader_get_u16(reader);
    fill.h = berth_reader_get_u16(reader);
    fill.xrgb = berth_reader_get_u32(reader);
    return fill;
}

/*
 * Begins to read a list: its count, at least one, and where its items are.
 * Errors are sticky in the reader.
 */
static const uint8_t *
begin_list(BerthReader *reader, size_t item_bytes, uint16_t *ret_n)
{
    uint16_t n = berth_reader_get_u16(reader);
    const uint8_t *items = berth_reader_get_bytes_direct(reader, n * item_bytes);
    if (n == 0) {
        berth_reader_fail(reader, BERTH_ERR_PROTOCOL);
    }
    *ret_n = n;
    return items;
}

static bool
is_count(size_t n_items)
{
    return n_items >= 1 && n_items <= BERTH_WIRE_MAX_ITEMS;
}

/* --- COPY --- */

int
berth_msg_copy_encode(BerthWriter *writer, const BerthWireCopy *items, size_t n_items)
{
    if (!is_count(n_items)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u16(writer, (uint16_t)n_items);
    for (size_t i = 0; i < n_items; i++) {
        if (!is_copy(&items[i])) {
            return BERTH_ERR_INVALID;
        }
        berth_writer_put_u16(writer, items[i].sx);
        berth_writer_put_u16(writer, items[i].sy);
        berth_writer_put_u16(writer, items[i].w);
        berth_writer_put_u16(writer, items[i].h);
        berth_writer_put_u16(writer, items[i].dx);
        berth_writer_put_u16(writer, items[i].dy);
    }
    return writer->error;
}

BerthWireCopy
berth_msg_copy_get(const BerthMsgCopy *copy, unsigned i)
{
    BerthReader reader;
    berth_reader_init(&reader, copy->items + (size_t)i * COPY_BYTES, COPY_BYTES);
    return get_copy(&reader);
}

int
berth_msg_copy_decode(const uint8_t *payload, size_t len, BerthMsgCopy *ret)
{
    BerthReader reader;
    BerthMsgCopy copy;
    berth_reader_init(&reader, payload, len);
    copy.items = begin_list(&reader, COPY_BYTES, &copy.n);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    for (unsigned i = 0; i < copy.n; i++) {
        BerthWireCopy item = berth_msg_copy_get(&copy, i);
        if (!is_copy(&item)) {
            return BERTH_ERR_PROTOCOL;
        }
    }
    *ret = copy;
    return BERTH_OK;
}

/* --- FILL --- */

int
berth_msg_fill_encode(BerthWriter *writer, const BerthWireFill *items, size_t n_items)
{
    if (!is_count(n_items)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u16(writer, (uint16_t)n_items);
    for (size_t i = 0; i < n_items; i++) {
        if (!is_fill(&items[i])) {
            return BERTH_ERR_INVALID;
        }
        berth_writer_put_u16(writer, items[i].x);
        berth_writer_put_u16(writer, items[i].y);
        berth_writer_put_u16(writer, items[i].w);
        berth_writer_put_u16(writer, items[i].h);
        berth_writer_put_u32(writer, items[i].xrgb);
    }
    return writer->error;
}

BerthWireFill
berth_msg_fill_get(const BerthMsgFill *fill, unsigned i)
{
    BerthReader reader;
    berth_reader_init(&reader, fill->items + (size_t)i * FILL_BYTES, FILL_BYTES);
    return get_fill(&reader);
}

int
berth_msg_fill_decode(const uint8_t *payload, size_t len, BerthMsgFill *ret)
{
    BerthReader reader;
    BerthMsgFill fill;
    berth_reader_init(&reader, payload, len);
    fill.items = begin_list(&reader, FILL_BYTES, &fill.n);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    for (unsigned i = 0; i < fill.n; i++) {
        BerthWireFill item = berth_msg_fill_get(&fill, i);
        if (!is_fill(&item)) {
            return BERTH_ERR_PROTOCOL;
        }
    }
    *ret = fill;
    return BERTH_OK;
}

/* --- EXACT --- */

/* Adds a rectangle to the area; false if it is not allowed or the sum gets too large. */
static bool
add_area(const BerthWireRect *rect, uint64_t *area_px)
{
    if (!is_rect(rect->x, rect->y, rect->w, rect->h)) {
        return false;
    }
    *area_px += (uint64_t)rect->w * rect->h;
    return *area_px <= BERTH_LIMIT_HEAD_AREA_PX;
}

int
berth_msg_exact_encode_head(BerthWriter *writer, const BerthWireRect *rects, size_t n_rects)
{
    uint64_t area_px = 0;
    if (!is_count(n_rects)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u16(writer, (uint16_t)n_rects);
    for (size_t i = 0; i < n_rects; i++) {
        if (!add_area(&rects[i], &area_px)) {
            return BERTH_ERR_INVALID;
        }
        berth_writer_put_u16(writer, rects[i].x);
        berth_writer_put_u16(writer, rects[i].y);
        berth_writer_put_u16(writer, rects[i].w);
        berth_writer_put_u16(writer, rects[i].h);
    }
    return writer->error;
}

BerthWireRect
berth_msg_exact_get(const BerthMsgExact *exact, unsigned i)
{
    BerthReader reader;
    berth_reader_init(&reader, exact->items + (size_t)i * RECT_BYTES, RECT_BYTES);
    return get_rect(&reader);
}

int
berth_msg_exact_decode(const uint8_t *payload, size_t len, BerthMsgExact *ret)
{
    BerthReader reader;
    BerthMsgExact exact = { 0 };
    berth_reader_init(&reader, payload, len);
    exact.items = begin_list(&reader, RECT_BYTES, &exact.n);
    exact.data_len = berth_reader_remaining(&reader);
    exact.data = berth_reader_get_bytes_direct(&reader, exact.data_len);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (exact.data_len == 0) {
        return BERTH_ERR_TRUNCATED;
    }
    for (unsigned i = 0; i < exact.n; i++) {
        BerthWireRect rect = berth_msg_exact_get(&exact, i);
        if (!add_area(&rect, &exact.area_px)) {
            return BERTH_ERR_PROTOCOL;
        }
    }
    *ret = exact;
    return BERTH_OK;
}
