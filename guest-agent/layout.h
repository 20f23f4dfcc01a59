/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sets the keyboard layout of the X session to that of the user's own keyboard.
 *
 * setxkbmap does it, as a child; one at a time, and the last wish wins.  Thread: main.
 */
#pragma once

#include "display/wire/msg-input.h"

#include <stdbool.h>

typedef struct BerthLayout BerthLayout;

/* done: what was wished is set, or cannot be */
BerthLayout *berth_layout_new(void (*done)(void *user_data), void *user_data);

/* Lets a child that runs end by itself.  NULL is allowed. */
void berth_layout_free(BerthLayout *self);

/* layout: copied; its names are good (berth_key_layout_name_is_good()) */
void berth_layout_set(BerthLayout *self, const BerthKeyLayout *layout);

/* Whether a child runs; done comes then. */
bool berth_layout_is_busy(const BerthLayout *self);

/*
 * The words of the command for a layout.  Pure.
 *
 * Returns an owned array that ends with NULL; an empty model is left out.  An empty
 * variant and empty options are there: they take away what was set.
 */
char **berth_layout_command(const BerthKeyLayout *layout);
