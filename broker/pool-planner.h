/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How many machines a pool should have, and at which temperature: a pure function of its state that
 * closes the whole gap at once.
 *
 * A spare is clean, nobody's and not held back.  hot: runs or will; frozen: switched off, and its
 * host keeps a RAM template to wake it from; cold: switched off.  How fast hosts carry a plan out
 * is theirs to say (start slots).
 */
#pragma once

#include "broker/fsm/machine.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* A spare too many stays so long before it is switched off or deleted: users come back. */
#define BERTH_PLAN_SURPLUS_US (600LL * 1000 * 1000)

typedef enum {
    BERTH_POWER_ON,
    BERTH_POWER_FROZEN,
    BERTH_POWER_OFF,
    BERTH_N_POWERS
} BerthPower;

typedef struct {
    const char *id;
    BerthMachineState state;
    BerthPower power; /* what is wanted of its VM */
    bool is_dirty;
    bool is_owned;    /* an assignment is open */
    bool is_kept;     /* holds a user's data */
    bool is_held;     /* an administrator holds it back */
    bool is_stranded; /* its host takes no machines any more, or not this one */
    int64_t since_us; /* when it came into its state */
} BerthPlanMachine;

typedef struct {
    bool is_enabled;                /* may grow */
    bool is_physical;               /* machines are what they are: neither made nor deleted */
    int64_t size;                   /* most machines */
    int64_t spares[BERTH_N_POWERS]; /* to be had at any time */
    int64_t n_queued;               /* users who wait for one */
    int64_t now_us;
} BerthPlanPool;

typedef enum {
    BERTH_PLAN_CREATE,  /* one new machine of `power` */
    BERTH_PLAN_START,   /* `id` is to run */
    BERTH_PLAN_STOP,    /* `id` is to be switched off: `power` */
    BERTH_PLAN_RECYCLE, /* `id` is dirty and nobody's */
    BERTH_PLAN_DELETE,  /* `id` is of no use here */
} BerthPlanKind;

typedef struct {
    BerthPlanKind kind;
    BerthPower power;
    const char *id;     /* borrowed from the input; NULL for CREATE */
    const char *reason; /* static; for the audit log */
} BerthPlanAction;

/* Plans; returns a GArray of BerthPlanAction, free with g_array_unref().  Pure. */
GArray *berth_plan_pool(const BerthPlanPool *pool, const BerthPlanMachine *machines,
                        size_t n_machines);

/* "on", "frozen", "off": as in the store. */
const char *berth_power_name(BerthPower power);

/* The power of that name; BERTH_POWER_ON for a name that is none. */
BerthPower berth_power_from_name(const char *name);
