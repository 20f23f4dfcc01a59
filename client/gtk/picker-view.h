/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The page with the user's desktops.  Thread: main.
 */
#pragma once

#include "berth/ids.h"

#include <gtk/gtk.h>

typedef struct BerthPickerView BerthPickerView;

/* The user wants a desktop; both are borrowed. */
typedef void (*BerthPickFunc)(const BerthId *pool, const char *name, void *user_data);

/* The view belongs to its widget and dies with it. */
BerthPickerView *berth_picker_view_new(BerthPickFunc func, void *user_data);

GtkWidget *berth_picker_view_get_widget(BerthPickerView *self);

/* Shows a list of BerthDesktop; keeps a reference to it. */
void berth_picker_view_set_desktops(BerthPickerView *self, GPtrArray *desktops);

/* Shows why it did not work; NULL hides it. */
void berth_picker_view_show_error(BerthPickerView *self, const char *text);

/* Puts the keyboard on the first desktop. */
void berth_picker_view_focus(BerthPickerView *self);
