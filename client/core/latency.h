/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Time from an input message to the first changed picture that can have been caused by it.
 *
 * A frame tells the serial of the last input that the guest had before the capture; the first one
 * that covers a press and changes pixels answers it.  Presses that change nothing within two
 * seconds are forgotten.  Engine: no clock.  A value without allocation; initialise with zeros.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BERTH_LATENCY_MAX_PENDING 64
#define BERTH_LATENCY_MAX_SAMPLES 1024

typedef struct {
    struct {
        uint32_t serial;
        int64_t sent_us;
    } pending[BERTH_LATENCY_MAX_PENDING];

    size_t n_pending;
    int64_t samples_us[BERTH_LATENCY_MAX_SAMPLES]; /* ring */
    uint64_t n_samples;                            /* ever */
    int64_t last_us;                               /* of the last sample; -1 before */
    uint32_t answered_serial; /* the newest press that the last frame answered; 0: none */
    int64_t answered_sent_us;
} BerthLatency;

typedef struct {
    uint64_t n_samples;
    int64_t min_us, p50_us, p95_us, max_us; /* of the last BERTH_LATENCY_MAX_SAMPLES; -1 if none */
} BerthLatencySummary;

/* Notes a press that was sent. */
void berth_latency_sent(BerthLatency *self, uint32_t serial, int64_t now_us);

/*
 * Notes a frame.
 *
 * input_serial: as the frame told;  is_changed: some pixel differs from the frame before
 */
void berth_latency_frame(BerthLatency *self, uint32_t input_serial, bool is_changed,
                         int64_t now_us);

/* Forgets what waits for an answer: the connection was lost. */
void berth_latency_forget(BerthLatency *self);

/* Computes the distribution of what was measured so far. */
void berth_latency_summarize(const BerthLatency *self, BerthLatencySummary *ret_summary);
