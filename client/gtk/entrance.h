/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What comes before a desktop: the pages on which the user logs in, answers what the login asks and
 * chooses a desktop, and what is remembered of it.
 *
 * It tells the controller what the user wants; what the controller answers comes in through the
 * functions below.  Thread: main.
 */
#pragma once

#include "client/core/launch-link.h"
#include "client/core/session-controller.h"
#include "client/core/settings.h"

#include <gtk/gtk.h>
#include <stdbool.h>

typedef struct BerthEntrance BerthEntrance;

typedef struct {
    /* A controller for that broker, the present one if it fits; NULL with error set. */
    BerthSessionController *(*controller)(const BerthBrokerAddress *address,
                                          const BerthBrokerFiles *files, GError **error,
                                          void *user_data);
    /* The user chose a desktop. */
    void (*pick)(const BerthId *pool, const char *name, void *user_data);
    /* The recovery codes were read: the list can be shown. */
    void (*kept)(void *user_data);
} BerthEntranceCallbacks;

/* settings: borrowed.  It belongs to the page of the login and dies with it. */
BerthEntrance *berth_entrance_new(BerthSettings *settings, const BerthEntranceCallbacks *callbacks,
                                  void *user_data);

/* The pages. */
GtkWidget *berth_entrance_get_login(BerthEntrance *self);
GtkWidget *berth_entrance_get_question(BerthEntrance *self);
GtkWidget *berth_entrance_get_picker(BerthEntrance *self);

/* What belongs to a page that was just shown: its text, its keyboard focus.  error may be NULL. */
void berth_entrance_enter_question(BerthEntrance *self);
void berth_entrance_enter_login(BerthEntrance *self, const char *error);
void berth_entrance_enter_list(BerthEntrance *self, const char *error);

/* Logs in as the present profile says: by a password, or by the device's certificate if NULL. */
void berth_entrance_log_in(BerthEntrance *self, BerthSecret *password);

/*
 * From here on the device logs itself in whenever nobody is logged in, after a while that grows: a
 * kiosk has nobody who would click.
 */
void berth_entrance_keep_logged_in(BerthEntrance *self);

/* Goes where a link says; asks first if it leads to a broker that is not known here. */
void berth_entrance_open_link(BerthEntrance *self, const BerthLaunchLink *link);

/* What the login asks; returns whether the page of the question has to be shown. */
bool berth_entrance_ask(BerthEntrance *self, const BerthLoginQuestion *question);

/* Codes that have to be shown before the list. */
void berth_entrance_keep_codes(BerthEntrance *self, const char *const *codes);

/* Whether codes wait to be read; their page has to be shown then. */
bool berth_entrance_has_codes(const BerthEntrance *self);

/* Where else the user may log in: BerthProviderName. */
void berth_entrance_set_providers(BerthEntrance *self, GPtrArray *providers);

/* The list to choose from: BerthDesktop. */
void berth_entrance_set_desktops(BerthEntrance *self, GPtrArray *desktops);

/* The broker answered to a restart or a report; returns whether it was one of them. */
bool berth_entrance_done(BerthEntrance *self, BerthBrokerRequest request, const GError *error);
