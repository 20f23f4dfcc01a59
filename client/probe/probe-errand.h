/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a probe asks its broker for beside the way to a desktop: a restart, and to take a report.
 *
 * A restart is done when the desktop is open again and has drawn.  One action at a time.  Thread:
 * main.
 */
#pragma once

#include "client/core/session-controller.h"
#include "client/probe/probe-action.h"

#include <glib.h>
#include <stdbool.h>

typedef struct BerthProbeErrand BerthProbeErrand;

/* controller: borrowed */
BerthProbeErrand *berth_probe_errand_new(BerthSessionController *controller);

/* NULL is allowed. */
void berth_probe_errand_free(BerthProbeErrand *self);

/* The pool whose desktop is opened; without one every action fails.  Copied. */
void berth_probe_errand_set_desktop(BerthProbeErrand *self, const BerthId *pool);

/* Begins BERTH_PROBE_RESTART or _REPORT; action: borrowed until _end(). */
void berth_probe_errand_start(BerthProbeErrand *self, const BerthProbeAction *action);

/* The action is over, well or not. */
void berth_probe_errand_end(BerthProbeErrand *self);

/* The broker has answered.  Returns false if the request is none of these. */
bool berth_probe_errand_note_done(BerthProbeErrand *self, BerthBrokerRequest request,
                                  const GError *error);

/* The controller has another state. */
void berth_probe_errand_note_state(BerthProbeErrand *self, BerthClientState state);

/* The desktop was closed by the other side.  Returns true if it has to be for this action. */
bool berth_probe_errand_note_closed(BerthProbeErrand *self);

/*
 * Looks whether it is done, and goes on with it; not inside the controller's callbacks.  Returns
 * false while it is not done; *ret_error is set if it failed, and says what is being waited for if
 * it is not done.
 */
bool berth_probe_errand_look(BerthProbeErrand *self, GError **ret_error);
