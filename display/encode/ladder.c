/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/encode/ladder.h"

#include <glib.h>

/* Frames that wait longer than this behind others are too many; half a frame is normal. */
#define BAD_QUEUE_US (60LL * 1000)
#define TERRIBLE_QUEUE_US (150LL * 1000)
#define GOOD_QUEUE_US (20LL * 1000)
/* So long it must be bad before the next rung down, and good before the next one up. */
#define DOWN_AFTER_US (200LL * 1000)
#define UP_AFTER_US (1000LL * 1000)

/* Videos get this part of the path, in percent, less what letters and sounds need. */
#define VIDEO_PERCENT 70
#define RESERVE_PERCENT 10
#define MAX_RESERVE_KBPS 500
#define MIN_VIDEO_KBPS 150
#define MAX_VIDEO_KBPS 40000
/* A rate that differs by less, in percent, is the same: encoders need not be told. */
#define SAME_RATE_PERCENT 15

/* Refinement gets this part of the path, in percent; what was not spent is kept for a while. */
#define REFINE_PERCENT 30
#define REFINE_KEPT_US (250LL * 1000)
#define MIN_REFINE_KEPT_BYTES (64 * 1024)
#define MIN_REFINE_BYTES (8 * 1024)

/* What is taken for the rate as long as it is unknown. */
#define UNKNOWN_KBPS 20000

typedef struct {
    int64_t frame_interval_us;
    uint8_t max_photo_quality;
    unsigned video_percent;
} Rung;

/* Frame rate, then photos, then videos. */
static const Rung rungs[] = {
    { 16000, 85, 100 },  { 33000, 85, 100 },  { 50000, 85, 100 },
    { 100000, 85, 100 }, { 100000, 75, 100 }, { 100000, 60, 100 },
    { 100000, 40, 100 }, { 100000, 40, 60 },  { 100000, 40, 35 },
};

/* The best photos that a rate allows, from the highest rate on. */
static const struct {
    uint64_t min_kbps;
    uint8_t quality;
} photo_rates[] = { { 6000, 85 }, { 3000, 75 }, { 1000, 60 }, { 0, 40 } };

static uint8_t
photo_quality_of(uint64_t rate_kbps)
{
    size_t i = 0;
    while (rate_kbps < photo_rates[i].min_kbps) {
        i++;
    }
    return photo_rates[i].quality;
}

static unsigned
video_kbps_of(uint64_t rate_kbps, unsigned percent)
{
    uint64_t reserve = MIN(rate_kbps * RESERVE_PERCENT / 100, MAX_RESERVE_KBPS);
    uint64_t kbps = (rate_kbps * VIDEO_PERCENT / 100 - reserve) * percent / 100;
    return (unsigned)CLAMP(kbps, MIN_VIDEO_KBPS, MAX_VIDEO_KBPS);
}

static uint64_t
get_rate_kbps(const BerthLadder *self)
{
    return self->rate_kbps > 0 ? self->rate_kbps : UNKNOWN_KBPS;
}

static void
update_output(BerthLadder *self)
{
    const Rung *rung = &rungs[self->rung];
    uint64_t rate_kbps = get_rate_kbps(self);
    self->output = (BerthLadderOutput){
        .frame_interval_us = rung->frame_interval_us,
        .photo_quality = MIN(photo_quality_of(rate_kbps), rung->max_photo_quality),
        .video_kbps = video_kbps_of(rate_kbps, rung->video_percent),
    };
}

void
berth_ladder_init(BerthLadder *self, int64_t now_us)
{
    *self = (BerthLadder){
        .changed_us = now_us,
        .bad_since_us = -1,
        .good_since_us = now_us,
        .refilled_us = now_us,
        .refine_bytes = MIN_REFINE_KEPT_BYTES,
    };
    update_output(self);
}

/* Follows the rate in steps. */
static void
follow_rate(BerthLadder *self, uint64_t rate_kbps)
{
    uint64_t low = self->rate_kbps * (100 - SAME_RATE_PERCENT) / 100;
    uint64_t high = self->rate_kbps * (100 + SAME_RATE_PERCENT) / 100;
    if (rate_kbps < low || rate_kbps > high) {
        self->rate_kbps = rate_kbps;
    }
}

static void
set_rung(BerthLadder *self, unsigned rung, int64_t now_us)
{
    self->rung = MIN(rung, (unsigned)G_N_ELEMENTS(rungs) - 1);
    self->changed_us = now_us;
}

/* Goes down when frames have waited for some time, up when none has for longer. */
static void
follow_queue(BerthLadder *self, int64_t now_us, int64_t queue_us)
{
    if (queue_us <= BAD_QUEUE_US) {
        self->bad_since_us = -1;
    } else if (self->bad_since_us < 0) {
        self->bad_since_us = now_us;
    }
    if (queue_us > GOOD_QUEUE_US) {
        self->good_since_us = -1;
    } else if (self->good_since_us < 0) {
        self->good_since_us = now_us;
    }
    bool is_bad = self->bad_since_us >= 0 &&
                  now_us - MAX(self->bad_since_us, self->changed_us) >= DOWN_AFTER_US;
    bool is_good = self->good_since_us >= 0 &&
                   now_us - MAX(self->good_since_us, self->changed_us) >= UP_AFTER_US;
    if (is_bad) {
        set_rung(self, self->rung + (queue_us > TERRIBLE_QUEUE_US ? 2 : 1), now_us);
    } else if (is_good && self->rung > 0) {
        set_rung(self, self->rung - 1, now_us);
    }
}

/* Gives refinement its share of the time that passed. */
static void
refill(BerthLadder *self, int64_t now_us)
{
    double bytes_per_us = (double)get_rate_kbps(self) * REFINE_PERCENT / 100 / 8000;
    double most = MAX(bytes_per_us * REFINE_KEPT_US, MIN_REFINE_KEPT_BYTES);
    double more = bytes_per_us * (double)MAX(now_us - self->refilled_us, 0);
    self->refine_bytes = MIN(self->refine_bytes + more, most);
    self->refilled_us = now_us;
}

const BerthLadderOutput *
berth_ladder_step(BerthLadder *self, const BerthLadderInput *input)
{
    if (!input->is_stalled) {
        /* On an empty path nothing waits, whatever the last frames did. */
        int64_t queue_us = input->n_in_flight > 0 ? input->queue_us : 0;
        follow_rate(self, input->rate_kbps);
        follow_queue(self, input->now_us, queue_us);
    }
    refill(self, input->now_us);
    update_output(self);
    return &self->output;
}

size_t
berth_ladder_get_refine_bytes(const BerthLadder *self)
{
    bool is_allowed = self->bad_since_us < 0 && self->refine_bytes >= MIN_REFINE_BYTES;
    return is_allowed ? (size_t)self->refine_bytes : 0;
}

void
berth_ladder_note_refined(BerthLadder *self, size_t n_bytes)
{
    self->refine_bytes -= (double)n_bytes;
}
