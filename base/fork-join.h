/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs the parts of one job on several processors and waits until all are done.
 *
 * The caller works, too: with no helper, or none that gets a processor, it does all parts itself.
 * Helpers are started when they are first needed, sleep between jobs, and run at a lower priority
 * than the rest of the process, so that input and sockets come first on a busy host.
 *
 * Thread: one caller at a time.
 */
#pragma once

#include <glib.h>
#include <stddef.h>

typedef struct BerthForkJoin BerthForkJoin;

/* One part of a job: any thread, other parts may run at the same time. */
typedef void (*BerthForkJoinFunc)(size_t part, void *user_data);

/* n_helpers: threads beside the caller, 0 or more. */
BerthForkJoin *berth_fork_join_new(unsigned n_helpers);

/* Joins the helpers.  NULL is allowed. */
void berth_fork_join_free(BerthForkJoin *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthForkJoin, berth_fork_join_free)

/* Helpers for this host: one less than its processors, 15 at most. */
unsigned berth_fork_join_count_helpers(void);

/* Calls func for 0 .. n_parts - 1, each once, and returns when all have returned. */
void berth_fork_join_run(BerthForkJoin *self, size_t n_parts, BerthForkJoinFunc func,
                         void *user_data);
