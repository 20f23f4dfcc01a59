/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * State machines as const tables of {from, event, to, action}.
 *
 * The table says what may happen; the owner carries the actions out.  A pair of state and event
 * that has no row is refused, never ignored.  Pure; thread: whoever owns the state.
 */
#pragma once

#include <glib.h>

typedef struct {
    int from;
    int event;
    int to;
    int action;
} BerthFsmRow;

typedef struct {
    const char *name;
    const char *const *states; /* n_states names, indexed by state */
    int n_states;
    const char *const *events; /* n_events names, indexed by event */
    int n_events;
    const BerthFsmRow *rows;
    int n_rows;
} BerthFsmTable;

/*
 * Takes one step.
 *
 * state:       present state in, next state out; unchanged on error
 * ret_action:  action of the row, set on success only; may be NULL
 *
 * Errors: BERTH_ERR_STATE if the table has no such row, BERTH_ERR_INVALID if state or event is
 * outside the table.
 */
int berth_fsm_step(const BerthFsmTable *table, int *state, int event, int *ret_action);

/* Name of a state, "?" outside the table. */
const char *berth_fsm_state_name(const BerthFsmTable *table, int state);

/* The state of that name, -1 if there is none. */
int berth_fsm_state_from_name(const BerthFsmTable *table, const char *name);

/* Name of an event, "?" outside the table. */
const char *berth_fsm_event_name(const BerthFsmTable *table, int event);

/*
 * Checks the table itself: every number in range, no two rows for one state and event, every
 * state but the first reachable from the first.  For tests.
 *
 * ret_why:  a sentence on error, to be freed with g_free(); may be NULL
 *
 * Errors: BERTH_ERR_INVALID.
 */
int berth_fsm_check(const BerthFsmTable *table, char **ret_why);
