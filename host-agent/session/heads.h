/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The heads of one desktop: a BerthScreen for each, by number.
 *
 * Head 0 exists from the beginning and for ever; it also carries what a desktop has once: lock
 * keys, pointer mode and the end.  Others come when a capture source makes them and go when it
 * removes them.  A source keeps references to the screens that it writes to.
 *
 * Thread: main.
 */
#pragma once

#include "host-agent/session/screen.h"

#include "berth/limits.h"
#include "display/wire/msg-control.h"

#include <glib.h>

typedef struct BerthHeads BerthHeads;

/* Called on the main thread when a head has something to take, or is gone. */
typedef void (*BerthHeadsFunc)(BerthHeads *heads, int head, void *user_data);

/* Makes the set with head 0.  context: where on_change runs; NULL is the default one. */
BerthHeads *berth_heads_new(GMainContext *context, BerthHeadsFunc on_change, void *user_data);

/* Calls on_change no more and gives the screens back.  NULL is allowed. */
void berth_heads_free(BerthHeads *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthHeads, berth_heads_free)

/* The screen of a head, any number; NULL if there is none.  Borrowed. */
BerthScreen *berth_heads_get(const BerthHeads *self, int head);

/* The screen of a head, made if there is none; NULL if head is no number of a head.  Borrowed. */
BerthScreen *berth_heads_ensure(BerthHeads *self, int head);

/* Lists the heads that have a mode, for a WELCOME.  Returns how many. */
uint16_t berth_heads_list(const BerthHeads *self, BerthWireHead ret[BERTH_LIMIT_HEADS]);

/* A head other than 0 is gone; on_change is called for it at once. */
void berth_heads_remove(BerthHeads *self, int head);

/*
 * Input is about to be given to the guest: changes of all heads are marked with a new stamp from
 * here on.  Before the guest gets it, because its answer may be in the picture before the call
 * returns.  Returns the stamp.
 */
uint32_t berth_heads_begin_input(BerthHeads *self);

/* The guest did not get it: the stamp is the one before again. */
void berth_heads_take_back_input(BerthHeads *self);
