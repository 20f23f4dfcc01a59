/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/msg-input.h"

#include "base/error.h"
#include "display/wire/text.h"

#include <glib.h>
#include <string.h>

#define ALL_LEDS (BERTH_LED_SCROLL | BERTH_LED_NUM | BERTH_LED_CAPS)

static bool
is_text_good(const char *text)
{
    size_t len = strnlen(text, BERTH_LIMIT_INPUT_TEXT_BYTES + 1);

    return len >= 1 && len <= BERTH_LIMIT_INPUT_TEXT_BYTES &&
           berth_wire_text_is_clean((const uint8_t *)text, len);
}

/* Printable ASCII without space, quotes and what a shell could take for something else. */
bool
berth_key_layout_name_is_good(const char *name)
{
    static const char signs[] = "_-+.,:()/%";
    size_t i = 0;

    while (i <= BERTH_LIMIT_LAYOUT_NAME_BYTES &&
           (g_ascii_isalnum(name[i]) || (name[i] != '\0' && strchr(signs, name[i]) != NULL))) {
        i++;
    }
    return i <= BERTH_LIMIT_LAYOUT_NAME_BYTES && name[i] == '\0';
}

static bool
is_layout_good(const BerthKeyLayout *layout)
{
    return layout->layout[0] != '\0' && berth_key_layout_name_is_good(layout->model) &&
           berth_key_layout_name_is_good(layout->layout) &&
           berth_key_layout_name_is_good(layout->variant) &&
           berth_key_layout_name_is_good(layout->options);
}

static bool
is_touch_good(const BerthMsgInput *input)
{
    return input->touch.phase < BERTH_N_TOUCH_PHASES && input->touch.finger < BERTH_LIMIT_FINGERS &&
           input->touch.head < BERTH_LIMIT_HEADS && input->touch.x < BERTH_LIMIT_HEAD_SIDE_PX &&
           input->touch.y < BERTH_LIMIT_HEAD_SIDE_PX;
}

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
    case BERTH_MSG_TEXT:
        return is_text_good(input->text);
    case BERTH_MSG_LOCKS:
        return (input->locks & ~ALL_LEDS) == 0;
    case BERTH_MSG_LAYOUT:
        return is_layout_good(&input->layout);
    case BERTH_MSG_TOUCH:
        return is_touch_good(input);
    case BERTH_MSG_POINTER_REL:
    case BERTH_MSG_WHEEL:
    case BERTH_MSG_RELEASE_ALL:
        return true;
    default:
        return false;
    }
}

static void
put_name(BerthWriter *writer, const char *name)
{
    size_t len = strlen(name);

    berth_writer_put_u8(writer, (uint8_t)len);
    berth_writer_put_bytes(writer, name, len);
}

/* What came after version 2's first messages. */
static void
put_more(BerthWriter *writer, uint8_t type, const BerthMsgInput *input)
{
    size_t len;

    switch (type) {
    case BERTH_MSG_TEXT:
        len = strlen(input->text);
        berth_writer_put_u16(writer, (uint16_t)len);
        berth_writer_put_bytes(writer, input->text, len);
        break;
    case BERTH_MSG_LOCKS:
        berth_writer_put_u8(writer, input->locks);
        break;
    case BERTH_MSG_LAYOUT:
        put_name(writer, input->layout.model);
        put_name(writer, input->layout.layout);
        put_name(writer, input->layout.variant);
        put_name(writer, input->layout.options);
        break;
    case BERTH_MSG_TOUCH:
        berth_writer_put_u8(writer, input->touch.phase);
        berth_writer_put_u8(writer, input->touch.finger);
        berth_writer_put_u16(writer, input->touch.head);
        berth_writer_put_u16(writer, input->touch.x);
        berth_writer_put_u16(writer, input->touch.y);
        break;
    default:
        break;
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
        put_more(writer, type, input);
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

/* Reads so many bytes of text into a block with room for one more. */
static void
get_text(BerthReader *reader, size_t len, size_t max, char *ret)
{
    const uint8_t *bytes = NULL;

    if (len > max) {
        berth_reader_fail(reader, BERTH_ERR_PROTOCOL);
    } else {
        bytes = berth_reader_get_bytes_direct(reader, len);
    }
    if (bytes != NULL && memchr(bytes, 0, len) != NULL) {
        berth_reader_fail(reader, BERTH_ERR_PROTOCOL);
    } else if (bytes != NULL) {
        memcpy(ret, bytes, len);
    }
}

static void
get_name(BerthReader *reader, char *ret)
{
    get_text(reader, berth_reader_get_u8(reader), BERTH_LIMIT_LAYOUT_NAME_BYTES, ret);
}

static void
get_more(BerthReader *reader, uint8_t type, BerthMsgInput *ret)
{
    switch (type) {
    case BERTH_MSG_TEXT:
        get_text(reader, berth_reader_get_u16(reader), BERTH_LIMIT_INPUT_TEXT_BYTES, ret->text);
        break;
    case BERTH_MSG_LOCKS:
        ret->locks = berth_reader_get_u8(reader);
        break;
    case BERTH_MSG_LAYOUT:
        get_name(reader, ret->layout.model);
        get_name(reader, ret->layout.layout);
        get_name(reader, ret->layout.variant);
        get_name(reader, ret->layout.options);
        break;
    case BERTH_MSG_TOUCH:
        ret->touch.phase = berth_reader_get_u8(reader);
        ret->touch.finger = berth_reader_get_u8(reader);
        ret->touch.head = berth_reader_get_u16(reader);
        ret->touch.x = berth_reader_get_u16(reader);
        ret->touch.y = berth_reader_get_u16(reader);
        break;
    default:
        berth_reader_fail(reader, BERTH_ERR_INVALID);
        break;
    }
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
        get_more(reader, type, ret);
        break;
    }
}

int
berth_msg_input_decode(uint8_t type, const uint8_t *payload, size_t len, BerthMsgInput *ret)
{
    BerthReader reader;
    BerthMsgInput input;
    memset(&input, 0, sizeof input);
    if (type < BERTH_MSG_KEY || type > BERTH_MSG_TOUCH) {
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
