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

/*
 * Tells for a while that the desktop has all keys; NULL takes it away.
 *
 * host_key: which one gives them back, as the user knows it
 */
void berth_key_hint_show(BerthKeyHint *self, const char *host_key);
