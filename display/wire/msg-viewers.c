/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/msg-viewers.h"

#include "base/error.h"
#include "display/wire/text.h"

#include <string.h>

static bool
is_mode(uint8_t mode)
{
    return mode == BERTH_SHADOW_VIEW || mode == BERTH_SHADOW_CONTROL;
}

/* Reads a byte that is 0 or 1. */
static bool
get_bool(BerthReader *reader)
{
    uint8_t value = berth_reader_get_u8(reader);
    if (value > 1) {
        berth_reader_fail(reader, BERTH_ERR_PROTOCOL);
    }
    return value == 1;
}

int
berth_msg_shadow_ask_encode(BerthWriter *writer, const BerthMsgShadowAsk *ask)
{
    size_t len = strnlen(ask->who, sizeof ask->who);
    if (!is_mode(ask->mode) || len == 0 || len > BERTH_LIMIT_NAME_BYTES ||
        !berth_wire_text_is_clean((const uint8_t *)ask->who, len)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u32(writer, ask->id);
    berth_writer_put_u8(writer, ask->mode);
    berth_writer_put_u16(writer, (uint16_t)len);
    berth_writer_put_bytes(writer, ask->who, len);
    return writer->error;
}

int
berth_msg_shadow_ask_decode(const uint8_t *payload, size_t len, BerthMsgShadowAsk *ret)
{
    BerthReader reader;
    BerthMsgShadowAsk ask = { 0 };
    berth_reader_init(&reader, payload, len);
    ask.id = berth_reader_get_u32(&reader);
    ask.mode = berth_reader_get_u8(&reader);
    uint16_t n = berth_reader_get_u16(&reader);
    const uint8_t *who = berth_reader_get_bytes_direct(&reader, n);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (!is_mode(ask.mode) || n == 0 || n > BERTH_LIMIT_NAME_BYTES ||
        !berth_wire_text_is_clean(who, n)) {
        return BERTH_ERR_PROTOCOL;
    }
    memcpy(ask.who, who, n);
    *ret = ask;
    return BERTH_OK;
}

int
berth_msg_shadow_answer_encode(BerthWriter *writer, const BerthMsgShadowAnswer *answer)
{
    berth_writer_put_u32(writer, answer->id);
    berth_writer_put_u8(writer, answer->is_allowed ? 1 : 0);
    return writer->error;
}

int
berth_msg_shadow_answer_decode(const uint8_t *payload, size_t len, BerthMsgShadowAnswer *ret)
{
    BerthReader reader;
    BerthMsgShadowAnswer answer;
    berth_reader_init(&reader, payload, len);
    answer.id = berth_reader_get_u32(&reader);
    answer.is_allowed = get_bool(&reader);
    int r = berth_reader_finish(&reader);
    if (r == BERTH_OK) {
        *ret = answer;
    }
    return r;
}

int
berth_msg_viewers_encode(BerthWriter *writer, const BerthMsgViewers *viewers)
{
    berth_writer_put_u16(writer, viewers->n_observers);
    berth_writer_put_u8(writer, viewers->is_recorded ? 1 : 0);
    return writer->error;
}

int
berth_msg_viewers_decode(const uint8_t *payload, size_t len, BerthMsgViewers *ret)
{
    BerthReader reader;
    BerthMsgViewers viewers;
    berth_reader_init(&reader, payload, len);
    viewers.n_observers = berth_reader_get_u16(&reader);
    viewers.is_recorded = get_bool(&reader);
    int r = berth_reader_finish(&reader);
    if (r == BERTH_OK) {
        *ret = viewers;
    }
    return r;
}
