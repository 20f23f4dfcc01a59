/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How every program of Berth runs: one GLib loop that ends cleanly on SIGINT and SIGTERM.
 */
#pragma once

#include <glib.h>

/*
 * Lets SIGINT and SIGTERM wait until berth_main_loop_run(): a program that somebody can know of
 * before its loop runs would else die of them instead of ending cleanly.
 *
 * Thread: main, before others are made.
 */
void berth_main_loop_hold_signals(void);

/*
 * Runs the loop until it is quit; SIGINT and SIGTERM quit it, SIGPIPE is ignored.
 *
 * Thread: main.
 */
void berth_main_loop_run(GMainLoop *loop);
