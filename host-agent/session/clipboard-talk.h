/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is said about clipboards to a client and to an agent of the guest: values to messages.
 *
 * Says nothing to who is not there.  No I/O, no clock.  Thread: main.
 */
#pragma once

#include "host-agent/session/guest-clipboard.h"

#include "display/wire/msg-clipboard.h"
#include "display/wire/vdagent-message.h"

#include <stdint.h>

typedef struct {
    const BerthGuestClipboardCallbacks *callbacks; /* borrowed */
    void *user_data;
    uint32_t caps; /* of the agent; 0: it is not there */
    uint8_t takes; /* types that the client takes; 0: there is none */
} BerthClipboardTalk;

/* To the client. */
void berth_clipboard_talk_state(const BerthClipboardTalk *talk,
                                const BerthMsgClipboardState *state);
void berth_clipboard_talk_offer(const BerthClipboardTalk *talk, const BerthMsgClipboardGrab *grab);
void berth_clipboard_talk_request(const BerthClipboardTalk *talk,
                                  const BerthMsgClipboardRequest *request);
void berth_clipboard_talk_data(const BerthClipboardTalk *talk, const BerthMsgClipboardData *data);
void berth_clipboard_talk_gone(const BerthClipboardTalk *talk,
                               const BerthMsgClipboardRelease *release);

/* To the guest. */
void berth_clipboard_talk_grab(const BerthClipboardTalk *talk, const BerthVdagentGrab *grab);
void berth_clipboard_talk_ask(const BerthClipboardTalk *talk, const BerthVdagentClip *clip);
void berth_clipboard_talk_give(const BerthClipboardTalk *talk, const BerthVdagentClip *clip);
void berth_clipboard_talk_release(const BerthClipboardTalk *talk, uint8_t selection);
