/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/resize-gate.h"

#include "berth/limits.h"
#include "display/pixels/frame.h"

void
berth_resize_gate_init(BerthResizeGate *self)
{
    *self = (BerthResizeGate){ .last_us = INT64_MIN / 2 };
}

static bool
is_equal(const BerthResize *a, const BerthResize *b)
{
    return a->w_px == b->w_px && a->h_px == b->h_px && a->w_mm == b->w_mm && a->h_mm == b->h_mm;
}

void
berth_resize_gate_ask(BerthResizeGate *self, const BerthResize *resize)
{
    self->wanted = *resize;
    self->is_pending = !is_equal(&self->wanted, &self->given);
}

void
berth_resize_gate_forget(BerthResizeGate *self)
{
    self->given = (BerthResize){ 0 };
    self->is_pending = self->wanted.w_px > 0;
}

int64_t
berth_resize_gate_get_due_us(const BerthResizeGate *self)
{
    return self->is_pending ? self->last_us + BERTH_RESIZE_INTERVAL_US : INT64_MAX;
}

bool
berth_resize_gate_take(BerthResizeGate *self, int64_t now_us, BerthResize *ret)
{
    if (!self->is_pending || now_us < berth_resize_gate_get_due_us(self)) {
        return false;
    }
    self->is_pending = false;
    self->given = self->wanted;
    self->last_us = now_us;
    *ret = self->wanted;
    return true;
}

bool
berth_resize_is_sane(const BerthMsgHeadRequest *request)
{
    if (request->w == 0) {
        return request->head > 0; /* that head is not wanted any more */
    }
    return request->w >= BERTH_LIMIT_HEAD_MIN_SIDE_PX &&
           request->h >= BERTH_LIMIT_HEAD_MIN_SIDE_PX &&
           berth_frame_size_is_allowed(request->w, request->h);
}
