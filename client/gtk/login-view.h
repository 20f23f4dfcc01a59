/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first page: where the broker is, and how the user proves who it is: a password, a provider in
 * the browser, or the certificate of this device.  Brokers that were used before are a list to
 * choose from.  Thread: main.
 */
#pragma once

#include "client/core/login-flow.h"
#include "client/core/settings.h"

#include <gtk/gtk.h>

typedef struct BerthLoginView BerthLoginView;

/* What the page says; everything is borrowed for the time of the call. */
typedef struct {
    const char *broker;
    BerthBrokerFiles files;
    BerthCredentials credentials;
} BerthLoginForm;

typedef struct {
    /* The user wants to log in. */
    void (*login)(const BerthLoginForm *form, void *user_data);
    /* A broker was named, without credentials: berth_login_view_set_providers() its providers. */
    void (*look)(const BerthLoginForm *form, void *user_data);
    /* Another profile was chosen, by its name. */
    void (*profile)(const char *name, void *user_data);
    /* The present profile shall be forgotten. */
    void (*forget)(void *user_data);
} BerthLoginViewCallbacks;

/* The view belongs to its widget and dies with it. */
BerthLoginView *berth_login_view_new(const BerthLoginViewCallbacks *callbacks, void *user_data);

/* The page to show. */
GtkWidget *berth_login_view_get_widget(BerthLoginView *self);

/* Fills the fields from the present profile, and the list of profiles.  Then it looks. */
void berth_login_view_fill(BerthLoginView *self, const BerthSettings *settings);

/* A button for each BerthProviderName; NULL for none. */
void berth_login_view_set_providers(BerthLoginView *self, GPtrArray *providers);

/* Shows why it did not work; NULL hides it. */
void berth_login_view_show_error(BerthLoginView *self, const char *text);

/* Puts the keyboard where the user has to type next. */
void berth_login_view_focus(BerthLoginView *self);
