/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/msg-statistics.h"

#include "berth/errors.h"

#include <stdbool.h>

#define MAX_QUALITY 100
#define MAX_EFFORT 3

int
berth_msg_input_times_encode(BerthWriter *writer, const BerthMsgInputTimes *times)
{
    if (times->serial == 0) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u32(writer, times->serial);
    berth_writer_put_u32(writer, times->guest_us);
    berth_writer_put_u32(writer, times->wait_us);
    berth_writer_put_u32(writer, times->encode_us);
    return writer->error;
}

int
berth_msg_input_times_decode(const uint8_t *payload, size_t len, BerthMsgInputTimes *ret)
{
    BerthReader reader;
    BerthMsgInputTimes times;
    berth_reader_init(&reader, payload, len);
    times.serial = berth_reader_get_u32(&reader);
    times.guest_us = berth_reader_get_u32(&reader);
    times.wait_us = berth_reader_get_u32(&reader);
    times.encode_us = berth_reader_get_u32(&reader);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (times.serial == 0) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = times;
    return BERTH_OK;
}

static bool
is_state_good(const BerthMsgHostState *state)
{
    return state->photo_quality >= 1 && state->photo_quality <= MAX_QUALITY &&
           state->effort <= MAX_EFFORT;
}

int
berth_msg_host_state_encode(BerthWriter *writer, const BerthMsgHostState *state)
{
    if (!is_state_good(state)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u32(writer, state->rate_kbps);
    berth_writer_put_u32(writer, state->queue_us);
    berth_writer_put_u32(writer, state->interval_us);
    berth_writer_put_u8(writer, state->photo_quality);
    berth_writer_put_u8(writer, state->effort);
    return writer->error;
}

int
berth_msg_host_state_decode(const uint8_t *payload, size_t len, BerthMsgHostState *ret)
{
    BerthReader reader;
    BerthMsgHostState state;
    berth_reader_init(&reader, payload, len);
    state.rate_kbps = berth_reader_get_u32(&reader);
    state.queue_us = berth_reader_get_u32(&reader);
    state.interval_us = berth_reader_get_u32(&reader);
    state.photo_quality = berth_reader_get_u8(&reader);
    state.effort = berth_reader_get_u8(&reader);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (!is_state_good(&state)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = state;
    return BERTH_OK;
}
