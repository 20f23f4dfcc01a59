/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Decides when the answer of a flush may leave, so that a guest paints no faster than somebody
 * sees.
 *
 * Flushes that do not touch each other are parts of one frame and make one generation; a flush over
 * pixels of the present generation begins the next one.  Each time the viewer can take a picture,
 * the answers of one more generation are free.  Without that, one is free each
 * BERTH_LIMIT_GPU_HOLD_US, and each BERTH_LIMIT_GPU_HOLD_UNSEEN_US when no picture was wanted for a
 * second: a guest never hangs, and one that paints slowly is never held.
 *
 * A guest has as many flushes under way as its queue has room for; it waits only when that is full.
 * One with a fence is waited for, so that it is free after the bound whatever is before it.
 *
 * A value; pure.
 */
#pragma once

#include "display/pixels/rect.h"

#include <stdbool.h>
#include <stdint.h>

#define BERTH_FLUSH_GATE_RECTS 16

typedef struct {
    unsigned scanout;
    BerthRect rect;
} BerthFlushPart;

typedef struct {
    uint64_t current; /* generation that the next flush belongs to if it touches no other */
    uint64_t n_free;  /* generations up to this one are free */
    bool is_wanted;   /* the next generation is free at once */
    int64_t freed_us; /* when n_free grew last */
    int64_t wanted_us;
    unsigned n_parts;
    BerthFlushPart parts[BERTH_FLUSH_GATE_RECTS];
} BerthFlushGate;

/* The first generation is free. */
void berth_flush_gate_init(BerthFlushGate *self, int64_t now_us);

/* A flush has come.  Returns its generation. */
uint64_t berth_flush_gate_add(BerthFlushGate *self, unsigned scanout, BerthRect rect,
                              int64_t now_us);

/* The viewer can take a picture. */
void berth_flush_gate_want(BerthFlushGate *self, int64_t now_us);

/* Frees what is due. */
void berth_flush_gate_tick(BerthFlushGate *self, int64_t now_us);

/* Whether flushes of a generation may be answered. */
bool berth_flush_gate_is_free(const BerthFlushGate *self, uint64_t generation);

/* How long a flush with a fence may wait, from now on. */
int64_t berth_flush_gate_get_hold_us(const BerthFlushGate *self, int64_t now_us);

/* When tick() will free something; INT64_MAX if nothing waits. */
int64_t berth_flush_gate_get_due_us(const BerthFlushGate *self, int64_t now_us);
