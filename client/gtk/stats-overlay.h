/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The numbers of an open desktop, over a corner of its canvas.
 *
 * Looks at them once a second while it is in sight, and never otherwise.  Thread: main.
 */
#pragma once

#include "client/core/session-controller.h"
#include "client/core/stats-report.h"

#include <gtk/gtk.h>
#include <stdbool.h>

typedef struct BerthStatsOverlay BerthStatsOverlay;

/* Hidden.  It belongs to its widget and dies with it. */
BerthStatsOverlay *berth_stats_overlay_new(void);

GtkWidget *berth_stats_overlay_get_widget(BerthStatsOverlay *self);

/* Whose numbers; borrowed, NULL is nobody's. */
void berth_stats_overlay_set_controller(BerthStatsOverlay *self,
                                        BerthSessionController *controller);

/* Shows the numbers of now, or hides them. */
void berth_stats_overlay_show(BerthStatsOverlay *self, bool is_shown);
bool berth_stats_overlay_is_shown(const BerthStatsOverlay *self);

/* The text as it shows it now; NULL while it is hidden or there is nothing to tell of.  Owned. */
char *berth_stats_overlay_describe(BerthStatsOverlay *self);
