/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the user's keyboard is like: its layout and its lock keys.  Thread: main.
 */
#pragma once

#include "display/wire/msg-input.h"

#include <gtk/gtk.h>
#include <stdbool.h>
#include <stdint.h>

/* BERTH_LED_* of the lock keys that are on. */
uint8_t berth_keymap_read_locks(GdkDisplay *display);

/*
 * Calls func when the layout has changed, on X11 after its name has, too; never after the owner's
 * end.
 *
 * owner: what user_data belongs to
 */
void berth_keymap_watch(GtkWidget *owner, void (*func)(void *user_data), void *user_data);

/* Returns false if the display does not tell (Wayland does not). */
bool berth_keymap_read_layout(GdkDisplay *display, BerthKeyLayout *ret);
