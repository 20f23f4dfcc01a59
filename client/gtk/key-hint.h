/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line over the canvas that tells for some seconds who has the keys and how to get them back.
 *
 * Thread: main.
 */
#pragma once

#include <gtk/gtk.h>

typedef struct BerthKeyHint BerthKeyHint;

/* Belongs to its widget and dies with it. */
BerthKeyHint *berth_key_hint_new(void);

GtkWidget *berth_key_hint_get_widget(BerthKeyHint *self);

/* Shows a text for a while; NULL takes it away. */
void berth_key_hint_show(BerthKeyHint *self, const char *text);
