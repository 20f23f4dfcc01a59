/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks which monitors a desktop shall fill.  Thread: main.
 */
#pragma once

#include <gtk/gtk.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Asks over a window and waits for the answer.
 *
 * monitors, names: n_monitors, at most 32
 * chosen:          a bit for each, in and out; changed on true only, and never to none
 */
bool berth_monitor_question_ask(GtkWindow *window, GdkMonitor *const *monitors, char *const *names,
                                size_t n_monitors, uint32_t *chosen);
