/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The steps of a desktop that is being opened: done, under way with its time, to come.  The times
 * are written anew once a second while the steps can be seen.  Thread: main.
 */
#pragma once

#include "client/core/start-progress.h"

#include <gtk/gtk.h>

typedef struct BerthStartSteps BerthStartSteps;

/* The steps belong to their widget and die with it. */
BerthStartSteps *berth_start_steps_new(void);

GtkWidget *berth_start_steps_get_widget(BerthStartSteps *self);

/* Shows how far it is; copied. */
void berth_start_steps_show(BerthStartSteps *self, const BerthStartProgress *progress);
