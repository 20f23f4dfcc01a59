/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The page between two others: what is being waited for, how far a desktop is that starts, or why
 * it is closed.
 *
 * Thread: main.
 */
#pragma once

#include "client/core/start-progress.h"

#include <gtk/gtk.h>
#include <stdbool.h>

typedef struct BerthStatusView BerthStatusView;

/* What the user can do there. */
typedef enum {
    BERTH_STATUS_CANCEL,    /* stop waiting */
    BERTH_STATUS_RECONNECT, /* open the same desktop again */
    BERTH_STATUS_LIST,      /* back to all desktops */
} BerthStatusChoice;

typedef void (*BerthStatusFunc)(BerthStatusChoice choice, void *user_data);

/* The view belongs to its widget and dies with it. */
BerthStatusView *berth_status_view_new(BerthStatusFunc func, void *user_data);

GtkWidget *berth_status_view_get_widget(BerthStatusView *self);

/* Something is under way: a spinner, a text and a button to stop. */
void berth_status_view_show_busy(BerthStatusView *self, const char *title, const char *text);

/* A desktop is being opened: its steps with their times, which go on by themselves.  Copied. */
void berth_status_view_show_progress(BerthStatusView *self, const char *title,
                                     const BerthStartProgress *progress);

/* The desktop is closed: the reason, and ways on.  has_list: there are other desktops. */
void berth_status_view_show_end(BerthStatusView *self, const char *title, const char *text,
                                bool has_list);
