/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How every program of Berth runs: one GLib loop that ends cleanly on SIGINT and SIGTERM.
 */
#pragma once

#include <glib.h>

/*
 * Runs the loop until it is quit; SIGINT and SIGTERM quit it, SIGPIPE is ignored.
 *
 * Thread: main.
 */
void berth_main_loop_run(GMainLoop *loop);
