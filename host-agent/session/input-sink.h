/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gate between one client's input and the guest: rights, rate, places, and what is held down.
 *
 * Whatever a client does or how it ends, berth_input_sink_release_all() leaves no key and no
 * button down in the guest.  No clock, no I/O of its own: it calls the capture source.
 *
 * Thread: main.
 */
#pragma once

#include "host-agent/session/capture.h"

#include "display/wire/msg-input.h"

#include <stdint.h>

typedef struct BerthInputSink BerthInputSink;

/* Counters since the beginning. */
typedef struct {
    uint64_t n_given;
    uint64_t n_refused; /* no right, over the rate, or the guest did not keep up */
} BerthInputStats;

/* rights: BERTH_RIGHT_* of the client. */
BerthInputSink *berth_input_sink_new(uint32_t rights);

/* Other rights from now on; what is held down stays so: release it first. */
void berth_input_sink_set_rights(BerthInputSink *self, uint32_t rights);

/* Frees it; does not release keys.  NULL is allowed. */
void berth_input_sink_free(BerthInputSink *self);

/* Where input goes from now on; NULL is nowhere.  Nothing counts as held down at a new source. */
void berth_input_sink_set_capture(BerthInputSink *self, BerthCapture *capture);

/*
 * Size of a head in pixels; 0, 0 before the first mode and when it is gone: positions on it are
 * refused then.  head: 0..BERTH_LIMIT_HEADS - 1.
 */
void berth_input_sink_set_mode(BerthInputSink *self, int head, int w_px, int h_px);

/* Which kind of pointer motion the guest takes; the other kind is refused. */
void berth_input_sink_set_absolute(BerthInputSink *self, bool is_absolute);

/*
 * Which lock keys are on in the guest, BERTH_LED_*.  LOCKS of the client is compared with it; a
 * guest that never tells is taken at what was pressed.
 */
void berth_input_sink_set_leds(BerthInputSink *self, uint8_t leds);

/*
 * Counts one input message of the client, of any type, when it comes.
 *
 * Errors: BERTH_ERR_THROTTLED over BERTH_LIMIT_INPUT_PER_SECOND: drop it.  Releases still pass.
 */
int berth_input_sink_admit(BerthInputSink *self, uint8_t type, const BerthMsgInput *input,
                           int64_t now_us);

/*
 * Gives one input message to the guest.
 *
 * type: BERTH_MSG_KEY .. BERTH_MSG_RELEASE_ALL, BERTH_MSG_LOCKS or BERTH_MSG_TOUCH, decoded
 *
 * LOCKS presses the lock keys that differ.  The first finger of TOUCH is the pointer and its left
 * button; others are ignored.
 *
 * Positions outside of the head are moved to its edge.  A second press of a key that is held goes
 * through (the guest sees a repeat), a release of one that is not held is dropped.
 *
 * Errors: BERTH_ERR_FORBIDDEN, BERTH_ERR_STATE (no source or mode, other pointer kind, not held),
 * BERTH_ERR_INVALID (no such head), and those of the source.  None of them harms the connection.
 */
int berth_input_sink_handle(BerthInputSink *self, uint8_t type, const BerthMsgInput *input);

/* Gives a key that no message brought, within the client's rights; errors as above. */
int berth_input_sink_type(BerthInputSink *self, uint16_t evdev, bool is_down);

/* A text is given to the guest by another way; frames from now on answer it. */
void berth_input_sink_note_text(BerthInputSink *self, uint32_t serial);

/*
 * Lifts Shift, Ctrl and AltGr where the user holds them, for a text that comes now; the user's own
 * release of one is taken for good then.
 */
void berth_input_sink_lift_modifiers(BerthInputSink *self);

/* Presses again what was lifted and is still held by the user: keys and buttons follow. */
void berth_input_sink_lower_modifiers(BerthInputSink *self);

/* Releases every key and button that is held, Alt and Super last. */
void berth_input_sink_release_all(BerthInputSink *self);

/* Serial of the last message that reached the guest; 0 before. */
uint32_t berth_input_sink_get_serial(const BerthInputSink *self);

void berth_input_sink_get_stats(const BerthInputSink *self, BerthInputStats *ret);
