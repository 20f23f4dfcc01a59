/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/statistics-teller.h"

#include "berth/errors.h"

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

static uint32_t
clamp_u32(int64_t value)
{
    return (uint32_t)CLAMP(value, 0, UINT32_MAX);
}

static BerthMsgHostState
get_state(const BerthStatisticsTeller *self, const BerthFlow *flow,
          const BerthSeatDelivery *delivery)
{
    BerthFlowStats stats;

    berth_flow_get_stats(flow, &stats);
    return (BerthMsgHostState){
        .rate_kbps = clamp_u32((int64_t)MIN(stats.rate_kbps, UINT32_MAX)),
        .queue_us = clamp_u32(stats.queue_us),
        .interval_us = self->interval_us,
        .photo_quality = MAX(self->photo_quality, 1),
        .effort = delivery->effort,
    };
}

static bool
is_same(const BerthMsgHostState *a, const BerthMsgHostState *b)
{
    return a->rate_kbps == b->rate_kbps && a->queue_us == b->queue_us &&
           a->interval_us == b->interval_us && a->photo_quality == b->photo_quality &&
           a->effort == b->effort;
}

static int
maybe_tell_state(BerthStatisticsTeller *self, BerthLink *link, const BerthMsgHostState *state,
                 int64_t now_us)
{
    bool is_due = self->told_us == 0 || now_us - self->told_us >= BERTH_STATISTICS_INTERVAL_US;
    BerthWriter writer;

    if (!is_due || is_same(state, &self->told)) {
        return BERTH_OK;
    }
    self->told = *state;
    self->told_us = now_us;
    berth_writer_init(&writer, MESSAGE_BYTES);
    return send_written(link, berth_msg_host_state_encode(&writer, state), BERTH_MSG_HOST_STATE,
                        &writer);
}

void
berth_statistics_teller_note_flow(BerthStatisticsTeller *self, const BerthSeatFlow *flow)
{
    self->interval_us = clamp_u32(flow->interval_us);
    self->photo_quality = flow->photo_quality;
}

void
berth_statistics_teller_note_input(BerthStatisticsTeller *self, uint8_t type,
                                   const BerthMsgInput *input, int64_t now_us)
{
    bool is_press = (type == BERTH_MSG_KEY && input->key.is_down) ||
                    (type == BERTH_MSG_BUTTON && input->button.is_down);

    if (self->is_wanted && is_press) {
        berth_press_times_note(&self->presses, input->serial, now_us);
    }
}

int
berth_statistics_teller_tell(BerthStatisticsTeller *self, BerthLink *link, const BerthFlow *flow,
                             const BerthSeatDelivery *delivery, int64_t now_us)
{
    BerthMsgHostState state;
    int r;

    if (!self->is_wanted) {
        return BERTH_OK;
    }
    state = get_state(self, flow, delivery);
    r = maybe_tell_times(self, link, delivery, now_us);
    return r == BERTH_OK ? maybe_tell_state(self, link, &state, now_us) : r;
}
