/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A bar over the desktop with a notice of the site: "This desktop is switched off at 18:00."
 *
 * It stays until the user closes it or another notice takes its place.  Thread: main.
 */
#pragma once

#include <gtk/gtk.h>

typedef struct BerthNoticeBar BerthNoticeBar;

/* A hidden bar.  It belongs to its widget and dies with it. */
BerthNoticeBar *berth_notice_bar_new(void);

GtkWidget *berth_notice_bar_get_widget(BerthNoticeBar *self);

/* Shows a text, which is copied. */
void berth_notice_bar_show(BerthNoticeBar *self, const char *text);

void berth_notice_bar_hide(BerthNoticeBar *self);
