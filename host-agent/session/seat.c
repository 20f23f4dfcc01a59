/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/seat.h"

#include "host-agent/session/seat-private.h"

#include <glib.h>

/* Fastest level: the exact stream is bound by the link and the window, not by the level. */
#define ZSTD_LEVEL 1
#define NEVER_US (INT64_MIN / 2)
/* Between two whole pictures that a client asked for: each costs as much as a new mode. */
#define REFRESH_INTERVAL_US (1000 * 1000)

BerthSeat *
berth_seat_new(const BerthClientCaps *caps, const BerthSeatCallbacks *callbacks, void *user_data)
{
    BerthClientStream *stream = berth_client_stream_new(caps, ZSTD_LEVEL);
    BerthSeat *self;

    if (!stream) {
        return NULL;
    }
    self = g_new0(BerthSeat, 1);
    self->callbacks = callbacks;
    self->user_data = user_data;
    self->caps = *caps;
    self->stream = stream;
    for (int i = 0; i < (int)BERTH_LIMIT_HEADS; i++) {
        berth_seat_forget_head(self, i);
    }
    return self;
}

void
berth_seat_forget_head(BerthSeat *self, int head)
{
    self->heads[head] = (BerthSeatHead){
        .is_behind = true,
        .last_refresh_us = NEVER_US,
        .refine_due_us = INT64_MAX,
        .unchecked = { NEVER_US, INT64_MAX, NEVER_US, 0 },
    };
}

void
berth_seat_free(BerthSeat *self)
{
    if (self) {
        berth_client_stream_free(self->stream);
        g_free(self);
    }
}

void
berth_seat_refresh(BerthSeat *self, int head)
{
    if (head >= 0 && head < (int)BERTH_LIMIT_HEADS) {
        self->heads[head].wants_refresh = true;
    }
}

void
berth_seat_note_input(BerthSeat *self, uint32_t stamp, uint32_t serial)
{
    berth_serial_trail_note(&self->trail, stamp, serial);
}

void
berth_seat_take_back_input(BerthSeat *self)
{
    berth_serial_trail_take_back(&self->trail);
}

int64_t
berth_seat_get_refresh_due_us(const BerthSeat *self, int head)
{
    const BerthSeatHead *state = &self->heads[head];

    return state->wants_refresh ? state->last_refresh_us + REFRESH_INTERVAL_US : INT64_MAX;
}

BerthScheduleSeat
berth_seat_get_schedule(const BerthSeat *self, int head, const BerthSeatFlow *flow, bool has_plan)
{
    const BerthSeatHead *state = &self->heads[head];
    int64_t catch_up_due_us =
        state->is_behind ? NEVER_US : berth_seat_get_refresh_due_us(self, head);

    return (BerthScheduleSeat){
        .has_room = flow->has_room,
        .has_bulk_room = flow->has_bulk_room,
        .is_quiet = flow->is_quiet,
        .waiting_us = flow->waiting_us,
        .interval_us = flow->interval_us,
        .last_frame_us = state->unchecked.last_frame_us,
        .catch_up_due_us = has_plan ? catch_up_due_us : INT64_MAX,
        .refine_due_us = MAX(state->refine_due_us, flow->refine_from_us),
        .check_due_us = berth_frame_schedule_get_check_due_us(&state->unchecked),
    };
}
