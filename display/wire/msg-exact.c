/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/msg-exact.h"

#include "base/error.h"

#include <stdbool.h>

static bool
is_head_good(const BerthMsgExact *exact)
{
    return exact->stream < BERTH_N_EXACT_STREAMS && exact->n >= 1 && exact->area_px >= exact->n &&
           exact->area_px <= BERTH_LIMIT_HEAD_AREA_PX;
}

int
berth_msg_exact_encode_head(BerthWriter *writer, const BerthMsgExact *exact)
{
    if (!is_head_good(exact)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u8(writer, exact->stream);
    berth_writer_put_u16(writer, exact->n);
    berth_writer_put_u32(writer, exact->area_px);
    return writer->error;
}

int
berth_msg_exact_decode(const uint8_t *payload, size_t len, BerthMsgExact *ret)
{
    BerthReader reader;
    BerthMsgExact exact;
    berth_reader_init(&reader, payload, len);
    exact.stream = berth_reader_get_u8(&reader);
    exact.n = berth_reader_get_u16(&reader);
    exact.area_px = berth_reader_get_u32(&reader);
    exact.data_len = berth_reader_remaining(&reader);
    exact.data = berth_reader_get_bytes_direct(&reader, exact.data_len);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (exact.data_len == 0) {
        return BERTH_ERR_TRUNCATED;
    }
    if (!is_head_good(&exact)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = exact;
    return BERTH_OK;
}

/* Adds a rectangle to the area; false if it is not allowed or the sum gets too large. */
static bool
add_area(BerthWireRect rect, uint64_t *area_px)
{
    if (!berth_wire_rect_is_allowed(rect)) {
        return false;
    }
    *area_px += (uint64_t)rect.w * rect.h;
    return *area_px <= BERTH_LIMIT_HEAD_AREA_PX;
}

static void
put_u16(uint8_t *bytes, uint16_t value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

static uint16_t
get_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

int
berth_exact_table_encode(const BerthWireRect *rects, size_t n_rects, uint8_t *ret_table,
                         uint32_t *ret_area_px)
{
    uint64_t area_px = 0;
    size_t column = 2 * n_rects;
    if (n_rects < 1 || n_rects > BERTH_WIRE_MAX_ITEMS) {
        return BERTH_ERR_INVALID;
    }
    for (size_t i = 0; i < n_rects; i++) {
        if (!add_area(rects[i], &area_px)) {
            return BERTH_ERR_INVALID;
        }
        put_u16(ret_table + 2 * i, rects[i].x);
        put_u16(ret_table + column + 2 * i, rects[i].y);
        put_u16(ret_table + 2 * column + 2 * i, rects[i].w);
        put_u16(ret_table + 3 * column + 2 * i, rects[i].h);
    }
    *ret_area_px = (uint32_t)area_px;
    return BERTH_OK;
}

int
berth_exact_table_decode(const BerthMsgExact *exact, const uint8_t *table, BerthWireRect *ret_rects)
{
    uint64_t area_px = 0;
    size_t column = 2 * (size_t)exact->n;
    for (size_t i = 0; i < exact->n; i++) {
        const uint8_t *at = table + 2 * i;
        ret_rects[i] = (BerthWireRect){ get_u16(at), get_u16(at + column), get_u16(at + 2 * column),
                                        get_u16(at + 3 * column) };
        if (!add_area(ret_rects[i], &area_px)) {
            return BERTH_ERR_PROTOCOL;
        }
    }
    return area_px == exact->area_px ? BERTH_OK : BERTH_ERR_PROTOCOL;
}
