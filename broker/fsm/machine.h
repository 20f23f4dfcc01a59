/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of a machine.
 *
 * ready is the only state in which a running machine waits to be handed out.  A machine that had an
 * owner comes back to it only through recycling and a scrub receipt.  An epoch has one owner at
 * most: every way out of ownership raises it.
 */
#pragma once

#include "base/fsm.h"

#define BERTH_MACHINE_STATES(X) \
    X(PLANNED, "planned")       \
    X(CREATING, "creating")     \
    X(STARTING, "starting")     \
    X(READY, "ready")           \
    X(ASSIGNED, "assigned")     \
    X(RECYCLING, "recycling")   \
    X(LOST, "lost")             \
    X(FAILED, "failed")         \
    X(DELETING, "deleting")     \
    X(DELETED, "deleted")

#define BERTH_MACHINE_EVENTS(X)       \
    X(PLACED, "placed")               \
    X(SEEN_CREATING, "seen-creating") \
    X(SEEN_STARTING, "seen-starting") \
    X(SEEN_READY, "seen-ready")       \
    X(SEEN_FAILED, "seen-failed")     \
    X(SEEN_ABSENT, "seen-absent")     \
    X(SCRUBBED, "scrubbed")           \
    X(CLAIM, "claim")                 \
    X(RELEASE, "release")             \
    X(RECYCLE, "recycle")             \
    X(DELETE, "delete")               \
    X(HOST_LOST, "host-lost")         \
    X(BACK_OWNED, "back-owned")       \
    X(BACK_CLEAN, "back-clean")       \
    X(BACK_DIRTY, "back-dirty")       \
    X(TIMEOUT, "timeout")

typedef enum {
#define BERTH_MACHINE_STATE(name, text) BERTH_MACHINE_##name,
    BERTH_MACHINE_STATES(BERTH_MACHINE_STATE)
#undef BERTH_MACHINE_STATE
    BERTH_N_MACHINE_STATES
} BerthMachineState;

typedef enum {
#define BERTH_MACHINE_EVENT(name, text) BERTH_MACHINE_EVENT_##name,
    BERTH_MACHINE_EVENTS(BERTH_MACHINE_EVENT)
#undef BERTH_MACHINE_EVENT
    BERTH_N_MACHINE_EVENTS
} BerthMachineEvent;

/* What a step asks its owner to do besides writing the new state. */
typedef enum {
    BERTH_MACHINE_DO_NOTHING,
    BERTH_MACHINE_DO_RECYCLE, /* epoch + 1, forget the owner, remember which overlay must go */
    BERTH_MACHINE_DO_EVICT,   /* close assignment and session, then as RECYCLE */
    BERTH_MACHINE_DO_CLEAN,   /* the scrub receipt came: not dirty any more */
    BERTH_MACHINE_DO_FREE,    /* give memory and place in the pool back */
} BerthMachineAction;

extern const BerthFsmTable berth_machine_fsm;
