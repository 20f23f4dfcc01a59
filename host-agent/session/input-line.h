/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The input of one viewer in its order: texts that are typed by our agent in the guest or by keys,
 * and what comes behind them.
 *
 * Keys and clicks reach a guest by another way than its agent, so they wait while it types, and
 * what comes behind them; the pointer moves on until then.  At most BERTH_LIMIT_INPUT_WAITING
 * messages wait, the rest goes on at once.
 *
 * Thread: main.
 */
#pragma once

#include "host-agent/session/guest-typing.h"
#include "host-agent/session/input-sink.h"

#include <glib.h>
#include <stdint.h>

typedef struct BerthInputLine BerthInputLine;

/* A character that cannot be typed was left out. */
typedef void (*BerthInputUntypedFunc)(gunichar c, void *user_data);

/* sink: borrowed; typing: borrowed, NULL: keys type all texts.  Both have to outlive it. */
BerthInputLine *berth_input_line_new(BerthInputSink *sink, BerthGuestTyping *typing,
                                     BerthInputUntypedFunc untyped, void *user_data);

/* Forgets what waits.  NULL is allowed. */
void berth_input_line_free(BerthInputLine *self);

/*
 * Gives one input message to the guest, or keeps it until it is its turn.
 *
 * type: BERTH_MSG_KEY .. BERTH_MSG_TOUCH, decoded
 *
 * Errors: as berth_input_sink_admit(), berth_input_sink_handle() and berth_typist_push(); none if
 * it waits.
 */
int berth_input_line_give(BerthInputLine *self, uint8_t type, const BerthMsgInput *input,
                          int64_t now_us);

/* The agent may have typed: what waited goes on. */
void berth_input_line_go_on(BerthInputLine *self, int64_t now_us);

/* Forgets what waits: nobody wants it any more. */
void berth_input_line_forget(BerthInputLine *self);
