/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All tasks of this host: keeps their journal, works on what the broker lists, and tells the ends.
 *
 * A task is known from its first listing until the broker, having stored its end, lists it no more.
 * Tasks of one machine are worked on one after the other.  Thread: main.
 */
#pragma once

#include "host-agent/tasks/task-kind.h"

#include <jansson.h>

/* Tasks that are worked on at the same time. */
#define BERTH_TASKS_AT_ONCE 8

typedef struct BerthTaskPark BerthTaskPark;

typedef struct {
    BerthTaskHost host;                /* what it points to is borrowed */
    const char *folder;                /* of the journal; exists */
    const BerthTaskKind *const *kinds; /* until NULL */
    void (*on_changed)(void *user_data);
    void *user_data;
} BerthTaskParkConfig;

/* Makes the park and takes up what an earlier agent was working on.  config: copied. */
BerthTaskPark *berth_task_park_new(const BerthTaskParkConfig *config);

/* Lets go of all work, which a later park takes up.  NULL is allowed. */
void berth_task_park_free(BerthTaskPark *self);

/*
 * Takes what the broker lists: new tasks begin, those that are not listed any more are forgotten,
 * and stopped if they have not ended.
 *
 * tasks:  array of the desired state, borrowed; NULL: none.  What cannot be read is reported failed
 *         if it has an id.
 */
void berth_task_park_want(BerthTaskPark *self, const json_t *tasks);

/* While set, nothing that the broker does not list is stopped or forgotten. */
void berth_task_park_set_safe_mode(BerthTaskPark *self, bool is_safe_mode);

/*
 * Array of all tasks for the inventory; a new reference.
 *
 * It is bounded: of several large results some are told later, when the broker has taken others.
 */
json_t *berth_task_park_report(const BerthTaskPark *self);
