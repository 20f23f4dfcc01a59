/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/msg-input.h"

#include "base/error.h"

#include <string.h>

#define ALL_LEDS (BERTH_LED_SCROLL | BERTH_LED_NUM | BERTH_LED_CAPS)

static bool
is_input_good(uint8_t type, const BerthMsgInput *input)
{
    switch (type) {
    case BERTH_MSG_KEY:
        return input->key.evdev >= 1 && input->key.evdev <= BERTH_WIRE_MAX_KEY;
    case BERTH_MSG_POINTER_ABS:
        return input->abs.head < BERTH_LIMIT_HEADS && input->abs.x < BERTH_LIMIT_HEAD_SIDE_PX &&
               input->abs.y < BERTH_LIMIT_HEAD_SIDE_PX;
    case BERTH_MSG_BUTTON:
        return input->button.button < BERTH_N_BUTTONS;
    case BERTH_MSG_POINTER_REL:
    case BERTH_MSG_WHEEL:
    case BERTH_MSG_RELEASE_ALL:
        return true;
    default:
        return false;
    }
}

int
berth_msg_input_encode(BerthWriter *writer, uint8_t type, const BerthMsgInput *input)
{
    if (!is_input_good(type, input)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u32(writer, input->serial);
    switch (type) {
    case BERTH_MSG_KEY:
        berth_writer_put_u16(writer, input->key.evdev);
        berth_writer_put_u8(writer, input->key.is_down ? 1 : 0);
        break;
    case BERTH_MSG_POINTER_ABS:
        berth_writer_put_u16(writer, input->abs.head);
        berth_writer_put_u16(writer, input->abs.x);
        berth_writer_put_u16(writer, input->abs.y);
        break;
    case BERTH_MSG_POINTER_REL:
        berth_writer_put_i16(writer, input->rel.dx);
        berth_writer_put_i16(writer, input->rel.dy);
        break;
    case BERTH_MSG_BUTTON:
        berth_writer_put_u8(writer, input->button.button);
        berth_writer_put_u8(writer, input->button.is_down ? 1 : 0);
        break;
    case BERTH_MSG_WHEEL:
        berth_writer_put_i16(writer, input->wheel.dx);
        berth_writer_put_i16(writer, input->wheel.dy);
        break;
    default:
        break;
    }
    return writer->error;
}

/* Reads 0 or 1; everything else is a sticky error. */
static bool
get_bool(BerthReader *reader)
{
    uint8_t value = berth_reader_get_u8(reader);
    if (value > 1) {
        berth_reader_fail(reader, BERTH_ERR_PROTOCOL);
    }
    return value == 1;
}

static void
get_input(BerthReader *reader, uint8_t type, BerthMsgInput *ret)
{
    ret->serial = berth_reader_get_u32(reader);
    switch (type) {
    case BERTH_MSG_KEY:
        ret->key.evdev = berth_reader_get_u16(reader);
        ret->key.is_down = get_bool(reader);
        break;
    case BERTH_MSG_POINTER_ABS:
        ret->abs.head = berth_reader_get_u16(reader);
        ret->abs.x = berth_reader_get_u16(reader);
        ret->abs.y = berth_reader_get_u16(reader);
        break;
    case BERTH_MSG_POINTER_REL:
        ret->rel.dx = berth_reader_get_i16(reader);
        ret->rel.dy = berth_reader_get_i16(reader);
        break;
    case BERTH_MSG_BUTTON:
        ret->button.button = berth_reader_get_u8(reader);
        ret->button.is_down = get_bool(reader);
        break;
    case BERTH_MSG_WHEEL:
        ret->wheel.dx = berth_reader_get_i16(reader);
        ret->wheel.dy = berth_reader_get_i16(reader);
        break;
    case BERTH_MSG_RELEASE_ALL:
        break;
    default:
        berth_reader_fail(reader, BERTH_ERR_INVALID);
        break;
    }
}

int
berth_msg_input_decode(uint8_t type, const uint8_t *payload, size_t len, BerthMsgInput *ret)
{
    BerthReader reader;
    BerthMsgInput input;
    memset(&input, 0, sizeof input);
    if (type < BERTH_MSG_KEY || type > BERTH_MSG_RELEASE_ALL) {
        return BERTH_ERR_INVALID;
    }
    berth_reader_init(&reader, payload, len);
    get_input(&reader, type, &input);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (!is_input_good(type, &input)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = input;
    return BERTH_OK;
}

int
berth_msg_leds_encode(BerthWriter *writer, uint8_t leds)
{
    if ((leds & ~ALL_LEDS) != 0) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u8(writer, leds);
    return writer->error;
}

int
berth_msg_leds_decode(const uint8_t *payload, size_t len, uint8_t *ret_leds)
{
    BerthReader reader;
    berth_reader_init(&reader, payload, len);
    uint8_t leds = berth_reader_get_u8(&reader);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if ((leds & ~ALL_LEDS) != 0) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret_leds = leds;
    return BERTH_OK;
}

int
berth_msg_pointer_mode_encode(BerthWriter *writer, bool is_absolute)
{
    berth_writer_put_u8(writer, is_absolute ? 1 : 0);
    return writer->error;
}

int
berth_msg_pointer_mode_decode(const uint8_t *payload, size_t len, bool *ret_is_absolute)
{
    BerthReader reader;
    berth_reader_init(&reader, payload, len);
    bool is_absolute = get_bool(&reader);
    int r = berth_reader_finish(&reader);
    if (r == BERTH_OK) {
        *ret_is_absolute = is_absolute;
    }
    return r;
}
