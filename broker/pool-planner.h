/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How many machines a pool should have: a pure function of its state that closes the whole gap.
 */
#pragma once

#include "broker/fsm/machine.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const char *id;
    BerthMachineState state;
    bool is_dirty;
    bool is_owned;
} BerthPlanMachine;

typedef struct {
    int64_t size;       /* most machines */
    int64_t spares_hot; /* free machines to be had at any time */
    int64_t n_queued;   /* users who wait for one */
} BerthPlanPool;

typedef enum {
    BERTH_PLAN_CREATE,  /* one new machine */
    BERTH_PLAN_RECYCLE, /* `id` is dirty and nobody's */
    BERTH_PLAN_DELETE,  /* `id` is over the size of the pool */
} BerthPlanKind;

typedef struct {
    BerthPlanKind kind;
    const char *id; /* borrowed from the input; NULL for CREATE */
} BerthPlanAction;

/* Plans; returns a GArray of BerthPlanAction, free with g_array_unref().  Pure. */
GArray *berth_plan_pool(const BerthPlanPool *pool, const BerthPlanMachine *machines,
                        size_t n_machines);
