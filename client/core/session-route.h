/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a session is reached, and by what the client proves itself there: a launch of the broker, or
 * the connection file of a session that is shared without one; and the token that the session gave
 * for coming back.
 *
 * A value that holds secrets: berth_session_route_clear() it.  Pure; thread: any.
 */
#pragma once

#include "client/core/broker-address.h"
#include "client/core/broker-json.h"
#include "client/core/connection-file.h"
#include "client/core/session-client.h"

#include "display/wire/msg-control.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    BerthBrokerAddress address; /* of the broker, which is the way to its sessions, too */
    bool is_direct;             /* there is no broker */
    BerthConnectionFile direct; /* if is_direct */
    BerthLaunch launch;         /* the last one of the broker */
    uint8_t token[BERTH_RECONNECT_TOKEN_BYTES];
    bool has_token;
} BerthSessionRoute;

/* The token of a WELCOME; a session that does not wait gives none. */
void berth_session_route_keep_token(BerthSessionRoute *self, const BerthMsgWelcome *welcome);

/* The session does not take the token any more, or is over. */
void berth_session_route_forget_token(BerthSessionRoute *self);

/* The session that is or was reached. */
const BerthId *berth_session_route_get_session(const BerthSessionRoute *self);

/* Fills in how the client proves itself: by the token, or by what broker or file gave. */
void berth_session_route_fill_auth(const BerthSessionRoute *self, bool by_token,
                                   BerthMsgAuth *auth);

/* Fills in where to go and whose key to expect; borrowed from the route. */
void berth_session_route_fill_target(const BerthSessionRoute *self, BerthSessionTarget *target);

/* Wipes everything. */
void berth_session_route_clear(BerthSessionRoute *self);
