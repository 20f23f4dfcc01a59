/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Client of the QEMU guest agent of one machine: commands, one after the other, and their answers.
 *
 * It connects when there is something to ask and hangs up when there has been nothing for a while,
 * because QEMU serves one client at a time.  Each connection begins with guest-sync-delimited and a
 * random number, asked again every half second until it is answered: a guest that boots opens its
 * port late.  So a call waits for its agent, up to its own deadline; "guest-ping" with a long one
 * is how to learn that a guest lives.
 *
 * The other end is the guest, so everything that it says is hostile: lines and answers that nobody
 * asked for are bounded, an answer counts for the one command that is open, and after a deadline
 * that passed nothing counts before a new synchronisation.  Thread: main.
 */
#pragma once

#include "base/poller.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthGuestAgent BerthGuestAgent;

/*
 * The end of a call.
 *
 * code:    BERTH_OK; BERTH_ERR_INVALID if the agent refused; BERTH_ERR_TIMEOUT; BERTH_ERR_CLOSED if
 *          the connection ended; BERTH_ERR_PROTOCOL or BERTH_ERR_TOO_LARGE for what is no answer;
 *          BERTH_ERR_BUSY if too many calls wait
 * result:  the value of "return", borrowed; NULL unless BERTH_OK
 * text:    a sentence on error, else NULL; the guest may have written it: printable, bounded
 */
typedef void (*BerthGuestReply)(int code, const json_t *result, const char *text, void *user_data);

/* Makes a client of the UNIX socket of the agent's port, which may be missing for now. */
BerthGuestAgent *berth_guest_agent_new(BerthPoller *poller, const char *socket_path);

/* One more owner, and one less; the last one drops open calls unanswered.  NULL: unref only. */
BerthGuestAgent *berth_guest_agent_ref(BerthGuestAgent *self);
void berth_guest_agent_unref(BerthGuestAgent *self);

/*
 * Hangs up for good: every call, also later ones, ends with BERTH_ERR_CLOSED, from the loop.  NULL
 * is allowed.
 */
void berth_guest_agent_close(BerthGuestAgent *self);

/*
 * Queues a command.
 *
 * arguments:   reference taken; NULL for none
 * timeout_ms:  from now to the answer, with all waiting for the agent and for other calls
 * reply:       NULL if the answer does not matter; called once, from the loop, unless forgotten; it
 *              may do anything
 */
void berth_guest_agent_call(BerthGuestAgent *self, const char *name, json_t *arguments,
                            int timeout_ms, BerthGuestReply reply, void *user_data);

/* Forgets the calls of this user_data: their replies are not called any more. */
void berth_guest_agent_forget(BerthGuestAgent *self, const void *user_data);

/*
 * Connects now and stays so while set: a guest agent that sees nobody at the other end sleeps, and
 * would do so in every fork of a template that was frozen then.
 */
void berth_guest_agent_hold(BerthGuestAgent *self, bool is_held);

/* Asks the guest to shut down; there is no answer. */
void berth_guest_agent_shut_down(BerthGuestAgent *self);

/* Whether a line of the guest is the answer to guest-sync-delimited with this number.  Pure. */
bool berth_guest_agent_is_sync_answer(const char *line, size_t len, int64_t sync_id);

/*
 * Reads a line that answers a command.  Pure.
 *
 * ret_root:  owned, set on success and on BERTH_ERR_INVALID (which the agent said: "error")
 *
 * Errors: BERTH_ERR_INVALID, BERTH_ERR_PROTOCOL.
 */
int berth_guest_agent_read_answer(const char *line, size_t len, json_t **ret_root);
