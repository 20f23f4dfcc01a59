/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Clipboard and files of a probe: it has a clipboard of its own, which is never this device's.
 *
 * One action at a time.  Files that the desktop offers wait for the action that takes them.
 * Thread: main.
 */
#pragma once

#include "client/core/share.h"
#include "client/probe/probe-action.h"

#include <glib.h>
#include <stdbool.h>

typedef struct BerthProbeShare BerthProbeShare;

/* share: borrowed.  changed: something happened, look again. */
BerthProbeShare *berth_probe_share_new(BerthShare *share, void (*changed)(void *), void *user_data);

/* NULL is allowed. */
void berth_probe_share_free(BerthProbeShare *self);

/* Begins BERTH_PROBE_COPY, _PASTE, _SEND_FILE or _TAKE_FILE; action: borrowed until it is done. */
void berth_probe_share_start(BerthProbeShare *self, const BerthProbeAction *action);

/*
 * Looks whether it is done.  Returns false while it is not; *ret_error is set if it failed, and
 * says what is being waited for if it is not done.
 */
bool berth_probe_share_look(BerthProbeShare *self, GError **ret_error);

/* Where the file is that _TAKE_FILE has saved; NULL if it was another action.  Borrowed. */
const char *berth_probe_share_get_path(const BerthProbeShare *self);
