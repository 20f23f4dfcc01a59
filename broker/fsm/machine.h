/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of a machine.
 *
 * ready and stopped are the only states in which a machine waits to be handed out: one runs, the
 * other is switched off and has its disk.  A machine that had an owner comes back to them only
 * through recycling and a scrub receipt.  An epoch has one owner at most: every way out of
 * ownership raises it.  A machine that holds its user's data takes none of the steps of
 * berth_machine_action_loses_data() but on an administrator's word.
 */
#pragma once

#include "base/fsm.h"

#include <stdbool.h>

#define BERTH_MACHINE_STATES(X) \
    X(PLANNED, "planned")       \
    X(CREATING, "creating")     \
    X(STARTING, "starting")     \
    X(READY, "ready")           \
    X(STOPPED, "stopped")       \
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
    X(SEEN_STOPPED, "seen-stopped")   \
    X(SEEN_FAILED, "seen-failed")     \
    X(SEEN_ABSENT, "seen-absent")     \
    X(SCRUBBED, "scrubbed")           \
    X(START, "start")                 \
    X(STOP, "stop")                   \
    X(CLAIM, "claim")                 \
    X(RELEASE, "release")             \
    X(RECYCLE, "recycle")             \
    X(DELETE, "delete")               \
    X(FORGET, "forget")               \
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
    BERTH_MACHINE_DO_RECYCLE,   /* epoch + 1, forget the owner, remember which overlay must go */
    BERTH_MACHINE_DO_EVICT,     /* close assignment and session, then as RECYCLE */
    BERTH_MACHINE_DO_CLEAN,     /* the scrub receipt came: not dirty any more */
    BERTH_MACHINE_DO_FREE,      /* give memory and place in the pool back */
    BERTH_MACHINE_DO_FORGET,    /* close assignment and session, then as FREE: its host is gone */
    BERTH_MACHINE_DO_POWER_ON,  /* the VM is to run */
    BERTH_MACHINE_DO_POWER_OFF, /* the VM is to be switched off, its disk stays */
    BERTH_MACHINE_DO_REMIND,    /* the host is late: say so, and give it more time */
    BERTH_N_MACHINE_ACTIONS
} BerthMachineAction;

extern const BerthFsmTable berth_machine_fsm;

/* Whether a machine may stay in this state for ever; all others have a deadline.  Pure. */
bool berth_machine_is_resting(BerthMachineState state);

/* Whether a step with this action ends what a user kept on the machine.  Pure. */
bool berth_machine_action_loses_data(BerthMachineAction action);
