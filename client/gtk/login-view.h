/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first page: where the broker is, who the user is, and the password.  Thread: main.
 */
#pragma once

#include "base/secret.h"

#include <gtk/gtk.h>

typedef struct BerthLoginView BerthLoginView;

/* The user wants to log in; everything is borrowed.  ca_file is NULL for the system's. */
typedef void (*BerthLoginFunc)(const char *broker, const char *ca_file, const char *user,
                               BerthSecret *password, void *user_data);

/* The view belongs to its widget and dies with it. */
BerthLoginView *berth_login_view_new(BerthLoginFunc func, void *user_data);

/* The page to show. */
GtkWidget *berth_login_view_get_widget(BerthLoginView *self);

/* Fills the fields; "" leaves one empty. */
void berth_login_view_fill(BerthLoginView *self, const char *broker, const char *ca_file,
                           const char *user);

/* Shows why it did not work; NULL hides it.  The password is emptied and focused. */
void berth_login_view_show_error(BerthLoginView *self, const char *text);

/* Puts the keyboard where the user has to type next. */
void berth_login_view_focus(BerthLoginView *self);
