/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/statistics-teller.h"

#include "berth/errors.h"

#include <string.h>

#define MESSAGE_BYTES 16

static int
send_written(BerthLink *link, int r, uint8_t type, BerthWriter *writer)
{
    if (r == BERTH_OK) {
        r = berth_link_send(link, BERTH_CHANNEL_CONTROL, type, writer->data, writer->len);
    }
    berth_writer_clear(writer);
    return r;
}

static int
maybe_tell_times(BerthStatisticsTeller *self, BerthLink *link, const BerthSeatDelivery *delivery,
                 int64_t now_us)
{
    const BerthPressAnswer answer = {
        .input_serial = delivery->input_serial,
        .capture_us = delivery->capture_us,
        .begun_us = delivery->begun_us,
        .now_us = now_us,
    };
    BerthMsgInputTimes times;
    BerthWriter writer;

    if (!delivery->has_frame || !delivery->is_changed ||
        !berth_press_times_take(&self->presses, &answer, &times)) {
        return BERTH_OK;
    }
    berth_writer_init(&writer, MESSAGE_BYTES);
    return send_written(link, berth_msg_input_times_encode(&writer, &times), BERTH_MSG_INPUT_TIMES,
                        &writer);
}

static int
maybe_tell_state(BerthStatisticsTeller *self, BerthLink *link, const BerthMsgHostState *state,
                 int64_t now_us)
{
    bool is_due = self->told_us == 0 || now_us - self->told_us >= BERTH_STATISTICS_INTERVAL_US;
    BerthWriter writer;

    if (!is_due || memcmp(state, &self->told, sizeof(*state)) == 0) {
        return BERTH_OK;
    }
    self->told = *state;
    self->told_us = now_us;
    berth_writer_init(&writer, MESSAGE_BYTES);
    return send_written(link, berth_msg_host_state_encode(&writer, state), BERTH_MSG_HOST_STATE,
                        &writer);
}

int
berth_statistics_teller_tell(BerthStatisticsTeller *self, BerthLink *link,
                             const BerthSeatDelivery *delivery, const BerthMsgHostState *state,
                             int64_t now_us)
{
    int r = maybe_tell_times(self, link, delivery, now_us);

    return r == BERTH_OK ? maybe_tell_state(self, link, state, now_us) : r;
}
