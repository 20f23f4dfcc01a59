/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells one viewer about the guest's pointer: the newest state only, never a queue of old ones.
 *
 * Guests show the pointer on one head at a time; the head that showed it last is the one that
 * counts, until it hides it.
 *
 * Thread: main.
 */
#pragma once

#include "host-agent/session/heads.h"

#include "display/encode/emit.h"

#include <stddef.h>

typedef struct BerthPointerFeed BerthPointerFeed;

/* n_shapes: that the client remembers, at least 1.  heads: borrowed.  NULL without memory. */
BerthPointerFeed *berth_pointer_feed_new(BerthHeads *heads, size_t n_shapes);

/* NULL is allowed. */
void berth_pointer_feed_free(BerthPointerFeed *self);

/* Notes BERTH_SCREEN_CURSOR and _POINTER among the changes of a head; others are ignored. */
void berth_pointer_feed_note(BerthPointerFeed *self, int head, unsigned changes);

/* Emits what was noted since the last time.  Errors: those of berth_cursor_encoder_show(). */
int berth_pointer_feed_flush(BerthPointerFeed *self, BerthMessageFunc emit, void *user_data);
