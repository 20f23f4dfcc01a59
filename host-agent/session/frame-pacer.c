/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/frame-pacer.h"

void
berth_frame_pacer_init(BerthFramePacer *self)
{
    *self = (BerthFramePacer){ .last_frame_us = INT64_MIN / 2 };
}

void
berth_frame_pacer_note_change(BerthFramePacer *self)
{
    self->is_pending = true;
}

void
berth_frame_pacer_note_sent(BerthFramePacer *self, int64_t now_us)
{
    self->is_pending = false;
    self->last_frame_us = now_us;
}

int64_t
berth_frame_pacer_get_due_us(const BerthFramePacer *self)
{
    return self->is_pending ? self->last_frame_us + BERTH_FRAME_INTERVAL_US : INT64_MAX;
}
