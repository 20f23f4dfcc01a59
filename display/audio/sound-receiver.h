/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The receiving end of a stream of sound: packets in as they come, sound out as it is needed.
 *
 * What is given out never ends: silence where there is nothing.  How long packets wait is decided
 * by delay-plan.h; what comes out is played up to 0.5 % faster or slower until it is as late as
 * that; when it is more than BERTH_SOUND_LIVE_US later, what is between is dropped.  A packet that
 * is missing in time is made up for a moment, and what comes after it is played when it comes.
 *
 * No clock: now_us is the receiver's.  Holds at most BERTH_SOUND_MAX_PACKETS packets.
 * Thread: any, one at a time.
 */
#pragma once

#include "display/audio/sound.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthSoundReceiver BerthSoundReceiver;

/* Later than planned by so much is too late to be caught up with by playing faster. */
#define BERTH_SOUND_LIVE_US (200 * 1000)
/* Two seconds of packets of 10 ms; a sender drops earlier. */
#define BERTH_SOUND_MAX_PACKETS 200

/* Troubles that are nearer to each other are one glitch: an ear does not count them. */
#define BERTH_SOUND_GLITCH_US (100 * 1000)

typedef struct {
    uint64_t n_packets;  /* that came */
    uint64_t n_glitches; /* times that it was heard that something is missing */
    /* Why; one glitch may have several reasons, and what is not heard is none. */
    uint64_t n_bad;     /* packets that Opus did not take */
    uint64_t n_dry;     /* times that nothing was there to be played */
    uint64_t n_gaps;    /* times that the sender had dropped something */
    uint64_t n_skips;   /* times that we dropped something to be on time */
    uint64_t n_streams; /* that began */
    int64_t wait_us;    /* how long the quickest packet is to wait */
    int64_t lag_us;     /* how long it does */
    int64_t delay_us;   /* capture_us to being given out; of one and the same clock only */
    int ppm;            /* faster than the sender */
    bool is_playing;
} BerthSoundReceiverStats;

BerthSoundReceiver *berth_sound_receiver_new(void);

/* NULL is allowed. */
void berth_sound_receiver_free(BerthSoundReceiver *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthSoundReceiver, berth_sound_receiver_free)

/*
 * Another stream begins; what waits of the last one is dropped.
 *
 * packet_ticks: of each packet, at most BERTH_SOUND_MAX_PACKET_TICKS
 */
void berth_sound_receiver_open(BerthSoundReceiver *self, unsigned packet_ticks);

/* The stream has ended; what waits is still played. */
void berth_sound_receiver_close(BerthSoundReceiver *self);

/*
 * Takes a packet.
 *
 * position: below 2^60; data: copied
 *
 * Errors: BERTH_ERR_STATE outside of a stream, BERTH_ERR_PROTOCOL if positions do not rise,
 *         BERTH_ERR_TOO_LARGE for a packet over BERTH_LIMIT_SOUND_PACKET_BYTES.
 */
int berth_sound_receiver_push(BerthSoundReceiver *self, uint64_t position, int64_t capture_us,
                              const uint8_t *data, size_t len, int64_t now_us);

/*
 * Gives out n_ticks, of which the first is heard now.
 *
 * ret: n_ticks * BERTH_SOUND_CHANNELS samples
 *
 * Returns true if some of it is sound of a stream.
 */
bool berth_sound_receiver_pull(BerthSoundReceiver *self, int16_t *ret, unsigned n_ticks,
                               int64_t now_us);

void berth_sound_receiver_get_stats(const BerthSoundReceiver *self, BerthSoundReceiverStats *ret);
