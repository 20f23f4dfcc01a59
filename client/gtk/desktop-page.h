/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The page of an open desktop: the canvas and all that may lie over it.
 *
 * Thread: main.
 */
#pragma once

#include "client/gtk/display-view.h"
#include "client/gtk/header.h"
#include "client/gtk/shadow-question.h"

#include <gtk/gtk.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthDesktopPage BerthDesktopPage;

typedef struct {
    BerthHeaderFunc command;        /* of the bar in full screen */
    void (*leave)(void *user_data); /* the user does not want to wait for the connection */
    BerthShadowAnswerFunc answer;   /* to who wants to watch */
} BerthDesktopPageCallbacks;

/* The page belongs to its widget and dies with it. */
BerthDesktopPage *berth_desktop_page_new(const BerthDesktopPageCallbacks *callbacks,
                                         void *user_data);

GtkWidget *berth_desktop_page_get_widget(BerthDesktopPage *self);

/* The canvas; borrowed. */
BerthDisplayView *berth_desktop_page_get_view(BerthDesktopPage *self);

/* Puts a widget over a part of the canvas, on top of those before. */
void berth_desktop_page_put_over(BerthDesktopPage *self, GtkWidget *widget);

/* See berth_fullscreen_bar_add(). */
void berth_desktop_page_add_to_bar(BerthDesktopPage *self, GtkWidget *widget);

/* The same for a widget that only says something: what is below stays in reach. */
void berth_desktop_page_put_sign_over(BerthDesktopPage *self, GtkWidget *widget);

/* The name of the desktop; copied. */
void berth_desktop_page_set_title(BerthDesktopPage *self, const char *title);

/* In full screen there is no header: what it would tell is over the canvas. */
void berth_desktop_page_set_fullscreen(BerthDesktopPage *self, bool is_full);

/*
 * Gives the keyboard to the first of what lies over the canvas, in full screen to the bar.  The Tab
 * key leads on from there.  Returns false if there is nothing that takes it.
 */
bool berth_desktop_page_enter(BerthDesktopPage *self);

/* The connection was lost; see berth_resume_overlay_show(). */
void berth_desktop_page_show_waiting(BerthDesktopPage *self, int64_t retry_at_us,
                                     int64_t give_up_at_us);

/* The connection is back, or will not come back. */
void berth_desktop_page_hide_waiting(BerthDesktopPage *self);

/* Who else watches, as a text; NULL is nobody. */
void berth_desktop_page_set_sign(BerthDesktopPage *self, const char *text);

/* Tells for a while that the desktop has all keys, and which one gives them back; NULL: no more. */
void berth_desktop_page_show_hint(BerthDesktopPage *self, const char *host_key);

/* What the site says to the user; NULL takes it away. */
void berth_desktop_page_show_notice(BerthDesktopPage *self, const char *text);

/* Somebody wants to watch. */
void berth_desktop_page_ask(BerthDesktopPage *self, const BerthMsgShadowAsk *ask);
