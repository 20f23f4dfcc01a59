/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The clipboards between one client and an agent of the guest: who owns what, what is on its way,
 * what the policy lets pass.
 *
 * Either side says what it has (GRAB); content travels when somebody pastes.  Text and HTML are
 * UTF-8 and a picture is a PNG, or neither side gets it.  A program of the guest that takes over
 * what the client had copied (a clipboard manager) is found out by its content, and the client is
 * not told of it: so nothing goes round in circles.
 *
 * Of one content at a time is asked a guest for each selection: its refusals do not say of what.
 *
 * No I/O, no clock.  Thread: main.  Source: docs/PROTOCOL.md 12, docs/PROTOCOL-GUEST.md,
 * spice/vd_agent.h.
 */
#pragma once

#include "display/wire/vdagent-parser.h"

#include "berth/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthGuestClipboard BerthGuestClipboard;

/* All zero allows nothing. */
typedef struct {
    bool to_guest, from_guest;
    uint8_t types;    /* BERTH_CLIPBOARD_BIT() */
    uint32_t max_kib; /* of one content */
} BerthClipboardPolicy;

typedef struct {
    /* A message of the clipboard channel.  payload: borrowed */
    void (*to_client)(uint8_t type, const uint8_t *payload, size_t len, void *user_data);
    /* Whole messages for the guest's agent.  data: g_malloc(), taken */
    void (*to_guest)(uint8_t *data, size_t len, void *user_data);
    /* Whether the client takes more content now; berth_guest_clipboard_pump() when it does again.
     */
    bool (*has_room)(void *user_data);
    /* Something that the user should know.  text: borrowed */
    void (*notify)(const char *text, void *user_data);
} BerthGuestClipboardCallbacks;

/* callbacks: borrowed, must outlive it. */
BerthGuestClipboard *berth_guest_clipboard_new(const BerthGuestClipboardCallbacks *callbacks,
                                               void *user_data);

/* NULL is allowed. */
void berth_guest_clipboard_free(BerthGuestClipboard *self);

/* What holds from now on; what is not allowed any more is taken back. */
void berth_guest_clipboard_set_policy(BerthGuestClipboard *self,
                                      const BerthClipboardPolicy *policy);

/* The agent has begun (anew), with these capabilities; 0: it has gone. */
void berth_guest_clipboard_set_agent(BerthGuestClipboard *self, uint32_t caps);

/* Another agent is to take over: the present one owns nothing of the client's any more. */
void berth_guest_clipboard_leave_agent(BerthGuestClipboard *self);

/* Another client.  types: BERTH_CLIPBOARD_BIT() that it takes; 0: there is none. */
void berth_guest_clipboard_set_client(BerthGuestClipboard *self, uint8_t types);

/* A message of the client.  Errors: those of the decoders, for the connection. */
int berth_guest_clipboard_handle_client(BerthGuestClipboard *self, uint8_t type,
                                        const uint8_t *payload, size_t len, int64_t now_us);

/* A message of the agent about the clipboard. */
void berth_guest_clipboard_handle_guest(BerthGuestClipboard *self,
                                        const BerthVdagentMessage *message, int64_t now_us);

/* Gives the client what it has room for. */
void berth_guest_clipboard_pump(BerthGuestClipboard *self);

/* Gives up what has been waited for too long. */
void berth_guest_clipboard_tick(BerthGuestClipboard *self, int64_t now_us);
