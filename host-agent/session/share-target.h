/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What "berth-session --share" can show, opened for its capture source:
 *
 *   :N, :N.S          a local X display
 *   qemu:QMP-SOCKET   a QEMU with "-display dbus,p2p=on", by a new peer on its D-Bus display
 *
 * Thread: main, before the loop of the program runs.
 */
#pragma once

#include <glib.h>

/*
 * Opens a target.  Blocks until it answers, or SIGINT or SIGTERM comes.
 *
 * ret_source: name of the capture source, static; set on success only
 *
 * Returns the descriptor for the source, or -1.  Errors: BERTH_ERR_INVALID if the text is no
 * target; BERTH_ERR_UNSUPPORTED if QEMU has no such display; the code of the errno.
 */
int berth_share_target_open(const char *text, const char **ret_source, GError **error);
