/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * In which order the forks of a host do what costs processor time: all that are asked for at once
 * come up first, so that each has its picture; then they get their identities, a few at a time, so
 * that the first is ready long before the last.  Thread: main.
 */
#pragma once

#include <stdbool.h>

typedef struct BerthForkGate BerthForkGate;

/* n_at_once: who may be inside at a time; more than the host's processors is of no use. */
BerthForkGate *berth_fork_gate_new(int n_at_once);

/* NULL is allowed; nobody may be inside or wait. */
void berth_fork_gate_free(BerthForkGate *self);

/* A fork starts to come up, and has come up or failed. */
void berth_fork_gate_begin_load(BerthForkGate *self);
void berth_fork_gate_end_load(BerthForkGate *self);

/*
 * Waits for a turn: func is called from the loop, once, when nobody comes up any more and there is
 * room.  Who was let in leaves with berth_fork_gate_leave().
 */
void berth_fork_gate_enter(BerthForkGate *self, void (*func)(void *user_data), void *user_data);

/* Leaves, or gives the place in the queue up; who is neither inside nor waiting may call it. */
void berth_fork_gate_leave(BerthForkGate *self, const void *user_data);
