/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks whether a desktop shall really be logged off from.  Thread: main.
 */
#pragma once

#include <gtk/gtk.h>
#include <stdbool.h>

/* Asks over a window and waits for the answer; true: log off. */
bool berth_logoff_question_ask(GtkWindow *window);
