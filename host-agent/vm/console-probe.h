/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Watches the size of a VM's first console over a D-Bus display peer of its own, until the guest
 * shows a mode of at least the size asked for.  How an image without guest agent tells that it is
 * ready.  QEMU serves one peer at a time: free the probe before a session gets the display.
 * Thread: main.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct BerthConsoleProbe BerthConsoleProbe;

/*
 * Starts on our end of the socket pair whose other end QEMU was given.
 *
 * fd:         taken
 * on_looked:  called after the first look, whatever it showed, and once more when the picture is
 *             there if it was not then; may free the probe
 */
BerthConsoleProbe *berth_console_probe_new(int fd, int min_width_px, int min_height_px,
                                           void (*on_looked)(bool is_shown, void *user_data),
                                           void *user_data);

/* Closes the connection; NULL is allowed. */
void berth_console_probe_free(BerthConsoleProbe *self);
