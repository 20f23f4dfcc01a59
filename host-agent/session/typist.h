/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Types a text into a guest by key events, at a pace that a guest's keyboard takes.
 *
 * Only what a US keyboard has can be typed so, and it is what comes out only if the guest's layout
 * has those characters where a US keyboard has them.  What cannot be typed is told at once.
 *
 * Thread: main.
 */
#pragma once

#include "host-agent/session/input-sink.h"

#include <stddef.h>

typedef struct BerthTypist BerthTypist;

/* sink: borrowed, has to outlive it. */
BerthTypist *berth_typist_new(BerthInputSink *sink);

/* Forgets what was not typed yet.  NULL is allowed. */
void berth_typist_free(BerthTypist *self);

/*
 * Takes a text to type behind what waits.
 *
 * text:      valid UTF-8
 * ret_first: the first character that cannot be typed, 0 if all can
 *
 * Errors: BERTH_ERR_THROTTLED if too much waits: nothing of the text is typed.
 */
int berth_typist_push(BerthTypist *self, const char *text, gunichar *ret_first);

/* Types all that waits, at once: something else shall come after it. */
void berth_typist_flush(BerthTypist *self);

/* Forgets what was not typed yet. */
void berth_typist_forget(BerthTypist *self);

/* Characters that wait. */
size_t berth_typist_get_n_waiting(const BerthTypist *self);
