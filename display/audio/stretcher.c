/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/audio/stretcher.h"

#include <glib.h>
#include <math.h>
#include <string.h>

#define CH BERTH_SOUND_CHANNELS
/* The curve needs one tick before the place and two after it. */
#define TICKS_BEFORE 1
#define TICKS_AFTER 2
/* Nearer to a tick than that is on it. */
#define ON_TICK 0.002

void
berth_stretcher_init(BerthStretcher *self)
{
    memset(self->samples, 0, sizeof self->samples);
    self->n_ticks = TICKS_BEFORE;
    self->place = TICKS_BEFORE;
    self->ppm = 0;
}

void
berth_stretcher_set_speed(BerthStretcher *self, int ppm)
{
    self->ppm = CLAMP(ppm, -BERTH_STRETCHER_MAX_PPM, BERTH_STRETCHER_MAX_PPM);
    if (self->ppm == 0 && fabs(self->place - round(self->place)) < ON_TICK) {
        self->place = round(self->place);
    }
}

unsigned
berth_stretcher_get_room(const BerthStretcher *self)
{
    return BERTH_STRETCHER_TICKS - self->n_ticks;
}

void
berth_stretcher_give(BerthStretcher *self, const int16_t *samples, unsigned n_ticks)
{
    g_assert(n_ticks <= berth_stretcher_get_room(self));
    memcpy(self->samples + self->n_ticks * CH, samples, n_ticks * CH * sizeof *samples);
    self->n_ticks += n_ticks;
}

/* The value of one channel between the ticks at and at + 1. */
static int16_t
curve(const int16_t *at, double t)
{
    double p0 = at[-CH];
    double p1 = at[0];
    double p2 = at[CH];
    double p3 = at[2 * CH];
    double value =
        p1 +
        0.5 * t * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0)));

    return (int16_t)CLAMP(lrint(value), INT16_MIN, INT16_MAX);
}

/* Drops the ticks that are behind the curve. */
static void
drop_played(BerthStretcher *self)
{
    unsigned n = (unsigned)self->place - TICKS_BEFORE;

    memmove(self->samples, self->samples + n * CH, (self->n_ticks - n) * CH * sizeof(int16_t));
    self->n_ticks -= n;
    self->place -= n;
}

unsigned
berth_stretcher_take(BerthStretcher *self, int16_t *ret, unsigned n_ticks)
{
    double step = 1.0 + self->ppm / 1e6;
    unsigned n = 0;

    while (n < n_ticks && (unsigned)self->place + TICKS_AFTER < self->n_ticks) {
        const int16_t *at = self->samples + (unsigned)self->place * CH;
        double t = self->place - floor(self->place);

        for (unsigned c = 0; c < CH; c++) {
            ret[n * CH + c] = t == 0 ? at[c] : curve(at + c, t);
        }
        self->place += step;
        n++;
    }
    drop_played(self);
    return n;
}

unsigned
berth_stretcher_get_waiting(const BerthStretcher *self)
{
    return self->n_ticks - (unsigned)self->place;
}
