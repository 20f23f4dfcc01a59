/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The program that has the keyboard: up to when it has read what was typed.
 *
 * X does not say so.  A program of this machine has when its process sleeps and does not run any
 * more; of others, and of those that never rest, time is all there is.
 *
 * Thread: main.
 */
#pragma once

#include <X11/Xlib.h>
#include <stdint.h>

typedef struct BerthKeyReader BerthKeyReader;

/* display: GTK's, borrowed */
BerthKeyReader *berth_key_reader_new(Display *display);

/* NULL is allowed. */
void berth_key_reader_free(BerthKeyReader *self);

/* Something was typed, just now. */
void berth_key_reader_note_typed(BerthKeyReader *self, int64_t now_us);

/*
 * Looks once, and returns up to when all has been read; to be asked again every
 * BERTH_KEY_READER_LOOK_MS as long as that matters.
 */
int64_t berth_key_reader_look(BerthKeyReader *self, int64_t now_us);

#define BERTH_KEY_READER_LOOK_MS 25
