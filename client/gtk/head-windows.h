/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The windows of the heads beside the first one.
 *
 * A window opens with the first frame of its head and fills a monitor of its own if there is one.
 * When that monitor is unplugged, window and head go.  The client's own keys are those of the first
 * window: each window shows its own statistics.
 * Thread: main.
 */
#pragma once

#include "client/core/host-key.h"
#include "client/core/session-controller.h"
#include "client/gtk/header.h"

#include <gtk/gtk.h>
#include <stdbool.h>

typedef struct BerthHeadWindows BerthHeadWindows;

/*
 * main_window:  borrowed, of the first head; has to outlive the others
 * func:         hears of a key pressed here that is for the session: BERTH_HEADER_SCREENSHOT
 */
BerthHeadWindows *berth_head_windows_new(GtkWindow *main_window, BerthHeaderFunc func,
                                         void *user_data);

/* Closes all; NULL is allowed. */
void berth_head_windows_free(BerthHeadWindows *self);

/* Shows heads of another controller, borrowed; closes those of the one before.  NULL is none. */
void berth_head_windows_set_controller(BerthHeadWindows *self, BerthSessionController *controller);

/* The host key of windows that are open and of those to come. */
void berth_head_windows_set_host_key(BerthHeadWindows *self, const BerthHostKeyChoice *choice);

/* Whether the input method is asked before the guest, in windows open and to come. */
void berth_head_windows_set_input_method(BerthHeadWindows *self, bool is_enabled);

/* Asks the guest for one more head; its window opens if the guest has one. */
void berth_head_windows_add(BerthHeadWindows *self);

/*
 * Asks the guest for one head for each of n monitors, and lets all others go: the first monitor is
 * that of the main window, the others are filled by windows that open if the guest has the heads.
 *
 * monitors: borrowed while they are there; at most BERTH_LIMIT_HEADS
 */
void berth_head_windows_spread(BerthHeadWindows *self, GdkMonitor *const *monitors, size_t n);

/* The desktop is open (again): asks for the heads whose windows are open. */
void berth_head_windows_opened(BerthHeadWindows *self);

/* A frame of any head; the first one is nobody's here. */
void berth_head_windows_frame(BerthHeadWindows *self, const BerthFrameNews *news);

/* Closes the window of a head that is gone, or all of them. */
void berth_head_windows_close(BerthHeadWindows *self, unsigned head);
void berth_head_windows_close_all(BerthHeadWindows *self);

/* As for the canvas of the first head; NULL hides the pointer. */
void berth_head_windows_set_cursor(BerthHeadWindows *self, const BerthCursorImage *image);
void berth_head_windows_set_pointer_mode(BerthHeadWindows *self, bool is_absolute);
