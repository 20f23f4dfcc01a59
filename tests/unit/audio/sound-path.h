/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A way of sound from a desktop to an ear, in a time of its own: pieces as QEMU gives them, a
 * packer, a network that stalls (nothing is lost and nothing overtakes, as with TCP), a receiver,
 * a sound card.  For tests and benchmarks.
 */
#pragma once

#include "display/audio/sound-packer.h"
#include "display/audio/sound-receiver.h"

#include "berth/limits.h"

#include <glib.h>
#include <math.h>
#include <string.h>

typedef struct {
    int seconds;
    unsigned piece_ticks; /* of what the desktop gives at once */
    int card_ppm;         /* the card runs faster than the desktop */
    unsigned pull_ticks;  /* of what the card takes at once */
    int jitter_us;        /* of each piece */
    int stall_ms;         /* how long nothing comes */
    int stall_percent;    /* of time, at random places */
    int break_at_s;       /* one stall of break_ms then; 0: none */
    int break_ms;
    int source_stops_ms; /* instead of the network the desktop stands still at break_at_s */
    unsigned seed;
} SoundPathPlan;

typedef struct {
    BerthSoundReceiverStats stats;
    int64_t median_us, p95_us, last_us; /* capture to card */
    double tone;                        /* loudness of what was heard */
} SoundPathResult;

typedef struct {
    int64_t arrival_us;
    BerthSoundEvent event;
    uint8_t data[BERTH_LIMIT_SOUND_PACKET_BYTES];
} SoundPathPacket;

typedef struct {
    const SoundPathPlan *plan;
    GRand *random;
    GQueue packets;
    int64_t now_us, last_arrival_us, stall_until_us;
    int64_t next_stall_us;
} SoundPathNetwork;

static int64_t
sound_path_arrival(SoundPathNetwork *network)
{
    const SoundPathPlan *plan = network->plan;
    int64_t at_us = network->now_us + 1000;

    if (plan->jitter_us > 0) {
        at_us += g_rand_int_range(network->random, 0, plan->jitter_us);
    }
    if (plan->stall_percent > 0 && network->now_us >= network->next_stall_us) {
        int64_t every_us = (int64_t)plan->stall_ms * 1000 * 100 / plan->stall_percent;

        network->stall_until_us = network->now_us + (int64_t)plan->stall_ms * 1000;
        network->next_stall_us =
            network->now_us + every_us / 2 + g_rand_int_range(network->random, 0, (int)every_us);
    }
    if (plan->break_at_s > 0 && network->now_us >= plan->break_at_s * G_USEC_PER_SEC &&
        network->now_us < plan->break_at_s * G_USEC_PER_SEC + plan->break_ms * 1000LL) {
        at_us = plan->break_at_s * G_USEC_PER_SEC + plan->break_ms * 1000LL;
    }
    at_us = MAX(at_us, network->stall_until_us);
    network->last_arrival_us = MAX(network->last_arrival_us, at_us);
    return network->last_arrival_us;
}

static void
sound_path_emit(const BerthSoundEvent *event, void *user_data)
{
    SoundPathNetwork *network = user_data;
    SoundPathPacket *packet = g_new0(SoundPathPacket, 1);

    packet->event = *event;
    if (event->len > 0) {
        memcpy(packet->data, event->data, event->len);
    }
    packet->arrival_us = sound_path_arrival(network);
    g_queue_push_tail(&network->packets, packet);
}

/* One piece of a tone. */
static void
sound_path_write(BerthSoundPacker *packer, unsigned n_ticks, uint64_t from, int64_t now_us)
{
    g_autofree int16_t *samples = g_new(int16_t, n_ticks * 2);

    for (unsigned i = 0; i < n_ticks; i++) {
        samples[2 * i] = (int16_t)lrint(
            9000 * sin(2 * G_PI * 440 * (double)((from + i) % 48000) / BERTH_SOUND_TICKS_PER_S));
        samples[2 * i + 1] = samples[2 * i];
    }
    berth_sound_packer_write(packer, samples, n_ticks, now_us);
}

static void
sound_path_deliver(SoundPathNetwork *network, BerthSoundReceiver *receiver, int64_t now_us)
{
    SoundPathPacket *packet;

    while ((packet = g_queue_peek_head(&network->packets)) != NULL &&
           packet->arrival_us <= now_us) {
        const BerthSoundEvent *event = &packet->event;

        if (event->kind == BERTH_SOUND_BEGINS) {
            berth_sound_receiver_open(receiver, BERTH_SOUND_PACKET_TICKS);
        } else if (event->kind == BERTH_SOUND_ENDS) {
            berth_sound_receiver_close(receiver);
        } else {
            (void)berth_sound_receiver_push(receiver, event->position, event->capture_us,
                                            packet->data, event->len, packet->arrival_us);
        }
        g_free(g_queue_pop_head(&network->packets));
    }
}

static int
sound_path_compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static void
sound_path_sum_up(SoundPathResult *ret, GArray *delays)
{
    if (delays->len > 0) {
        ret->last_us = g_array_index(delays, int64_t, delays->len - 1);
        g_array_sort(delays, sound_path_compare);
        ret->median_us = g_array_index(delays, int64_t, delays->len / 2);
        ret->p95_us = g_array_index(delays, int64_t, (guint)(delays->len * 95 / 100));
    }
}

/* When the desktop gives piece number i. */
static int64_t
sound_path_piece_us(const SoundPathPlan *plan, int64_t i)
{
    int64_t at_us = (i + 1) * plan->piece_ticks * 1000 / BERTH_SOUND_TICKS_PER_MS;

    return plan->source_stops_ms > 0 && at_us > plan->break_at_s * G_USEC_PER_SEC
               ? at_us + plan->source_stops_ms * 1000LL
               : at_us;
}

static SoundPathResult
sound_path_run(const SoundPathPlan *plan)
{
    SoundPathNetwork network = { .plan = plan, .random = g_rand_new_with_seed(plan->seed) };
    g_autoptr(BerthSoundPacker) packer = berth_sound_packer_new(96, sound_path_emit, &network);
    g_autoptr(BerthSoundReceiver) receiver = berth_sound_receiver_new();
    g_autoptr(GArray) delays = g_array_new(FALSE, FALSE, sizeof(int64_t));
    g_autofree int16_t *out = g_new(int16_t, plan->pull_ticks * 2);
    double pull_us =
        plan->pull_ticks * 1e6 / (BERTH_SOUND_TICKS_PER_S * (1 + plan->card_ppm / 1e6));
    SoundPathResult result = { .tone = 0 };
    int64_t piece = 0;

    network.next_stall_us = 5 * G_USEC_PER_SEC;
    for (int64_t i = 0; i * pull_us < plan->seconds * 1e6; i++) {
        int64_t now_us = (int64_t)(i * pull_us);

        for (; sound_path_piece_us(plan, piece) <= now_us; piece++) {
            network.now_us = sound_path_piece_us(plan, piece);
            sound_path_write(packer, plan->piece_ticks, (uint64_t)piece * plan->piece_ticks,
                             network.now_us);
        }
        sound_path_deliver(&network, receiver, now_us);
        if (berth_sound_receiver_pull(receiver, out, plan->pull_ticks, now_us)) {
            berth_sound_receiver_get_stats(receiver, &result.stats);
            g_array_append_val(delays, result.stats.delay_us);
            result.tone = MAX(result.tone, berth_sound_peak(out, plan->pull_ticks));
        }
    }
    berth_sound_receiver_get_stats(receiver, &result.stats);
    sound_path_sum_up(&result, delays);
    g_queue_clear_full(&network.packets, g_free);
    g_rand_free(network.random);
    return result;
}
