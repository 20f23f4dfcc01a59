/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages of the cursor channel.  The client draws the pointer itself; the session tells shapes.
 *
 * Encoders append the payload to a writer; decoders check every field and set *ret only on
 * success.  HIDE has no payload and needs neither.  Pure.
 *
 * Errors of encoders: what the writer says, BERTH_ERR_INVALID for values that the decoder would
 * refuse.  Errors of decoders: BERTH_ERR_TRUNCATED, BERTH_ERR_TRAILING, BERTH_ERR_PROTOCOL.
 */
#pragma once

#include "base/bytes-reader.h"
#include "base/bytes-writer.h"
#include "berth/limits.h"
#include "berth/protocol.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t id;           /* name of the shape on this connection */
    uint16_t w, h;         /* pixels, 1..BERTH_LIMIT_CURSOR_SIDE_PX */
    uint16_t hot_x, hot_y; /* inside w x h */
    const uint8_t *data;   /* one zstd frame of w * h * 4 bytes BGRA, alpha straight; borrowed */
    size_t data_len;
} BerthMsgCursorDefine;

typedef struct {
    uint32_t id;
} BerthMsgCursorSet;

typedef struct {
    int32_t x, y; /* of the hot spot on the head; may be outside */
} BerthMsgCursorMove;

int berth_msg_cursor_define_encode(BerthWriter *writer, const BerthMsgCursorDefine *define);
int berth_msg_cursor_define_decode(const uint8_t *payload, size_t len, BerthMsgCursorDefine *ret);

int berth_msg_cursor_set_encode(BerthWriter *writer, const BerthMsgCursorSet *set);
int berth_msg_cursor_set_decode(const uint8_t *payload, size_t len, BerthMsgCursorSet *ret);

int berth_msg_cursor_move_encode(BerthWriter *writer, const BerthMsgCursorMove *move);
int berth_msg_cursor_move_decode(const uint8_t *payload, size_t len, BerthMsgCursorMove *ret);
