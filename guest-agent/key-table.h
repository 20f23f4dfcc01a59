/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the keys of an X server mean, as it was when it was read: places for a key plan, and the way
 * to change and to press them.
 *
 * Thread: main.
 */
#pragma once

#include "guest-agent/key-plan.h"

#include <X11/Xlib.h>

typedef struct BerthKeyTable BerthKeyTable;

/* display: borrowed.  NULL if the server does not tell. */
BerthKeyTable *berth_key_table_read(Display *display);

/* NULL is allowed. */
void berth_key_table_free(BerthKeyTable *self);

/* Borrowed; follows what places are given. */
const BerthKeyMapView *berth_key_table_view(const BerthKeyTable *self);

/* Gives a place of a free key a symbol; programs do not hear of it yet. */
void berth_key_table_give(BerthKeyTable *self, const BerthKeyStroke *stroke);

/* Changes the keys of the server that were given something. */
void berth_key_table_send(BerthKeyTable *self);

/* Presses and releases keys with their modifiers, by XTEST. */
void berth_key_table_press(BerthKeyTable *self, const BerthKeyStroke *strokes, unsigned n_strokes);
