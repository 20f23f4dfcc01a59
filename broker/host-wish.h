/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one link was told to run, and how much of it the agent has taken in.
 *
 * A generation counts up whenever the content changes.  Of the content only a hash is kept, and the
 * ids of the machines that were to live: a machine that an inventory leaves out is gone for good
 * only if the agent was not about to make it.  State: 100 bytes and 70 a machine.  Pure.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthHostWish BerthHostWish;

/* New; generations are higher than `first`. */
BerthHostWish *berth_host_wish_new(int64_t first);

/* NULL is allowed. */
void berth_host_wish_free(BerthHostWish *self);

/*
 * The desired state as it is now.
 *
 * Returns the message to send, to be freed with g_free(), or NULL if that is what was sent last.
 */
char *berth_host_wish_offer(BerthHostWish *self, const json_t *desired);

/* The message that was sent last is to be sent again: the agent polled with another generation. */
void berth_host_wish_forget(BerthHostWish *self);

/* The agent has taken in this generation. */
void berth_host_wish_ack(BerthHostWish *self, int64_t generation);

/* Of what was sent last; `first` before. */
int64_t berth_host_wish_get_generation(const BerthHostWish *self);

/* Whether something was sent that the agent has not taken in. */
bool berth_host_wish_is_open(const BerthHostWish *self);

/*
 * Set of the ids of machines that the agent has, or may be about to make: by what it has taken in
 * and by what is on its way.  A reference; immutable.
 */
GHashTable *berth_host_wish_ref_living(const BerthHostWish *self);
