/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Thins out the resize requests of a client that drags its window: the first goes to the guest at
 * once, later ones at most every 150 ms, and the last one always.
 *
 * A value; pure.  Thread: any.
 */
#pragma once

#include "display/wire/msg-display.h"

#include <stdbool.h>
#include <stdint.h>

/* Microseconds between two mode changes of a guest; each costs it a full redraw. */
#define BERTH_RESIZE_INTERVAL_US 150000

typedef struct {
    int w_px, h_px, w_mm, h_mm;
} BerthResize;

typedef struct {
    BerthResize wanted;
    BerthResize given;
    bool is_pending;
    int64_t last_us;
} BerthResizeGate;

/* Nothing was asked. */
void berth_resize_gate_init(BerthResizeGate *self);

/* Notes a request; the one that is asked already is forgotten. */
void berth_resize_gate_ask(BerthResizeGate *self, const BerthResize *resize);

/* Who hears the requests, or who makes them, is new: what was asked may be asked once more. */
void berth_resize_gate_forget(BerthResizeGate *self);

/* When berth_resize_gate_take() has something; INT64_MAX for never.  May lie in the past. */
int64_t berth_resize_gate_get_due_us(const BerthResizeGate *self);

/* Takes the request that is due; false if none is. */
bool berth_resize_gate_take(BerthResizeGate *self, int64_t now_us, BerthResize *ret);

/* Whether a client may ask for that size: within the limits, or none of a head other than 0. */
bool berth_resize_is_sane(const BerthMsgHeadRequest *request);
