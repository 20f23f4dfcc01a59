/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/msg-display.h"

#include "base/error.h"

#include <glib.h>
#include <stdbool.h>

/* All flags of FRAME_BEGIN. */
#define FRAME_FLAGS (BERTH_FRAME_WHOLE | BERTH_FRAME_REFINEMENT)
/* The last word of FRAME_END: time in the low 24 bits, and a flag. */
#define END_US_MASK 0xffffffu
#define END_EXACT 0x1000000u
#define COPY_BYTES 12
#define FILL_BYTES 12

/* --- what is allowed --- */

static bool
is_copy(const BerthWireCopy *copy)
{
    BerthWireRect source = { copy->sx, copy->sy, copy->w, copy->h };
    BerthWireRect target = { copy->dx, copy->dy, copy->w, copy->h };
    return berth_wire_rect_is_allowed(source) && berth_wire_rect_is_allowed(target);
}

static bool
is_fill(const BerthWireFill *fill)
{
    BerthWireRect rect = { fill->x, fill->y, fill->w, fill->h };
    return berth_wire_rect_is_allowed(rect) && fill->xrgb <= 0xffffffu;
}

static bool
is_request(const BerthMsgHeadRequest *request)
{
    if (request->w == 0 && request->h == 0) {
        return request->head > 0 && berth_wire_head_is_allowed(request->head);
    }
    return berth_wire_head_is_allowed(request->head) &&
           berth_wire_size_is_allowed(request->w, request->h) &&
           request->w >= BERTH_LIMIT_HEAD_MIN_SIDE_PX && request->h >= BERTH_LIMIT_HEAD_MIN_SIDE_PX;
}

static bool
is_refresh(const BerthMsgRefresh *refresh)
{
    return berth_wire_head_is_allowed(refresh->head) &&
           refresh->reason <= BERTH_REFRESH_CHECK_FAILED;
}

/* --- messages of fixed length --- */

int
berth_msg_head_config_encode(BerthWriter *writer, const BerthMsgHeadConfig *config)
{
    if (!berth_wire_head_is_allowed(config->head) ||
        !berth_wire_size_is_allowed(config->w, config->h)) {
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
    if (!berth_wire_head_is_allowed(config.head) ||
        !berth_wire_size_is_allowed(config.w, config.h)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = config;
    return BERTH_OK;
}

int
berth_msg_frame_begin_encode(BerthWriter *writer, const BerthMsgFrameBegin *begin)
{
    if (!berth_wire_head_is_allowed(begin->head) || (begin->flags & ~FRAME_FLAGS) != 0) {
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
    if (!berth_wire_head_is_allowed(begin.head) || (begin.flags & ~FRAME_FLAGS) != 0) {
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
    berth_writer_put_u32(writer,
                         MIN(end->encode_us, END_US_MASK) | (end->is_exact ? END_EXACT : 0));
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
    uint32_t word = berth_reader_get_u32(&reader);
    end.encode_us = word & END_US_MASK;
    end.is_exact = (word & END_EXACT) != 0;
    int r = berth_reader_finish(&reader);
    if (r == BERTH_OK && (word & ~(END_US_MASK | END_EXACT)) != 0) {
        r = BERTH_ERR_PROTOCOL;
    }
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
    if (!is_refresh(refresh)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u16(writer, refresh->head);
    berth_writer_put_u16(writer, refresh->reason);
    return writer->error;
}

int
berth_msg_refresh_decode(const uint8_t *payload, size_t len, BerthMsgRefresh *ret)
{
    BerthReader reader;
    BerthMsgRefresh refresh;
    berth_reader_init(&reader, payload, len);
    refresh.head = berth_reader_get_u16(&reader);
    refresh.reason = berth_reader_get_u16(&reader);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (!is_refresh(&refresh)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = refresh;
    return BERTH_OK;
}

/* --- items of lists --- */

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
