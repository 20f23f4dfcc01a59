/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/press-times.h"

#include <glib.h>
#include <string.h>

static void
drop_oldest(BerthPressTimes *self, size_t n)
{
    self->n -= n;
    memmove(&self->presses[0], &self->presses[n], self->n * sizeof(self->presses[0]));
}

void
berth_press_times_note(BerthPressTimes *self, uint32_t serial, int64_t now_us)
{
    if (serial == 0) {
        return; /* the answer would name none */
    }
    if (self->n == BERTH_PRESS_TIMES_MAX) {
        drop_oldest(self, 1);
    }
    self->presses[self->n].serial = serial;
    self->presses[self->n].came_us = now_us;
    self->n++;
}

static uint32_t
span_us(int64_t from_us, int64_t to_us)
{
    return (uint32_t)CLAMP(to_us - from_us, 0, UINT32_MAX);
}

bool
berth_press_times_take(BerthPressTimes *self, const BerthPressAnswer *answer,
                       BerthMsgInputTimes *ret)
{
    int64_t came_us;
    size_t n = 0;

    /* Serials wrap around: the difference tells which is later. */
    while (n < self->n && (int32_t)(answer->input_serial - self->presses[n].serial) >= 0) {
        n++;
    }
    if (n == 0) {
        return false;
    }
    came_us = self->presses[n - 1].came_us;
    *ret = (BerthMsgInputTimes){
        .serial = self->presses[n - 1].serial,
        .guest_us = span_us(came_us, answer->capture_us),
        .wait_us = span_us(MAX(came_us, answer->capture_us), answer->begun_us),
        .encode_us = span_us(answer->begun_us, answer->now_us),
    };
    drop_oldest(self, n);
    return true;
}
