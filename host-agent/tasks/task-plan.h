/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What to do about one task, from what the broker lists and what this host knows of it.  Pure.
 */
#pragma once

#include <stdbool.h>

/*
 * A task that was begun so often without an end takes the agent down with it, or is taken down by
 * it each time: it is given up.
 */
#define BERTH_TASK_STARTS_MAX 12

typedef enum {
    BERTH_TASK_PLAN_KEEP,
    BERTH_TASK_PLAN_START,
    BERTH_TASK_PLAN_GIVE_UP, /* it fails */
    BERTH_TASK_PLAN_CANCEL,  /* the work is stopped and undone; then it is forgotten */
    BERTH_TASK_PLAN_FORGET,
} BerthTaskPlan;

typedef struct {
    bool is_listed;       /* the broker still wants to hear of it, or has not spoken yet */
    bool is_finished;     /* done or failed */
    bool is_working;      /* there is work under way */
    bool is_machine_busy; /* another task works on its machine */
    bool is_room;         /* one more may work */
    bool is_safe_mode;    /* the broker may have forgotten much: nothing is undone */
    int n_starts;
} BerthTaskFacts;

/* The plan for one task; facts about others are in it. */
BerthTaskPlan berth_task_plan(const BerthTaskFacts *facts);
