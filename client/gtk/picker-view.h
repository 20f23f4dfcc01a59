/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The page with the user's desktops: favourites first, then by name.  Thread: main.
 */
#pragma once

#include "client/core/settings.h"

#include "berth/ids.h"

#include <gtk/gtk.h>

typedef struct BerthPickerView BerthPickerView;

/* What the user wants; everything is borrowed. */
typedef struct {
    void (*pick)(const BerthId *pool, const char *name, void *user_data);
    void (*favourite)(const BerthId *pool, bool is_favourite, void *user_data);
    void (*restart)(const BerthId *pool, const char *name, void *user_data);
    void (*report)(const BerthId *pool, const char *name, void *user_data);
} BerthPickerCallbacks;

/* The view belongs to its widget and dies with it. */
BerthPickerView *berth_picker_view_new(const BerthPickerCallbacks *callbacks, void *user_data);

GtkWidget *berth_picker_view_get_widget(BerthPickerView *self);

/* Shows a list of BerthDesktop; keeps a reference to it.  profile: knows the favourites. */
void berth_picker_view_set_desktops(BerthPickerView *self, GPtrArray *desktops,
                                    const BerthProfile *profile);

/* Shows why it did not work; NULL hides it. */
void berth_picker_view_show_error(BerthPickerView *self, const char *text);

/* Tells that something was done; goes with the next list. */
void berth_picker_view_show_notice(BerthPickerView *self, const char *text);

/* Puts the keyboard on the first desktop. */
void berth_picker_view_focus(BerthPickerView *self);
