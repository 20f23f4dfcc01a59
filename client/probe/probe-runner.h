/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does probe actions on an open desktop, one after the other.
 *
 * An action is done at once, or waits for a frame or for time.  When it is done a callback tells
 * how; the next one may be started inside it.  Thread: main.
 */
#pragma once

#include "client/core/session-controller.h"
#include "client/probe/probe-action.h"
#include "client/probe/probe-sound.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthProbeRunner BerthProbeRunner;

/*
 * An action is done.
 *
 * error:   NULL if it worked
 * answer:  what a script is told: success, counters and what the action found out; borrowed
 */
typedef void (*BerthProbeDoneFunc)(const BerthProbeAction *action, const GError *error,
                                   json_t *answer, void *user_data);

/*
 * Makes a runner.
 *
 * controller, share, sound: borrowed, the controller's
 * timeout_ms:      for waits that have no time of their own
 * waits_for_echo:  every press waits until it changed the picture, or for two seconds
 */
BerthProbeRunner *berth_probe_runner_new(BerthSessionController *controller, BerthShare *share,
                                         BerthProbeSound *sound, int64_t timeout_ms,
                                         bool waits_for_echo, BerthProbeDoneFunc func,
                                         void *user_data);

/* NULL is allowed; not inside the callback. */
void berth_probe_runner_free(BerthProbeRunner *self);

/* Starts an action; the one before must be done.  action is borrowed until then. */
void berth_probe_runner_start(BerthProbeRunner *self, const BerthProbeAction *action);

bool berth_probe_runner_is_busy(const BerthProbeRunner *self);

/* Tells the runner of a frame. */
void berth_probe_runner_poke(BerthProbeRunner *self);

/* The pool whose desktop is being opened, for actions that are about it at the broker. */
void berth_probe_runner_set_desktop(BerthProbeRunner *self, const BerthId *pool);

/* The controller has another state. */
void berth_probe_runner_note_state(BerthProbeRunner *self, BerthClientState state);

/* The broker has answered.  Returns false if no action asks for that. */
bool berth_probe_runner_note_done(BerthProbeRunner *self, BerthBrokerRequest request,
                                  const GError *error);

/* The other side closed the desktop.  Returns true if the present action waits for it. */
bool berth_probe_runner_note_ended(BerthProbeRunner *self, const GError *why);

/* The counters that every answer holds; owned. */
json_t *berth_probe_runner_make_counters(BerthProbeRunner *self);
