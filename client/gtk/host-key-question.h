/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks which key gives all keys to the desktop and takes them back.  Thread: main.
 */
#pragma once

#include "client/core/settings.h"

#include <gtk/gtk.h>

/* Asks over a window, waits for the answer, and keeps it in the settings and their file. */
void berth_host_key_question_ask(GtkWindow *window, BerthSettings *settings);
