/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files on their way from the client to the guest's agent, which puts them into its user's folder.
 *
 *   OFFER -> (agent) -> ANSWER send -> DATA, ACK ... -> (agent) -> ANSWER done
 *
 * Every transfer ends with exactly one ANSWER other than "send", whatever client, agent and policy
 * do.  Nothing is stored here: data goes into the line to the guest, which the window bounds.
 *
 * No I/O, no clock.  Thread: main.  Source: docs/PROTOCOL.md 13, spice/vd_agent.h.
 */
#pragma once

#include "display/wire/vdagent-message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BerthGuestFiles BerthGuestFiles;

/* All zero allows nothing. */
typedef struct {
    bool to_guest;
    uint32_t max_mib; /* of one file */
} BerthFilesPolicy;

typedef struct {
    /* A message of the files channel.  payload: borrowed */
    void (*to_client)(uint8_t type, const uint8_t *payload, size_t len, void *user_data);
    /*
     * Whole messages for the guest's agent.  data: g_malloc(), taken;  id, n_content_bytes: for
     * berth_guest_files_note_sent() once they are written; 0 bytes: it need not be told
     */
    void (*to_guest)(uint8_t *data, size_t len, uint32_t id, size_t n_content_bytes,
                     void *user_data);
} BerthGuestFilesCallbacks;

/* callbacks: borrowed, must outlive it. */
BerthGuestFiles *berth_guest_files_new(const BerthGuestFilesCallbacks *callbacks, void *user_data);

/* NULL is allowed. */
void berth_guest_files_free(BerthGuestFiles *self);

/* What holds from now on; a transfer that is not allowed any more is cancelled. */
void berth_guest_files_set_policy(BerthGuestFiles *self, const BerthFilesPolicy *policy);

/* The agent has begun (anew), with these capabilities; 0: it has gone. */
void berth_guest_files_set_agent(BerthGuestFiles *self, uint32_t caps);

/* Another client; whether it sends files.  Transfers of the one before are cancelled. */
void berth_guest_files_set_client(BerthGuestFiles *self, bool sends_files);

/* A message of the client.  Errors: BERTH_ERR_PROTOCOL and those of the decoders. */
int berth_guest_files_handle_client(BerthGuestFiles *self, uint8_t type, const uint8_t *payload,
                                    size_t len, int64_t now_us);

/* How the agent thinks of a transfer. */
void berth_guest_files_handle_guest(BerthGuestFiles *self, const BerthVdagentFileStatus *status,
                                    int64_t now_us);

/* Content of a transfer is with the guest. */
void berth_guest_files_note_sent(BerthGuestFiles *self, uint32_t id, size_t n_content_bytes,
                                 int64_t now_us);

/* Gives up what has been waited for too long. */
void berth_guest_files_tick(BerthGuestFiles *self, int64_t now_us);
