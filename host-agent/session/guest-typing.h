/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Texts that our agent in the guest types, and the keyboard layout that it sets.
 *
 * An agent says when a text has been typed; until then what the user does next has to wait
 * (input-line.h).  One that does not say so in time types no more texts: keys do again.
 *
 * No I/O, no clock.  Thread: main.  Source: docs/PROTOCOL-GUEST.md.
 */
#pragma once

#include "display/wire/msg-input.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthGuestTyping BerthGuestTyping;

/* A message for our agent; type: BerthGuestMessage; body: borrowed. */
typedef void (*BerthGuestSendFunc)(uint32_t type, const uint8_t *body, size_t len, void *user_data);

/* Without an agent. */
BerthGuestTyping *berth_guest_typing_new(BerthGuestSendFunc send, void *user_data);

/* NULL is allowed. */
void berth_guest_typing_free(BerthGuestTyping *self);

/* The agent has begun (anew), with these capabilities; 0: it has gone.  It hears the layout. */
void berth_guest_typing_set_agent(BerthGuestTyping *self, uint32_t caps);

/* The layout of the user's keyboard; an agent that comes later hears it, too. */
void berth_guest_typing_set_layout(BerthGuestTyping *self, const BerthKeyLayout *layout);

/* Whether there is an agent that types. */
bool berth_guest_typing_can_type(const BerthGuestTyping *self);

/* Whether a text is being typed. */
bool berth_guest_typing_is_busy(const BerthGuestTyping *self);

/* Has a text typed; only if it can.  text: as in BerthMsgInput */
void berth_guest_typing_type(BerthGuestTyping *self, const char *text, int64_t now_us);

/* The agent has typed a text; any number.  Returns whether nothing is being typed any more. */
bool berth_guest_typing_note_typed(BerthGuestTyping *self, uint32_t serial);

/* Gives up an agent that does not answer; returns whether it did. */
bool berth_guest_typing_tick(BerthGuestTyping *self, int64_t now_us);
