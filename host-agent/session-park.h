/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All sessions of this host: adopts those of an earlier agent, starts and ends them as the broker
 * wants and as their machines live, and routes clients.  Thread: main.
 */
#pragma once

#include "host-agent/desired.h"
#include "host-agent/machine-park.h"
#include "host-agent/session-host.h"

#include <jansson.h>

typedef struct BerthSessionPark BerthSessionPark;

typedef struct {
    BerthPoller *poller;
    BerthMachinePark *machines; /* borrowed */
    const char *session_program;
    const char *folder;
    BerthId host_id;
    void (*on_changed)(void *user_data);
    void *user_data;
} BerthSessionParkConfig;

/* Makes the park and adopts.  config: copied. */
BerthSessionPark *berth_session_park_new(const BerthSessionParkConfig *config);

/* Lets go of all sessions, which go on.  NULL is allowed. */
void berth_session_park_free(BerthSessionPark *self);

/* Keys that the broker signs tickets with; kept on disk too, for sessions started without a link.
 */
void berth_session_park_set_ticket_keys(BerthSessionPark *self, const json_t *keys);

/* Takes what the broker wants (borrowed until the next call) and works on it. */
void berth_session_park_want(BerthSessionPark *self, const BerthDesired *desired);

/* While set, sessions that the broker does not list are left alone. */
void berth_session_park_set_safe_mode(BerthSessionPark *self, bool is_safe_mode);

/* Machines changed: sessions whose machine is gone end, those that waited for one go on. */
void berth_session_park_machines_changed(BerthSessionPark *self);

/* Gives a client to its session.  false: none of that id; fd is still the caller's then. */
bool berth_session_park_route(BerthSessionPark *self, const BerthId *session, int fd);

/* Array of all sessions for the inventory; a new reference. */
json_t *berth_session_park_report(BerthSessionPark *self);

/* Whether a session of that machine still lives. */
bool berth_session_park_is_in_use(BerthSessionPark *self, const BerthId *machine);
