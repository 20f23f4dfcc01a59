/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What lies over the last picture while a lost connection is being brought back.  Thread: main.
 */
#pragma once

#include <gtk/gtk.h>
#include <stdint.h>

typedef struct BerthResumeOverlay BerthResumeOverlay;

/* leave: the user does not want to wait.  The overlay belongs to its widget and dies with it. */
BerthResumeOverlay *berth_resume_overlay_new(GCallback leave, void *user_data);

/* To be put over the canvas; hidden at first. */
GtkWidget *berth_resume_overlay_get_widget(BerthResumeOverlay *self);

/*
 * Shows it and counts down.
 *
 * retry_at_us, give_up_at_us: monotonic
 */
void berth_resume_overlay_show(BerthResumeOverlay *self, int64_t retry_at_us,
                               int64_t give_up_at_us);

void berth_resume_overlay_hide(BerthResumeOverlay *self);
