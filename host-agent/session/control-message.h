/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The packets between the agent and a session process: one JSON object each.  Pure.
 *
 *   agent -> session   start, client, display, disconnect, end, record, policy, notice, guest
 *   session -> agent   listening, state, failed, guest-lost
 */
#pragma once

#include "host-agent/guest-port-kind.h"
#include "host-agent/session/admission.h"
#include "host-agent/session/guest-services.h"
#include "host-agent/session/sound-room.h"

#include "berth/ids.h"
#include "berth/limits.h"
#include "policies/policy.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    BERTH_CONTROL_START = 0,
    BERTH_CONTROL_CLIENT = 1,
    BERTH_CONTROL_DISPLAY = 2,
    BERTH_CONTROL_DISCONNECT = 3,
    BERTH_CONTROL_END = 4,
    BERTH_CONTROL_RECORD = 5,
    BERTH_CONTROL_POLICY = 6,
    BERTH_CONTROL_NOTICE = 7,
    BERTH_CONTROL_GUEST = 8, /* with a port of the guest's agents */
} BerthControlOp;

/* op decides which of the others are meant. */
typedef struct {
    BerthControlOp op;
    /* start; session_key_hash is left zero.  policy: only what a policy decides is set */
    BerthAdmissionConfig admission;
    BerthGuestPolicy guest;                      /* start, policy */
    BerthSoundPolicy sound;                      /* start, policy */
    BerthGuestPortKind port;                     /* guest */
    char watermark[BERTH_POLICY_TEXT_BYTES + 1]; /* start, policy */
    char user_name[BERTH_LIMIT_NAME_BYTES + 1];
    char capture[32];
    /* disconnect, end: BERTH_ERR_* of the reason's name */
    int reason;
    /* disconnect: the newest connection that is meant */
    uint64_t connection_epoch;
    /* notice */
    uint32_t number;
    char text[BERTH_LIMIT_NOTICE_BYTES + 1];
} BerthControlRequest;

/* What the session tells about itself. */
typedef struct {
    bool is_connected;
    uint64_t connection_epoch;
    uint64_t n_frames;
    uint64_t bytes_out;
    int width_px, height_px;
    unsigned n_observers;
    uint64_t n_checks_failed; /* times that a client's picture was not ours */
    int64_t input_us;         /* monotonic time of the last input or connection; 0: none */
    int64_t first_frame_us;   /* capture to socket of the last frame after a pause; 0: none */
} BerthControlState;

/* Returns how many descriptors must come with the packet. */
int berth_control_op_n_fds(BerthControlOp op);

/*
 * Reads one packet of the agent.
 *
 * ret: set on success only
 *
 * Errors: BERTH_ERR_PROTOCOL, BERTH_ERR_TOO_LARGE; strict: unknown keys are errors.
 */
bool berth_control_request_parse(const char *text, size_t len, BerthControlRequest *ret,
                                 GError **error);

/* Writes "listening".  state: of now.  Returns owned text. */
char *berth_control_format_listening(const BerthAdmissionConfig *config,
                                     const BerthControlState *state);

/* Writes "state".  Returns owned text. */
char *berth_control_format_state(const BerthControlState *state);

/* Writes "guest-lost": that port has ended, and another one is wanted.  Returns owned text. */
char *berth_control_format_guest_lost(BerthGuestPortKind port);

/* Writes "failed".  Returns owned text. */
char *berth_control_format_failed(int code, const char *detail);
