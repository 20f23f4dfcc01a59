/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a rollout does next: a pure function of its state, its pool's machines and what the gate
 * says.
 *
 * Canaries are chosen here and nowhere else.  Machines go to their next version by being recycled:
 * those that are nobody's by the plan, those in a session when their user logs off.  Backwards is
 * the same way with the versions exchanged.  Thread: any.
 */
#pragma once

#include "broker/fsm/machine.h"
#include "broker/fsm/rollout.h"
#include "broker/rollout-gate.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    BERTH_STRATEGY_AT_LOGOFF, /* idle desktops in batches, others when their users log off */
    BERTH_STRATEGY_IDLE_NOW,  /* as fast as max_unavailable lets, and who is not connected to his
                                 desktop in any way loses it */
    BERTH_STRATEGY_FORCE,     /* as idle-now, and who is in a session is warned and logged off */
    BERTH_STRATEGY_WINDOW,    /* as at-logoff, while a schedule is open */
    BERTH_N_STRATEGIES
} BerthStrategy;

typedef enum {
    BERTH_SIDE_FROM,
    BERTH_SIDE_TO,
    BERTH_SIDE_OTHER, /* of neither version: follows like one of the version that is left */
} BerthSide;

typedef struct {
    BerthRolloutState state;
    BerthStrategy strategy;
    int64_t n_canary;        /* 0: no canary */
    int64_t batch;           /* 0: max_unavailable */
    int64_t max_unavailable; /* 0: a quarter of the pool's machines */
    int64_t deadline_us;     /* of the state; 0: none */
    bool is_window_open;
    bool is_pausing; /* what the gate fails is paused instead of rolled back */
    BerthGateVerdict verdict;
    const char *sentence; /* of the gate */
    int64_t now_us;
} BerthRolloutInput;

typedef struct {
    const char *id;
    const char *host; /* its name, for people */
    BerthMachineState state;
    BerthSide side;     /* of the version that it has, or comes back with if it is recycling */
    bool is_canary;     /* chosen */
    bool is_owned;      /* an assignment is open */
    bool is_in_session; /* connected, or disconnected with its work on it */
    bool is_kept;       /* holds a user's data: stays on its version until people say so */
    bool is_held;       /* an administrator holds it back */
    bool is_warned;     /* its user knows when he is logged off */
    bool is_prepared;   /* its host has what the version needs that is to come */
} BerthRolloutMachine;

typedef enum {
    BERTH_ROLLOUT_DO_RECYCLE, /* `id`, which becomes a canary if is_canary */
    BERTH_ROLLOUT_DO_WARN,    /* the user of `id`, who is logged off later */
    BERTH_ROLLOUT_DO_STEP,    /* the rollout itself, by `event` */
} BerthRolloutKind;

typedef struct {
    BerthRolloutKind kind;
    const char *id; /* borrowed from the input */
    bool is_canary;
    BerthRolloutEvent event;
} BerthRolloutAction;

typedef struct {
    GArray *actions; /* of BerthRolloutAction; a step comes alone */
    char *words;     /* why it steps, or what it waits for; "" if it just goes on */
    int64_t n_left;  /* machines that are still to follow */
    int64_t n_away;  /* that are on their way */
} BerthRolloutPlan;

/* Plans.  machines are those of the pool that are not deleted, in the order in which they go. */
BerthRolloutPlan berth_rollout_plan(const BerthRolloutInput *input,
                                    const BerthRolloutMachine *machines, size_t n_machines);

void berth_rollout_plan_clear(BerthRolloutPlan *plan);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(BerthRolloutPlan, berth_rollout_plan_clear)

/* "at-logoff", "idle-now", "force", "window". */
const char *berth_strategy_name(BerthStrategy strategy);

/* Returns whether there is a strategy of that name. */
bool berth_strategy_from_name(const char *name, BerthStrategy *ret_strategy);
