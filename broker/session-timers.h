/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Timers of sessions as jobs in the store: any broker fires them (jobs.h).
 *
 * A timer counts for one (session, epoch): the connection after which it was set, or the session as
 * a whole (epoch 0).  Firing twice does nothing twice: what it is about is looked at again.
 * Errors of each: those of tx.h.  Thread: writer.
 */
#pragma once

#include "broker/audit.h"
#include "broker/timers.h"

/* Kinds of jobs: "timer:<event>:<number>" acts, "warn:<event>:<number>" tells before. */
#define BERTH_TIMER_KIND "timer:"
#define BERTH_TIMER_WARN_KIND "warn:"

typedef struct {
    const char *session;
    int64_t epoch;   /* connection epoch, 0 for the session as a whole */
    int64_t from_us; /* when the event was */
    bool is_once;    /* a timer that was set before stays as it is */
} BerthTimerStart;

/* Sets the timers of an event: those of the session's pool and of its policy. */
int berth_session_timers_start(BerthTx *tx, BerthTimerEvent event, const BerthTimerStart *start);

/* Gives an unused desktop back after a fixed time: no session of it was ever seen. */
int berth_session_timers_start_unused(BerthTx *tx, const BerthTimerStart *start, int64_t after_us);

/* Takes the timers of an event back. */
int berth_session_timers_cancel(BerthTx *tx, const char *session, BerthTimerEvent event);

/* The user has been idle since then; 0: is back. */
int berth_session_set_idle(BerthTx *tx, const char *session, int64_t idle_since_us);

/* Sessions whose entitlements have all closed get their schedule timers. */
int berth_session_timers_check_schedules(BerthTx *tx, const BerthCause *cause);

/*
 * Fires one job of a timer.
 *
 * Errors: also BERTH_ERR_UNSUPPORTED for another kind, those of steps.h.
 */
int berth_session_timers_fire(BerthTx *tx, const BerthCause *cause, const char *kind,
                              const char *session, int64_t epoch, const char *data);
