/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When the next frame of one client is due: at once after a pause, every 16 ms in a flow.
 *
 * Typing must echo without delay, so the first change after a pause waits for nothing.  In
 * continuous change a frame leaves one interval after the one before, with all that changed in
 * between.  Whether the client's window has room is the flow engine's word (display/wire/flow.h).
 *
 * A value; pure.  Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Microseconds between two frames in a flow: 60 a second. */
#define BERTH_FRAME_INTERVAL_US 16000

typedef struct {
    int64_t last_frame_us;
    bool is_pending; /* something changed since the last frame */
} BerthFramePacer;

/* A client that has seen nothing; the first change is due at once. */
void berth_frame_pacer_init(BerthFramePacer *self);

/* Something changed. */
void berth_frame_pacer_note_change(BerthFramePacer *self);

/* A frame with all changes was given to the wire. */
void berth_frame_pacer_note_sent(BerthFramePacer *self, int64_t now_us);

/* When the next frame is due; INT64_MAX if nothing changed.  May lie in the past. */
int64_t berth_frame_pacer_get_due_us(const BerthFramePacer *self);
