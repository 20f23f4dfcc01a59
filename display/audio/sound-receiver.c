/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/audio/sound-receiver.h"

#include "display/audio/delay-plan.h"
#include "display/audio/opus-codec.h"
#include "display/audio/stretcher.h"

#include "base/error.h"
#include "berth/limits.h"

#include <string.h>

/* For what a loop that gives packets to us is late by, beside the network. */
#define MARGIN_US 5000
/* Nearer to the plan than the first is left alone; a correction goes on until the second. */
#define START_ERROR_US 4000
#define STOP_ERROR_US 1000
/* So many parts of a million faster for each millisecond too late. */
#define PPM_PER_MS 250
#define GLITCH_TICKS (BERTH_SOUND_GLITCH_US / 1000 * BERTH_SOUND_TICKS_PER_MS)
/* As long as that Opus makes up what is missing. */
#define MAX_CONCEALED_TICKS (60 * BERTH_SOUND_TICKS_PER_MS)

typedef enum {
    STATE_IDLE,    /* no stream */
    STATE_FILLING, /* the first packet waits for its time */
    STATE_PLAYING,
    STATE_DRY, /* a packet is late */
} ReceiverState;

typedef struct {
    uint64_t position;
    int64_t capture_us;
    size_t len;
    uint8_t data[];
} Packet;

struct BerthSoundReceiver {
    ReceiverState state;
    bool is_open;
    unsigned packet_ticks;
    GQueue packets;     /* of Packet*, positions rise */
    uint64_t end;       /* of the last packet that came */
    uint64_t next;      /* position that is decoded next; while playing */
    unsigned concealed; /* ticks made up since the last packet */
    unsigned whole;     /* ticks since the last trouble, as far as it counts */
    int64_t margin_us;  /* beside the plan */
    int64_t capture_us; /* of the packet that was decoded last */
    BerthDelayPlan plan;
    BerthStretcher stretcher;
    BerthOpusDecoder *decoder;
    BerthSoundReceiverStats stats;
};

static int64_t
us_of(uint64_t ticks)
{
    /* In two steps: positions may be so large that one would overflow. */
    return (int64_t)(ticks / BERTH_SOUND_TICKS_PER_S) * 1000000 +
           (int64_t)(ticks % BERTH_SOUND_TICKS_PER_S) * 1000000 / BERTH_SOUND_TICKS_PER_S;
}

BerthSoundReceiver *
berth_sound_receiver_new(void)
{
    BerthSoundReceiver *self = g_new0(BerthSoundReceiver, 1);

    g_queue_init(&self->packets);
    self->decoder = berth_opus_decoder_new();
    berth_delay_plan_init(&self->plan);
    berth_stretcher_init(&self->stretcher);
    self->packet_ticks = BERTH_SOUND_PACKET_TICKS;
    return self;
}

void
berth_sound_receiver_free(BerthSoundReceiver *self)
{
    if (self != NULL) {
        g_queue_clear_full(&self->packets, g_free);
        berth_opus_decoder_free(self->decoder);
        g_free(self);
    }
}

/* The way is that of the stream before, the beginning is not. */
void
berth_sound_receiver_open(BerthSoundReceiver *self, unsigned packet_ticks)
{
    g_assert(packet_ticks > 0 && packet_ticks <= BERTH_SOUND_MAX_PACKET_TICKS);
    g_queue_clear_full(&self->packets, g_free);
    berth_opus_decoder_reset(self->decoder);
    berth_delay_plan_init(&self->plan);
    self->packet_ticks = packet_ticks;
    self->is_open = true;
    self->state = STATE_FILLING;
    self->whole = GLITCH_TICKS;
    self->end = 0;
    self->stats.n_streams++;
}

void
berth_sound_receiver_close(BerthSoundReceiver *self)
{
    self->is_open = false;
}

int
berth_sound_receiver_push(BerthSoundReceiver *self, uint64_t position, int64_t capture_us,
                          const uint8_t *data, size_t len, int64_t now_us)
{
    Packet *packet;

    if (!self->is_open) {
        return BERTH_ERR_STATE;
    }
    if (position < self->end) {
        return BERTH_ERR_PROTOCOL;
    }
    if (len > BERTH_LIMIT_SOUND_PACKET_BYTES) {
        return BERTH_ERR_TOO_LARGE;
    }
    packet = g_malloc(sizeof *packet + len);
    packet->position = position;
    packet->capture_us = capture_us;
    packet->len = len;
    memcpy(packet->data, data, len);
    g_queue_push_tail(&self->packets, packet);
    if (g_queue_get_length(&self->packets) > BERTH_SOUND_MAX_PACKETS) {
        g_free(g_queue_pop_head(&self->packets));
    }
    self->end = position + self->packet_ticks;
    self->stats.n_packets++;
    /* A packet can leave when its last tick is there. */
    berth_delay_plan_note(&self->plan, us_of(self->end), now_us);
    return BERTH_OK;
}

/* What is given out now is not what follows: the one place where glitches are counted. */
static void
note_trouble(BerthSoundReceiver *self)
{
    if (self->whole >= GLITCH_TICKS) {
        self->stats.n_glitches++;
    }
    self->whole = 0;
}

/* How long what is played next has waited, beyond the quickest way. */
static int64_t
get_lag_us(const BerthSoundReceiver *self, uint64_t position, int64_t now_us)
{
    return berth_delay_plan_get_lag_us(&self->plan, us_of(position + self->packet_ticks), now_us);
}

static int64_t
get_wait_us(const BerthSoundReceiver *self)
{
    return berth_delay_plan_get_wait_us(&self->plan) + self->margin_us;
}

/* Follows the plan by speed; error_us is how much too late it is. */
static void
adjust_speed(BerthSoundReceiver *self, int64_t error_us)
{
    int64_t away_us = ABS(error_us);
    int ppm = 0;

    if (away_us > START_ERROR_US || (self->stats.ppm != 0 && away_us > STOP_ERROR_US)) {
        error_us = CLAMP(error_us, -BERTH_SOUND_LIVE_US, BERTH_SOUND_LIVE_US);
        ppm = (int)(error_us * PPM_PER_MS / 1000);
    }
    self->stats.ppm = CLAMP(ppm, -BERTH_STRETCHER_MAX_PPM, BERTH_STRETCHER_MAX_PPM);
    berth_stretcher_set_speed(&self->stretcher, self->stats.ppm);
}

/* Drops what should have been heard long ago. */
static void
skip_to_live(BerthSoundReceiver *self, int64_t now_us)
{
    Packet *head = g_queue_peek_head(&self->packets);

    while (head != NULL && get_lag_us(self, head->position, now_us) > get_wait_us(self)) {
        g_free(g_queue_pop_head(&self->packets));
        head = g_queue_peek_head(&self->packets);
    }
    if (head != NULL) {
        self->next = head->position;
    }
    self->stats.n_skips++;
    note_trouble(self);
}

/* Looks how late it is, and does something about it. */
static void
follow_plan(BerthSoundReceiver *self, int64_t now_us)
{
    int64_t error_us = get_lag_us(self, self->next, now_us) - get_wait_us(self);

    if (error_us > BERTH_SOUND_LIVE_US && g_queue_get_length(&self->packets) > 1) {
        skip_to_live(self, now_us);
        error_us = 0;
    }
    adjust_speed(self, error_us);
    self->stats.lag_us = get_lag_us(self, self->next, now_us);
    self->stats.wait_us = get_wait_us(self);
}

static void
conceal(BerthSoundReceiver *self, int16_t *ret)
{
    if (self->concealed >= MAX_CONCEALED_TICKS) {
        memset(ret, 0, self->packet_ticks * BERTH_SOUND_CHANNELS * sizeof *ret);
        return;
    }
    berth_opus_decoder_conceal(self->decoder, self->packet_ticks, ret);
    self->concealed += self->packet_ticks;
}

/* Plays the first packet, whose time has come. */
static void
play_head(BerthSoundReceiver *self, int16_t *ret, int64_t now_us)
{
    g_autofree Packet *head = g_queue_pop_head(&self->packets);

    if (berth_opus_decoder_decode(self->decoder, head->data, head->len, self->packet_ticks, ret) <
        0) {
        self->stats.n_bad++;
        note_trouble(self);
    }
    self->next = head->position + self->packet_ticks;
    self->whole = MIN(self->whole + self->packet_ticks, GLITCH_TICKS);
    self->concealed = 0;
    self->capture_us = head->capture_us;
    if (__builtin_sub_overflow(now_us, head->capture_us, &self->stats.delay_us)) {
        self->stats.delay_us = 0;
    }
}

/* The sender dropped something before the first packet: a short hole is filled, a long one left. */
static void
pass_gap(BerthSoundReceiver *self, int16_t *ret)
{
    const Packet *head = g_queue_peek_head(&self->packets);

    if (self->concealed == 0) {
        self->stats.n_gaps++;
    }
    note_trouble(self);
    self->next += self->packet_ticks;
    if (self->concealed >= MAX_CONCEALED_TICKS || self->next > head->position) {
        self->next = head->position;
    }
    conceal(self, ret);
}

/* The first packet that waits, if it is its time. */
static const Packet *
find_due(BerthSoundReceiver *self, int64_t now_us)
{
    const Packet *head = g_queue_peek_head(&self->packets);

    if (head == NULL || self->state != STATE_FILLING || !self->is_open) {
        return head;
    }
    return get_lag_us(self, head->position, now_us) >= get_wait_us(self) ? head : NULL;
}

static void
begin_playing(BerthSoundReceiver *self, const Packet *head)
{
    if (self->state == STATE_FILLING) {
        self->next = head->position;
    }
    self->state = STATE_PLAYING;
}

/* Nothing is there that could be played now. */
static void
do_without(BerthSoundReceiver *self, int16_t *ret)
{
    if (!self->is_open && self->state != STATE_IDLE) {
        self->state = STATE_IDLE;
        self->stats.ppm = 0;
    }
    if (self->state == STATE_PLAYING) {
        self->state = STATE_DRY;
        self->stats.n_dry++;
    }
    if (self->state == STATE_DRY) {
        note_trouble(self);
        conceal(self, ret);
    } else {
        memset(ret, 0, self->packet_ticks * BERTH_SOUND_CHANNELS * sizeof *ret);
    }
}

/* Gives the stretcher the ticks of one packet more.  Returns true if they are of the stream. */
static bool
feed(BerthSoundReceiver *self, int64_t now_us)
{
    int16_t samples[BERTH_SOUND_MAX_PACKET_TICKS * BERTH_SOUND_CHANNELS];
    const Packet *head = find_due(self, now_us);
    bool is_sound = head != NULL;

    if (head == NULL) {
        do_without(self, samples);
    } else {
        begin_playing(self, head);
        follow_plan(self, now_us);
        head = g_queue_peek_head(&self->packets);
        if (head == NULL) {
            do_without(self, samples);
        } else if (head->position > self->next) {
            pass_gap(self, samples);
        } else {
            play_head(self, samples, now_us);
        }
    }
    berth_stretcher_give(&self->stretcher, samples, self->packet_ticks);
    return is_sound;
}

bool
berth_sound_receiver_pull(BerthSoundReceiver *self, int16_t *ret, unsigned n_ticks, int64_t now_us)
{
    bool is_sound = false;
    unsigned n = 0;

    self->margin_us = MARGIN_US + us_of(n_ticks);
    for (;;) {
        n += berth_stretcher_take(&self->stretcher, ret + n * BERTH_SOUND_CHANNELS, n_ticks - n);
        if (n == n_ticks) {
            return is_sound;
        }
        is_sound = feed(self, now_us + us_of(n)) || is_sound;
    }
}

void
berth_sound_receiver_get_stats(const BerthSoundReceiver *self, BerthSoundReceiverStats *ret)
{
    *ret = self->stats;
    ret->is_playing = self->state == STATE_PLAYING || self->state == STATE_DRY;
}
