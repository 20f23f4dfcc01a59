/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/serial-trail.h"

#include <string.h>

void
berth_serial_trail_note(BerthSerialTrail *self, uint32_t stamp, uint32_t serial)
{
    if (self->n_pairs == BERTH_SERIAL_TRAIL_PAIRS) {
        self->serial = self->pairs[0].serial;
        memmove(&self->pairs[0], &self->pairs[1], sizeof(self->pairs) - sizeof(self->pairs[0]));
        self->n_pairs--;
    }
    self->pairs[self->n_pairs].stamp = stamp;
    self->pairs[self->n_pairs].serial = serial;
    self->n_pairs++;
}

void
berth_serial_trail_take_back(BerthSerialTrail *self)
{
    if (self->n_pairs > 0) {
        self->n_pairs--;
    }
}

uint32_t
berth_serial_trail_find(const BerthSerialTrail *self, uint32_t stamp)
{
    for (unsigned i = self->n_pairs; i > 0; i--) {
        /* As distances, so that it goes on after the stamps have wrapped. */
        if ((int32_t)(stamp - self->pairs[i - 1].stamp) >= 0) {
            return self->pairs[i - 1].serial;
        }
    }
    return self->serial;
}
