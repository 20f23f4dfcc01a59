/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every message decoder: byte 0 is the channel, byte 1 the type, the rest the payload.  What is
 * accepted must encode to the same bytes again.
 */
#include "display/wire/message-table.h"
#include "display/wire/msg-control.h"
#include "display/wire/msg-cursor.h"
#include "display/wire/msg-display.h"
#include "display/wire/msg-input.h"

#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Compares what was encoded again with what came. */
static void
check_again(BerthWriter *writer, int r, const uint8_t *data, size_t len)
{
    if (r != 0 || writer->len != len || (len > 0 && memcmp(writer->data, data, len) != 0)) {
        abort();
    }
}

#define TRY(Type, name)                                                                  \
    do {                                                                                 \
        Type message;                                                                    \
        if (berth_msg_##name##_decode(data, len, &message) == 0) {                       \
            check_again(writer, berth_msg_##name##_encode(writer, &message), data, len); \
        }                                                                                \
    } while (0)

static void
try_hello(BerthWriter *writer, const uint8_t *data, size_t len)
{
    BerthMsgHello hello, again;
    /* Order of capabilities and unknown ones are lost, so the meaning is compared. */
    if (berth_msg_hello_decode(data, len, &hello) != 0) {
        return;
    }
    hello.n_unknown = 0;
    if (berth_msg_hello_encode(writer, &hello) != 0 ||
        berth_msg_hello_decode(writer->data, writer->len, &again) != 0 ||
        memcmp(&hello, &again, sizeof hello) != 0) {
        abort();
    }
}

static void
try_control(BerthWriter *writer, uint8_t type, const uint8_t *data, size_t len)
{
    switch (type) {
    case BERTH_MSG_HELLO:
        try_hello(writer, data, len);
        break;
    case BERTH_MSG_AUTH:
        TRY(BerthMsgAuth, auth);
        break;
    case BERTH_MSG_WELCOME:
        TRY(BerthMsgWelcome, welcome);
        break;
    case BERTH_MSG_PING:
        TRY(BerthMsgPing, ping);
        break;
    case BERTH_MSG_BYE: {
        BerthMsgBye bye;
        /* A text may hold no zero byte: control characters are refused. */
        if (berth_msg_bye_decode(data, len, &bye) == 0) {
            check_again(writer, berth_msg_bye_encode(writer, &bye), data, len);
        }
        break;
    }
    default:
        break;
    }
}

static void
try_copy(BerthWriter *writer, const uint8_t *data, size_t len)
{
    BerthMsgCopy copy;
    if (berth_msg_copy_decode(data, len, &copy) == 0) {
        g_autofree BerthWireCopy *items = g_new(BerthWireCopy, copy.n);
        for (unsigned i = 0; i < copy.n; i++) {
            items[i] = berth_msg_copy_get(&copy, i);
        }
        check_again(writer, berth_msg_copy_encode(writer, items, copy.n), data, len);
    }
}

static void
try_fill(BerthWriter *writer, const uint8_t *data, size_t len)
{
    BerthMsgFill fill;
    if (berth_msg_fill_decode(data, len, &fill) == 0) {
        g_autofree BerthWireFill *items = g_new(BerthWireFill, fill.n);
        for (unsigned i = 0; i < fill.n; i++) {
            items[i] = berth_msg_fill_get(&fill, i);
        }
        check_again(writer, berth_msg_fill_encode(writer, items, fill.n), data, len);
    }
}

static void
try_exact(BerthWriter *writer, const uint8_t *data, size_t len)
{
    BerthMsgExact exact;
    if (berth_msg_exact_decode(data, len, &exact) == 0) {
        g_autofree BerthWireRect *rects = g_new(BerthWireRect, exact.n);
        for (unsigned i = 0; i < exact.n; i++) {
            rects[i] = berth_msg_exact_get(&exact, i);
        }
        int r = berth_msg_exact_encode_head(writer, rects, exact.n);
        berth_writer_put_bytes(writer, exact.data, exact.data_len);
        check_again(writer, r, data, len);
    }
}

static void
try_display(BerthWriter *writer, uint8_t type, const uint8_t *data, size_t len)
{
    switch (type) {
    case BERTH_MSG_HEAD_CONFIG:
        TRY(BerthMsgHeadConfig, head_config);
        break;
    case BERTH_MSG_FRAME_BEGIN:
        TRY(BerthMsgFrameBegin, frame_begin);
        break;
    case BERTH_MSG_COPY:
        try_copy(writer, data, len);
        break;
    case BERTH_MSG_FILL:
        try_fill(writer, data, len);
        break;
    case BERTH_MSG_EXACT:
        try_exact(writer, data, len);
        break;
    case BERTH_MSG_FRAME_END:
        TRY(BerthMsgFrameEnd, frame_end);
        break;
    case BERTH_MSG_FRAME_ACK:
        TRY(BerthMsgFrameAck, frame_ack);
        break;
    case BERTH_MSG_HEAD_REQUEST:
        TRY(BerthMsgHeadRequest, head_request);
        break;
    case BERTH_MSG_REFRESH:
        TRY(BerthMsgRefresh, refresh);
        break;
    default:
        break;
    }
}

static void
try_cursor(BerthWriter *writer, uint8_t type, const uint8_t *data, size_t len)
{
    switch (type) {
    case BERTH_MSG_CURSOR_DEFINE:
        TRY(BerthMsgCursorDefine, cursor_define);
        break;
    case BERTH_MSG_CURSOR_SET:
        TRY(BerthMsgCursorSet, cursor_set);
        break;
    case BERTH_MSG_CURSOR_MOVE:
        TRY(BerthMsgCursorMove, cursor_move);
        break;
    default:
        break;
    }
}

static void
try_input(BerthWriter *writer, uint8_t type, const uint8_t *data, size_t len)
{
    BerthMsgInput input;
    uint8_t leds;
    bool is_absolute;
    if (type == BERTH_MSG_LEDS) {
        if (berth_msg_leds_decode(data, len, &leds) == 0) {
            check_again(writer, berth_msg_leds_encode(writer, leds), data, len);
        }
    } else if (type == BERTH_MSG_POINTER_MODE) {
        if (berth_msg_pointer_mode_decode(data, len, &is_absolute) == 0) {
            check_again(writer, berth_msg_pointer_mode_encode(writer, is_absolute), data, len);
        }
    } else if (berth_msg_input_decode(type, data, len, &input) == 0) {
        check_again(writer, berth_msg_input_encode(writer, type, &input), data, len);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BerthWriter writer;
    if (size < 2) {
        return 0;
    }
    berth_writer_init(&writer, BERTH_LIMIT_MESSAGE_BYTES);
    switch (data[0]) {
    case BERTH_CHANNEL_CONTROL:
        try_control(&writer, data[1], data + 2, size - 2);
        break;
    case BERTH_CHANNEL_DISPLAY:
        try_display(&writer, data[1], data + 2, size - 2);
        break;
    case BERTH_CHANNEL_CURSOR:
        try_cursor(&writer, data[1], data + 2, size - 2);
        break;
    case BERTH_CHANNEL_INPUT:
        try_input(&writer, data[1], data + 2, size - 2);
        break;
    default:
        break;
    }
    berth_writer_clear(&writer);
    return 0;
}
