/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files on their way from our agent in the guest to the client, whose user decides on each.
 *
 *   (agent) OFFER -> FILE_GIVE -> (user) FILE_TAKE -> (agent) DATA, ACK ... -> FILE_TAKE done
 *
 * Every transfer ends at both sides, each told once, whatever client, agent and policy do.  Nothing
 * is stored here: data goes into the line to the client, which the window bounds; a guest that
 * sends more than was acknowledged, or than it offered, ends its transfer.
 *
 * No I/O, no clock.  Thread: main.  Source: docs/PROTOCOL.md 13, docs/PROTOCOL-GUEST.md.
 */
#pragma once

#include "host-agent/session/guest-typing.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthGuestOutbox BerthGuestOutbox;

/* A message of the files channel.  payload: borrowed */
typedef void (*BerthOutboxSendFunc)(uint8_t type, const uint8_t *payload, size_t len,
                                    void *user_data);

/* Nothing is allowed, nobody is there. */
BerthGuestOutbox *berth_guest_outbox_new(BerthOutboxSendFunc to_client, BerthGuestSendFunc to_guest,
                                         void *user_data);

/* NULL is allowed. */
void berth_guest_outbox_free(BerthGuestOutbox *self);

/* What holds from now on; a transfer that is not allowed any more ends.  max_mib: of one file */
void berth_guest_outbox_set_policy(BerthGuestOutbox *self, bool is_allowed, uint32_t max_mib);

/* The agent has begun (anew), with these capabilities; 0: it has gone. */
void berth_guest_outbox_set_agent(BerthGuestOutbox *self, uint32_t caps);

/* Another client; whether it takes files.  Transfers to the one before end. */
void berth_guest_outbox_set_client(BerthGuestOutbox *self, bool takes_files);

/* A message of the agent about files; what makes no sense is dropped. */
void berth_guest_outbox_handle_guest(BerthGuestOutbox *self, uint32_t type, const uint8_t *body,
                                     size_t len, int64_t now_us);

/* FILE_TAKE or FILE_TAKE_ACK.  Errors: BERTH_ERR_PROTOCOL and those of the decoders. */
int berth_guest_outbox_handle_client(BerthGuestOutbox *self, uint8_t type, const uint8_t *payload,
                                     size_t len, int64_t now_us);

/* Gives up what has been waited for too long. */
void berth_guest_outbox_tick(BerthGuestOutbox *self, int64_t now_us);
