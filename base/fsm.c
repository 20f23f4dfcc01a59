/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/fsm.h"

#include "berth/errors.h"

#include <stdbool.h>

static bool
is_state(const BerthFsmTable *table, int state)
{
    return state >= 0 && state < table->n_states;
}

static bool
is_event(const BerthFsmTable *table, int event)
{
    return event >= 0 && event < table->n_events;
}

static const BerthFsmRow *
find_row(const BerthFsmTable *table, int state, int event)
{
    for (int i = 0; i < table->n_rows; i++) {
        if (table->rows[i].from == state && table->rows[i].event == event) {
            return &table->rows[i];
        }
    }
    return NULL;
}

int
berth_fsm_step(const BerthFsmTable *table, int *state, int event, int *ret_action)
{
    if (!is_state(table, *state) || !is_event(table, event)) {
        return BERTH_ERR_INVALID;
    }
    const BerthFsmRow *row = find_row(table, *state, event);
    if (!row) {
        return BERTH_ERR_STATE;
    }
    *state = row->to;
    if (ret_action) {
        *ret_action = row->action;
    }
    return BERTH_OK;
}

const char *
berth_fsm_state_name(const BerthFsmTable *table, int state)
{
    return is_state(table, state) && table->states[state] ? table->states[state] : "?";
}

int
berth_fsm_state_from_name(const BerthFsmTable *table, const char *name)
{
    for (int i = 0; i < table->n_states; i++) {
        if (g_strcmp0(table->states[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

const char *
berth_fsm_event_name(const BerthFsmTable *table, int event)
{
    return is_event(table, event) && table->events[event] ? table->events[event] : "?";
}

static char *
find_bad_row(const BerthFsmTable *table)
{
    for (int i = 0; i < table->n_rows; i++) {
        const BerthFsmRow *row = &table->rows[i];
        if (!is_state(table, row->from) || !is_state(table, row->to) ||
            !is_event(table, row->event)) {
            return g_strdup_printf("row %d of \"%s\" is out of range", i, table->name);
        }
        if (find_row(table, row->from, row->event) != row) {
            return g_strdup_printf("row %d of \"%s\" repeats state \"%s\", event \"%s\"", i,
                                   table->name, berth_fsm_state_name(table, row->from),
                                   berth_fsm_event_name(table, row->event));
        }
    }
    return NULL;
}

static char *
find_unreachable_state(const BerthFsmTable *table)
{
    g_autofree bool *is_reached = g_new0(bool, MAX(table->n_states, 1));
    is_reached[0] = true;
    /* Each round reaches at least one more state or is the last that changes anything. */
    for (int round = 0; round < table->n_states; round++) {
        for (int i = 0; i < table->n_rows; i++) {
            if (is_reached[table->rows[i].from]) {
                is_reached[table->rows[i].to] = true;
            }
        }
    }
    for (int state = 0; state < table->n_states; state++) {
        if (!is_reached[state]) {
            return g_strdup_printf("state \"%s\" of \"%s\" cannot be reached",
                                   berth_fsm_state_name(table, state), table->name);
        }
    }
    return NULL;
}

int
berth_fsm_check(const BerthFsmTable *table, char **ret_why)
{
    g_autofree char *why = find_bad_row(table);
    if (!why) {
        why = find_unreachable_state(table);
    }
    if (!why) {
        return BERTH_OK;
    }
    if (ret_why) {
        *ret_why = g_steal_pointer(&why);
    }
    return BERTH_ERR_INVALID;
}
