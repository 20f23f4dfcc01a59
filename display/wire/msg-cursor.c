/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/msg-cursor.h"

#include "base/error.h"

#include <stdbool.h>

/* zstd adds little to what does not compress; the same bound as in the message table. */
#define MAX_PIXEL_BYTES (BERTH_LIMIT_CURSOR_SIDE_PX * BERTH_LIMIT_CURSOR_SIDE_PX * 4)
#define MAX_DATA_BYTES (MAX_PIXEL_BYTES + MAX_PIXEL_BYTES / 128 + 1024)

static bool
is_define(const BerthMsgCursorDefine *define)
{
    return define->w >= 1 && define->h >= 1 && define->w <= BERTH_LIMIT_CURSOR_SIDE_PX &&
           define->h <= BERTH_LIMIT_CURSOR_SIDE_PX && define->hot_x < define->w &&
           define->hot_y < define->h && define->data_len >= 1 && define->data_len <= MAX_DATA_BYTES;
}

int
berth_msg_cursor_define_encode(BerthWriter *writer, const BerthMsgCursorDefine *define)
{
    if (!is_define(define)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u32(writer, define->id);
    berth_writer_put_u16(writer, define->w);
    berth_writer_put_u16(writer, define->h);
    berth_writer_put_u16(writer, define->hot_x);
    berth_writer_put_u16(writer, define->hot_y);
    berth_writer_put_u32(writer, (uint32_t)define->data_len);
    berth_writer_put_bytes(writer, define->data, define->data_len);
    return writer->error;
}

int
berth_msg_cursor_define_decode(const uint8_t *payload, size_t len, BerthMsgCursorDefine *ret)
{
    BerthReader reader;
    BerthMsgCursorDefine define;
    berth_reader_init(&reader, payload, len);
    define.id = berth_reader_get_u32(&reader);
    define.w = berth_reader_get_u16(&reader);
    define.h = berth_reader_get_u16(&reader);
    define.hot_x = berth_reader_get_u16(&reader);
    define.hot_y = berth_reader_get_u16(&reader);
    define.data_len = berth_reader_get_u32(&reader);
    define.data = berth_reader_get_bytes_direct(&reader, define.data_len);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (!is_define(&define)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = define;
    return BERTH_OK;
}

int
berth_msg_cursor_set_encode(BerthWriter *writer, const BerthMsgCursorSet *set)
{
    berth_writer_put_u32(writer, set->id);
    return writer->error;
}

int
berth_msg_cursor_set_decode(const uint8_t *payload, size_t len, BerthMsgCursorSet *ret)
{
    BerthReader reader;
    BerthMsgCursorSet set;
    berth_reader_init(&reader, payload, len);
    set.id = berth_reader_get_u32(&reader);
    int r = berth_reader_finish(&reader);
    if (r == BERTH_OK) {
        *ret = set;
    }
    return r;
}

int
berth_msg_cursor_move_encode(BerthWriter *writer, const BerthMsgCursorMove *move)
{
    berth_writer_put_i32(writer, move->x);
    berth_writer_put_i32(writer, move->y);
    return writer->error;
}

int
berth_msg_cursor_move_decode(const uint8_t *payload, size_t len, BerthMsgCursorMove *ret)
{
    BerthReader reader;
    BerthMsgCursorMove move;
    berth_reader_init(&reader, payload, len);
    move.x = berth_reader_get_i32(&reader);
    move.y = berth_reader_get_i32(&reader);
    int r = berth_reader_finish(&reader);
    if (r == BERTH_OK) {
        *ret = move;
    }
    return r;
}
