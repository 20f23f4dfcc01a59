/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of an assignment: released once, never opened again.
 */
#pragma once

#include "base/fsm.h"

#define BERTH_ASSIGNMENT_STATES(X) \
    X(OPEN, "open")                \
    X(RELEASED, "released")

#define BERTH_ASSIGNMENT_EVENTS(X) X(RELEASE, "release")

typedef enum {
#define BERTH_ASSIGNMENT_STATE(name, text) BERTH_ASSIGNMENT_##name,
    BERTH_ASSIGNMENT_STATES(BERTH_ASSIGNMENT_STATE)
#undef BERTH_ASSIGNMENT_STATE
    BERTH_N_ASSIGNMENT_STATES
} BerthAssignmentState;

typedef enum {
#define BERTH_ASSIGNMENT_EVENT(name, text) BERTH_ASSIGNMENT_EVENT_##name,
    BERTH_ASSIGNMENT_EVENTS(BERTH_ASSIGNMENT_EVENT)
#undef BERTH_ASSIGNMENT_EVENT
    BERTH_N_ASSIGNMENT_EVENTS
} BerthAssignmentEvent;

extern const BerthFsmTable berth_assignment_fsm;
