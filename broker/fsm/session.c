/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/fsm/session.h"

#define STATE_NAME(name, text) [BERTH_SESSION_##name] = (text),
#define EVENT_NAME(name, text) [BERTH_SESSION_EVENT_##name] = (text),
#define ROW(from, event, to)                                                     \
    {                                                                            \
        BERTH_SESSION_##from, BERTH_SESSION_EVENT_##event, BERTH_SESSION_##to, 0 \
    }

static const char *const states[] = { BERTH_SESSION_STATES(STATE_NAME) };
static const char *const events[] = { BERTH_SESSION_EVENTS(EVENT_NAME) };

static const BerthFsmRow rows[] = {
    ROW(ALLOCATING, GRANTED, CONNECTING),
    ROW(ALLOCATING, SEEN_CONNECTED, ACTIVE),
    ROW(ALLOCATING, SEEN_LISTENING, ALLOCATING),
    ROW(ALLOCATING, SEEN_ENDED, ENDED),
    ROW(ALLOCATING, HOST_LOST, LOST),
    ROW(ALLOCATING, END, ENDING),
    ROW(ALLOCATING, TIMEOUT, ENDING),

    ROW(CONNECTING, GRANTED, CONNECTING),
    ROW(CONNECTING, SEEN_CONNECTED, ACTIVE),
    ROW(CONNECTING, SEEN_LISTENING, CONNECTING),
    ROW(CONNECTING, SEEN_ENDED, ENDED),
    ROW(CONNECTING, HOST_LOST, LOST),
    ROW(CONNECTING, END, ENDING),
    ROW(CONNECTING, TIMEOUT, DISCONNECTED),

    ROW(ACTIVE, GRANTED, ACTIVE),
    ROW(ACTIVE, SEEN_CONNECTED, ACTIVE),
    ROW(ACTIVE, SEEN_LISTENING, DISCONNECTED),
    ROW(ACTIVE, SEEN_ENDED, ENDED),
    ROW(ACTIVE, HOST_LOST, LOST),
    ROW(ACTIVE, END, ENDING),

    ROW(DISCONNECTED, GRANTED, CONNECTING),
    ROW(DISCONNECTED, SEEN_CONNECTED, ACTIVE),
    ROW(DISCONNECTED, SEEN_LISTENING, DISCONNECTED),
    ROW(DISCONNECTED, SEEN_ENDED, ENDED),
    ROW(DISCONNECTED, HOST_LOST, LOST),
    ROW(DISCONNECTED, END, ENDING),

    ROW(LOST, SEEN_CONNECTED, ACTIVE),
    ROW(LOST, SEEN_LISTENING, DISCONNECTED),
    ROW(LOST, SEEN_ENDED, ENDED),
    ROW(LOST, HOST_LOST, LOST),
    ROW(LOST, END, ENDING),

    ROW(ENDING, SEEN_CONNECTED, ENDING),
    ROW(ENDING, SEEN_LISTENING, ENDING),
    ROW(ENDING, SEEN_ENDED, ENDED),
    ROW(ENDING, HOST_LOST, ENDED),
    ROW(ENDING, END, ENDING),
    ROW(ENDING, TIMEOUT, ENDED),
};

const BerthFsmTable berth_session_fsm = {
    .name = "session",
    .states = states,
    .n_states = G_N_ELEMENTS(states),
    .events = events,
    .n_events = G_N_ELEMENTS(events),
    .rows = rows,
    .n_rows = G_N_ELEMENTS(rows),
};

bool
berth_session_is_resting(BerthSessionState state)
{
    switch (state) {
    case BERTH_SESSION_ACTIVE:
    case BERTH_SESSION_DISCONNECTED: /* its timers are jobs */
    case BERTH_SESSION_LOST:         /* until its host is back, or its user takes another desktop */
    case BERTH_SESSION_ENDED:
        return true;
    default:
        return false;
    }
}
