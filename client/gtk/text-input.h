/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The user's input method in front of a canvas: what it makes goes to the desktop as text.
 *
 * It is asked first only while it is switched on; else keys go as keys.  Thread: main.
 */
#pragma once

#include <gtk/gtk.h>
#include <stdbool.h>

typedef struct BerthTextInput BerthTextInput;

/* func gets UTF-8; area: borrowed, has to outlive it. */
BerthTextInput *berth_text_input_new(GtkWidget *area,
                                     void (*func)(const char *text, void *user_data),
                                     void *user_data);

/* NULL is allowed. */
void berth_text_input_free(BerthTextInput *self);

/* Whether the input method is asked at all; it is not at first. */
void berth_text_input_set_enabled(BerthTextInput *self, bool is_enabled);

/* The canvas got the keyboard, or lost it. */
void berth_text_input_set_focus(BerthTextInput *self, bool has_focus);

/* Returns true if the input method took the key. */
bool berth_text_input_filter(BerthTextInput *self, GdkEventKey *event);
