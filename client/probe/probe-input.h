/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The actions of a probe that are input: keys, pointer, touch, texts, and what is asked of the
 * picture.
 *
 * Thread: main.
 */
#pragma once

#include "client/core/session-client.h"
#include "client/probe/probe-action.h"

#include <stdbool.h>

/* Whether the desktop answers to it by another picture: a key or button goes down. */
bool berth_probe_input_is_press(BerthProbeKind kind);

/*
 * Sends an action, BERTH_PROBE_KEY up to BERTH_PROBE_REFRESH, about a head.
 *
 * Returns false if this session does not take such input.
 */
bool berth_probe_input_send(BerthSessionClient *session, const BerthProbeAction *action,
                            unsigned head);

/*
 * Has the first character of a text typed in the desktop.
 *
 * Returns false if this session does not take texts.
 */
bool berth_probe_input_type(BerthSessionClient *session, const char *text);
